// Secrets of one mount without HTTP: for tests that set a scene.
import { isJsonObject, toJson, type JsonObject } from './json-text.js';
import type { KvEngine, Patched } from './kv/kv-engine.js';
import { emptySecret, type Secret } from './kv/secret.js';

export interface KvWritten {
  readonly version: number;
  readonly created_time: string;
}

export interface KvVersion extends KvWritten {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly deletion_time: string;
  readonly destroyed: boolean;
}

export interface KvMetadataSettings {
  readonly max_versions?: number;
  readonly cas_required?: boolean;
  readonly delete_version_after_seconds?: number;
  readonly custom_metadata?: Readonly<Record<string, string>>;
}

/** Paths are below the mount: `keytender/default/token`. Refusals are thrown in Vault's words. */
export interface KvShortcuts {
  put(path: string, data: Readonly<Record<string, unknown>>, options?: { cas?: number }): KvWritten;
  patch(
    path: string,
    data: Readonly<Record<string, unknown>>,
    options?: { cas?: number },
  ): KvWritten;
  /** A version, or the newest; undefined when there is none. */
  get(path: string, version?: number): KvVersion | undefined;
  /** Soft: the versions, or the newest. */
  delete(path: string, versions?: readonly number[]): void;
  undelete(path: string, versions: readonly number[]): void;
  destroy(path: string, versions: readonly number[]): void;
  setMetadata(path: string, settings: KvMetadataSettings): void;
  /** The secret with all versions. */
  deleteMetadata(path: string): void;
  list(folder?: string): string[];
}

export function kvShortcuts(engineOf: () => KvEngine): KvShortcuts {
  return {
    put: (path, data, options) => {
      const outcome = engineOf().write(path, objectOf(data), options?.cas);
      if ('refusal' in outcome) throw new Error(outcome.refusal);
      return describe(outcome.secret);
    },
    patch: (path, data, options) =>
      describe(secretOf(engineOf().patch(path, objectOf(data), options?.cas), path)),
    get: (path, version) => readVersion(engineOf().table.get(path), version),
    delete: (path, versions) => {
      engineOf().delete(path, versions);
    },
    undelete: (path, versions) => {
      engineOf().undelete(path, versions);
    },
    destroy: (path, versions) => {
      engineOf().destroy(path, versions);
    },
    setMetadata: (path, settings) => {
      setMetadata(engineOf(), path, settings);
    },
    deleteMetadata: (path) => {
      engineOf().forget(path);
    },
    list: (folder = '') => engineOf().table.list(folder),
  };
}

function objectOf(data: Readonly<Record<string, unknown>>): JsonObject {
  const value = toJson(data);
  if (!isJsonObject(value)) throw new TypeError('data must be an object');
  return value;
}

function secretOf(outcome: Patched, path: string): Secret {
  if ('refusal' in outcome) throw new Error(outcome.refusal);
  if ('missing' in outcome) throw new Error(`nothing to patch at ${path}`);
  return outcome.secret;
}

function describe(secret: Secret): KvWritten {
  const created = secret.versions.get(secret.currentVersion)?.createdText ?? '';
  return { version: secret.currentVersion, created_time: created };
}

function readVersion(secret: Secret | undefined, asked: number | undefined): KvVersion | undefined {
  const number = asked ?? secret?.currentVersion ?? 0;
  const version = secret?.versions.get(number);
  if (version === undefined) return undefined;
  return {
    version: number,
    created_time: version.createdText,
    deletion_time: version.deletedText,
    destroyed: version.destroyed,
    data: JSON.parse(version.dataText) as KvVersion['data'],
  };
}

function setMetadata(engine: KvEngine, path: string, settings: KvMetadataSettings): void {
  const at = engine.nowNanos();
  const before = engine.table.get(path);
  const secret =
    before === undefined
      ? emptySecret(at, 1)
      : { ...before, metadataVersion: before.metadataVersion + 1, updatedAt: at };
  engine.table.set(path, {
    ...secret,
    maxVersions: settings.max_versions ?? secret.maxVersions,
    casRequired: settings.cas_required ?? secret.casRequired,
    deleteVersionAfterSeconds:
      settings.delete_version_after_seconds ?? secret.deleteVersionAfterSeconds,
    customMetadata: settings.custom_metadata ?? secret.customMetadata,
  });
}
