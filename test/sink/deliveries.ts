// Deliveries and disks as tests of sinks need them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Disk, systemDisk } from '../../src/sink/disk.js';
import type { Delivery } from '../../src/sink/sink.js';
import { AgentToken } from '../../src/token/agent-token.js';
import type { CurrentToken, TokenSnapshot } from '../../src/token/snapshot.js';
import { EPOCH, strong } from '../fixtures/readings.js';

export function snapshotOf(version: number, token: string, older: readonly string[] = []) {
  const current: CurrentToken = {
    value: AgentToken.fromText(strong(token)),
    source: 'vault',
    version,
    firstVersion: version,
    createdAt: EPOCH,
    expiresAt: null,
    deletionAt: null,
  };
  return {
    revision: version,
    current,
    missing: null,
    last: null,
    superseded: older.map((text, at) => ({
      value: AgentToken.fromText(strong(text)),
      version: version - 1 - at,
      firstVersion: version - 1 - at,
      usableUntil: EPOCH + 60_000,
    })),
    pending: [],
    nextChangeAt: Infinity,
  } satisfies TokenSnapshot;
}

export function without(missing: 'absent' | 'revoked' | 'expired'): TokenSnapshot {
  const base = { revision: 9, current: null, last: null, superseded: [], pending: [] };
  return { ...base, missing, nextChangeAt: Infinity };
}

export function delivery(version: number, token: string, older: readonly string[] = []): Delivery {
  return { token: 'default', snapshot: snapshotOf(version, token, older) };
}

export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'keytender-sink-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Called before each step, with its name; throwing is a disk that refuses. */
export type OnStep = (step: string) => void;

/** A disk that tells of every step that changes it, those on an open file too. It may write little at a time. */
export function steppedDisk(
  onStep: OnStep,
  { writeBytesMax = Infinity }: { readonly writeBytesMax?: number } = {},
): Disk {
  const open = async (...args: Parameters<Disk['open']>) => {
    onStep('open');
    const handle = await systemDisk.open(...args);
    return new Proxy(handle, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...given: unknown[]): Promise<unknown> => {
          try {
            onStep(`handle.${String(name)}`);
          } catch (error) {
            if (name === 'close') await target.close();
            throw error;
          }
          if (name === 'write') given[2] = Math.min(Number(given[2]), writeBytesMax);
          return (await method.apply(target, given)) as unknown;
        };
      },
    });
  };
  return {
    ...systemDisk,
    open: open,
    rename: async (...args: Parameters<Disk['rename']>) => {
      onStep('rename');
      return systemDisk.rename(...args);
    },
    unlink: async (path) => {
      onStep('unlink');
      return systemDisk.unlink(path);
    },
  };
}

export function diskError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: for a test`), { code });
}
