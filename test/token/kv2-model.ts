// A small KV version 2 secret for tests: what an operator does to it, and what a node shows of it. States are
// immutable, so a lagging node is simply an older state.
import type { SecretReading } from '../../src/token/reading.js';

export type Fields = Readonly<Record<string, unknown>>;

interface StoredVersion {
  readonly version: number;
  readonly createdTime: string;
  readonly fields: Fields;
  readonly state: 'live' | 'deleted' | 'destroyed';
  readonly deletionTime: string | null;
}

export interface SecretState {
  readonly versions: readonly StoredVersion[];
  readonly newest: number;
  readonly customMetadata: Fields | null;
  readonly maxVersions: number;
}

const NOTHING: SecretState = { versions: [], newest: 0, customMetadata: null, maxVersions: 1000 };

export class Kv2Model {
  state: SecretState = NOTHING;
  #writes = 0;

  /** Returns the new version. */
  put(fields: Fields, atMs: number, deletionTime: string | null = null): number {
    const version = this.state.newest + 1;
    this.#writes += 1;
    const nanoseconds = String(this.#writes % 1_000_000).padStart(6, '0');
    const createdTime = new Date(atMs).toISOString().replace('Z', `${nanoseconds}Z`);
    const written: StoredVersion = { version, createdTime, fields, state: 'live', deletionTime };
    const versions = [...this.state.versions, written].slice(-this.state.maxVersions);
    this.state = { ...this.state, versions, newest: version };
    return version;
  }

  /** `kv patch`: the newest version's fields with some replaced. Nothing when it cannot be read, as Vault refuses it. */
  patch(fields: Fields, atMs: number): void {
    const newest = this.#find(this.state.newest);
    if (newest?.state === 'live') this.put({ ...newest.fields, ...fields }, atMs);
  }

  /** `kv rollback`: an older version's fields as a new version. */
  rollback(version: number, atMs: number): void {
    const old = this.#find(version);
    if (old?.state === 'live') this.put(old.fields, atMs);
  }

  delete(version = this.state.newest): void {
    this.#change(version, (one) => (one.state === 'live' ? { ...one, state: 'deleted' } : one));
  }

  undelete(version = this.state.newest): void {
    this.#change(version, (one) => (one.state === 'deleted' ? { ...one, state: 'live' } : one));
  }

  destroy(...versions: number[]): void {
    for (const version of versions) {
      this.#change(version, (one) => ({ ...one, state: 'destroyed', fields: {} }));
    }
  }

  /** `kv metadata delete`: the secret and all its versions are gone, the next write is version 1. */
  deleteMetadata(): void {
    this.state = { ...NOTHING, maxVersions: this.state.maxVersions };
  }

  setMaxVersions(maxVersions: number): void {
    const versions = this.state.versions.slice(-maxVersions);
    this.state = { ...this.state, versions, maxVersions };
  }

  setCustomMetadata(customMetadata: Fields | null): void {
    this.state = { ...this.state, customMetadata };
  }

  #find(version: number): StoredVersion | undefined {
    return this.state.versions.find((one) => one.version === version);
  }

  #change(version: number, change: (one: StoredVersion) => StoredVersion): void {
    const versions = this.state.versions.map((one) =>
      one.version === version ? change(one) : one,
    );
    this.state = { ...this.state, versions };
  }
}

/** What a node in `state` answers to a read by number, or of the newest. `unknown`: a bare 404. */
export function readingOf(state: SecretState, version = state.newest): SecretReading {
  const found = state.versions.find((one) => one.version === version);
  if (found === undefined) return { kind: 'unknown' };
  const { createdTime, fields, deletionTime } = found;
  const { customMetadata } = state;
  if (found.state !== 'live') return { kind: found.state, version, createdTime, customMetadata };
  return { kind: 'live', version, createdTime, fields, customMetadata, deletionTime };
}
