// A file that an unchanged program reads the token from. Owns where it is and whether it is still ours; a file that
// already holds what it should is left alone, so that a restarted agent wakes nobody up. Removes it when the token is
// revoked or expired, and at the end where that is asked for.
import type { Semaphore } from 'async-mutex';
import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { SinkConfig } from '../config/config.js';
import type { AgentToken } from '../token/agent-token.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import { type Disk, explainDiskError, ifThere } from './disk.js';
import { type Owner, ownerOf } from './owner.js';
import { render } from './render.js';
import type { Delivery, Sink } from './sink.js';
import {
  type FileIdentity,
  identityOf,
  inspectPlace,
  isSameFile,
  sweepLeftovers,
  writeFileWhole,
} from './write-file.js';

export interface FileSinkOptions {
  readonly config: Pick<SinkConfig, 'format' | 'template' | 'mode' | 'owner' | 'removeOnExit'> & {
    readonly path: string;
  };
  readonly disk: Disk;
  /** `files.strict`. */
  readonly isStrict: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Shared by all file sinks. Node has four threads for disk and DNS together, and a disk that hangs keeps one: so many of
   * them sinks may have at once.
   */
  readonly slots: Semaphore;
}

const ACCOUNTS = { passwd: '/etc/passwd', group: '/etc/group' };

export class FileSink implements Sink {
  readonly #options: FileSinkOptions;
  #written: FileIdentity | null = null;

  constructor(options: FileSinkOptions) {
    this.#options = options;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const bytes = render(this.#options.config, delivery);
    try {
      await this.#options.slots.runExclusive(() => this.#put(bytes, signal));
    } catch (error) {
      throw explainDiskError(error);
    } finally {
      bytes.fill(0);
    }
  }

  async #put(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const { config, disk, isStrict, now } = this.#options;
    const path = await this.#place();
    const there = await inspectPlace(disk, path, isStrict());
    const owner = config.owner === null ? null : await this.#owner(config.owner);
    const { mode } = config;
    if (there !== null && isMeant(there, mode, owner) && (await holds(disk, path, bytes))) {
      this.#written = there;
      return;
    }
    await sweepLeftovers(disk, dirname(path), basename(path), now());
    signal.throwIfAborted();
    this.#written = await writeFileWhole(disk, { path, bytes, mode, owner });
  }

  async isIntact(): Promise<boolean> {
    const { disk, slots } = this.#options;
    const written = this.#written;
    if (written === null) return false;
    try {
      return await slots.runExclusive(async () => {
        const there = await ifThere(disk.lstat(await this.#place()));
        return there !== null && isSameFile(identityOf(there), written);
      });
    } catch {
      return false;
    }
  }

  readonly withdraw = async (): Promise<void> => {
    const { disk, slots } = this.#options;
    try {
      await slots.runExclusive(async () => {
        const path = await this.#place();
        await inspectPlace(disk, path, false);
        await ifThere(disk.unlink(path));
      });
    } catch (error) {
      throw explainDiskError(error);
    }
    this.#written = null;
  };

  isNews(before: TokenSnapshot, after: TokenSnapshot): boolean {
    return !sameValues(this.#values(before), this.#values(after));
  }

  async close(): Promise<void> {
    if (this.#options.config.removeOnExit && (await this.isIntact())) await this.withdraw();
  }

  /** The values that are in the file: one that was destroyed must leave it. */
  #values({ current, superseded }: TokenSnapshot): readonly AgentToken[] {
    const others = this.#options.config.format === 'json' ? superseded : [];
    return [...(current === null ? [] : [current]), ...others].map(({ value }) => value);
  }

  /** Links on the way to the directory are followed, at its end none is. */
  async #place(): Promise<string> {
    const { disk, config } = this.#options;
    return join(await disk.realpath(dirname(config.path)), basename(config.path));
  }

  async #owner(written: string): Promise<Owner> {
    const text = async (path: string): Promise<string> =>
      (await ifThere(this.#options.disk.readFile(path, 'utf8'))) ?? '';
    const [passwd, group] = await Promise.all([text(ACCOUNTS.passwd), text(ACCOUNTS.group)]);
    return ownerOf(written, { passwd, group });
  }
}

function sameValues(a: readonly AgentToken[], b: readonly AgentToken[]): boolean {
  return (
    a.length === b.length && a.every((value, at) => b[at] !== undefined && value.equals(b[at]))
  );
}

function isMeant(there: FileIdentity, mode: number, owner: Owner | null): boolean {
  if (there.mode !== mode) return false;
  if (owner === null) return true;
  return there.uid === owner.uid && (owner.gid === null || there.gid === owner.gid);
}

async function holds(disk: Disk, path: string, bytes: Buffer): Promise<boolean> {
  const handle = await ifThere(
    disk.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
  );
  if (handle === null) return false;
  // one byte more than meant tells a file that is longer
  const found = Buffer.alloc(bytes.length + 1);
  try {
    const { bytesRead } = await handle.read(found, 0, found.length, 0);
    return bytes.equals(found.subarray(0, bytesRead));
  } finally {
    found.fill(0);
    await handle.close();
  }
}
