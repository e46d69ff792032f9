// One series of rotations against the built program: an operator who writes a version after the other, and clients who
// sign with them. A request counts as valid when its token was within its grace even as the answer arrived; what a
// slow machine let expire on the way is told apart.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '../../src/client/index.js';
import type { DevVault } from '../../src/dev-vault/index.js';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { putToken } from '../fixtures/scene.js';
import { signedCall, type Received } from '../fixtures/signed-request.js';

export interface SeriesOptions {
  readonly agent: AgentProcess;
  readonly vault: DevVault;
  /** Of each new version; null: the document says none, the agent's default holds. */
  readonly graceSeconds: number | null;
  /** What holds where the document says none. */
  readonly defaultGraceSeconds?: number;
  /** So many rotations at most fall into one grace. */
  readonly supersededMax: number;
}

export interface Counts {
  /** Answers of 200 and 204, by client. */
  readonly answered: Record<string, number>;
  /** Anything else for a token in its grace: `client status`. */
  readonly refused: Record<string, number>;
  /** Told to try again (503 with `Retry-After`), by client. */
  readonly retried: Record<string, number>;
  /** Its grace ended before the answer came. */
  readonly late: Record<string, number>;
  slowestMs: number;
}

export class Series {
  readonly counts: Counts = { answered: {}, refused: {}, retried: {}, late: {}, slowestMs: 0 };
  readonly #options: SeriesOptions;
  readonly #url: string;
  /** When the version after it was written, by version; milliseconds since the epoch. */
  readonly #supersededAt = new Map<number, number>();
  readonly #writtenAt: number[] = [];
  readonly #clients: Promise<void>[] = [];
  readonly #closing: (() => unknown)[] = [];
  #version = 1;
  #isOver = false;

  constructor(options: SeriesOptions, url: string) {
    this.#options = options;
    this.#url = url;
  }

  get version(): number {
    return this.#version;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  hasRefusal(): boolean {
    return Object.keys(this.counts.refused).length > 0;
  }

  /** Writes the next version, no sooner than `supersededMax` in one grace allow. */
  async rotate(): Promise<void> {
    const { vault, graceSeconds, supersededMax } = this.#options;
    const blocking = this.#writtenAt.at(-supersededMax);
    if (blocking !== undefined) {
      const waitMs = blocking + this.#graceMs() + 1 - Date.now();
      if (waitMs > 0) await pause(waitMs);
    }
    this.#supersededAt.set(this.#version, Date.now());
    const fields = graceSeconds === null ? {} : { grace_seconds: graceSeconds };
    putToken(vault, `token-${this.#version + 1}`, fields);
    this.#version += 1;
    this.#writtenAt.push(Date.now());
  }

  /** A client that goes on until the end. */
  run(turn: () => Promise<void>): void {
    const loop = async (): Promise<void> => {
      while (!this.#isOver) await turn();
    };
    this.#clients.push(loop());
  }

  /** Lets every client finish its turn. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const close of this.#closing) await close();
    await Promise.all(this.#clients);
  }

  /** Knows each new token at once, mostly before the agent; `everyMs` paces it. */
  foreign(name = 'foreign', everyMs = 0): void {
    this.run(async () => {
      const version = this.#version;
      await this.call(name, version, { keyid: `default:${version}` });
      if (everyMs > 0) await pause(everyMs);
    });
  }

  /** Knows it too, and says no version. */
  terse(everyMs = 0): void {
    this.run(async () => {
      await this.call('terse', this.#version, { keyid: 'default' });
      if (everyMs > 0) await pause(everyMs);
    });
  }

  /** Comes with a token that was just superseded, a few times. */
  cold(everyMs = 0): void {
    this.run(async () => {
      const version = Math.max(1, this.#version - 1);
      for (let times = 0; times < 3 && !this.#isOver; times += 1) {
        await this.call('cold', version, { keyid: `default:${version}` });
        if (everyMs > 0) await pause(everyMs);
      }
      await pause(5);
    });
  }

  /** The library that starts anew each time, with the token file of a place where the rotation has not arrived yet. */
  coldLibrary(folder: string): void {
    const tokenFile = join(folder, 'superseded');
    this.run(async () => {
      const version = Math.max(1, this.#version - 1);
      await writeFile(tokenFile, strong(`token-${version}`), { mode: 0o600 });
      await using agent = connect({ url: this.#url, tokenFile, name: 'default' });
      const { status, headers } = await agent.fetch('/v1/tokens');
      // it throws for one that is not signed, those apart that mean to try again
      const isSigned = headers.has('signature');
      this.#count('cold library', version, {
        status,
        headers: Object.fromEntries(headers),
        isSigned,
      });
    });
  }

  /** The library beside the agent: signs with what its own watch told it. Starts once it holds the token. */
  async library(socket: string): Promise<void> {
    const agent = connect({ socket });
    this.#closing.push(() => agent.close());
    await agent.ready();
    let known = (await agent.token()).version ?? 1;
    const follow = async (): Promise<void> => {
      for await (const { version } of agent.watch()) known = version ?? known;
    };
    this.#clients.push(follow());
    this.run(async () => {
      await this.call('library', known, { keyid: `default:${known}` });
    });
  }

  /** Follows by watching, and signs with what it was told. */
  watcher(everyMs = 0): void {
    let known = 1;
    let revision = '';
    this.run(async () => {
      const target = `/v1/tokens/default/watch?timeout=${everyMs > 0 ? 30 : 1}&revision=${revision}`;
      const answer = await this.call('watcher', known, { keyid: `default:${known}`, target });
      // as a library does it that was told nothing for longer than the grace
      if (answer.status === 401) known = this.#version;
      if (answer.status === 200) {
        known = answer.json.version;
        revision = answer.json.revision;
      }
      if (everyMs > 0) await pause(everyMs);
    });
  }

  async call(
    client: string,
    version: number,
    { keyid, target = '/v1/tokens' }: { readonly keyid: string; readonly target?: string },
  ): Promise<Received> {
    const startedMs = performance.now();
    const answer = await signedCall(this.#url, { target, key: strong(`token-${version}`), keyid });
    if (!target.includes('/watch')) {
      this.counts.slowestMs = Math.max(this.counts.slowestMs, performance.now() - startedMs);
    }
    this.#count(client, version, answer);
    return answer;
  }

  #count(
    client: string,
    version: number,
    { status, headers, isSigned }: Pick<Received, 'status' | 'headers' | 'isSigned'>,
  ): void {
    const add = (to: Record<string, number>, key: string): void => {
      to[key] = (to[key] ?? 0) + 1;
    };
    const { answered, refused, retried, late } = this.counts;
    if ([200, 204].includes(status) && isSigned) add(answered, client);
    else if (status === 503 && headers['retry-after'] !== undefined) add(retried, client);
    else if (Date.now() > this.#graceEndsAt(version)) add(late, client);
    else add(refused, `${client} ${status}${isSigned ? '' : ' unsigned'}`);
  }

  #graceEndsAt(version: number): number {
    return (this.#supersededAt.get(version) ?? Number.POSITIVE_INFINITY) + this.#graceMs();
  }

  #graceMs(): number {
    const { graceSeconds, defaultGraceSeconds = 0 } = this.#options;
    return (graceSeconds ?? defaultGraceSeconds) * 1000;
  }
}

/** The sum over all clients. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
