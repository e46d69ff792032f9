// The secrets of one KV v2 mount with its settings, for the routes and for the in-process shortcuts alike. Everything
// that decides is in `secret.ts`; here is the clock, and what is kept.
import type { Nanos, ServerClock } from '../instant.js';
import type { JsonObject } from '../json-text.js';
import {
  addVersion,
  casRefusal,
  defaultSettings,
  deleteVersions,
  destroyVersions,
  isDeleted,
  mergePatch,
  undeleteVersions,
  type Secret,
  type SecretSettings,
} from './secret.js';
import { SecretTable } from './secret-table.js';

export type Written = { readonly secret: Secret } | { readonly refusal: string };
export type Patched = Written | { readonly missing: Secret | undefined };

export class KvEngine {
  readonly table: SecretTable;
  readonly clock: ServerClock;
  settings: SecretSettings = defaultSettings;

  constructor(clock: ServerClock) {
    this.clock = clock;
    this.table = new SecretTable(() => clock.nowMs());
  }

  nowNanos(): Nanos {
    return this.clock.stamp();
  }

  write(path: string, data: JsonObject | null, cas: number | undefined): Written {
    const before = this.table.get(path);
    const refusal = casRefusal(before, this.settings, cas);
    if (refusal !== undefined) return { refusal };
    return { secret: this.#keep(path, addVersion(before, this.settings, data, this.nowNanos())) };
  }

  /** A merge patch of the newest version, which must be readable. */
  patch(path: string, patch: JsonObject, cas: number | undefined): Patched {
    const before = this.table.get(path);
    if (before === undefined) return { missing: undefined };
    const refusal = casRefusal(before, this.settings, cas);
    if (refusal !== undefined) return { refusal };
    const at = this.nowNanos();
    const current = before.versions.get(before.currentVersion);
    if (current?.data === undefined || isDeleted(current, at)) return { missing: before };
    const data = mergePatch(current.data, patch);
    return { secret: this.#keep(path, addVersion(before, this.settings, data, at)) };
  }

  /** Soft-deletes the versions, or the newest. */
  delete(path: string, versions?: readonly number[]): void {
    this.#change(path, (secret) =>
      deleteVersions(secret, versions ?? [secret.currentVersion], this.nowNanos()),
    );
  }

  undelete(path: string, versions: readonly number[]): void {
    this.#change(path, (secret) =>
      undeleteVersions(secret, this.settings, versions, this.nowNanos()),
    );
  }

  destroy(path: string, versions: readonly number[]): void {
    this.#change(path, (secret) => destroyVersions(secret, versions));
  }

  /** The secret with all its versions, metadata too. */
  forget(path: string): void {
    if (this.table.get(path) !== undefined) this.table.set(path, undefined);
  }

  #change(path: string, change: (secret: Secret) => Secret): void {
    const secret = this.table.get(path);
    if (secret !== undefined) this.#keep(path, change(secret));
  }

  #keep(path: string, secret: Secret): Secret {
    this.table.set(path, secret);
    return secret;
  }
}
