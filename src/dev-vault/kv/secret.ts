// One KV v2 secret and everything that may happen to it, without time, storage or HTTP: every operation takes a
// secret and gives the next one, or the words in which Vault refuses. Secrets are immutable, so that a standby can
// be shown an older one. https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
import { formatNanos, type Nanos } from '../instant.js';
import { emptyObject, encodeJson, isJsonObject, type Json, type JsonObject } from '../json-text.js';

export const VERSIONS_MAX_DEFAULT = 10;
const SECOND = 1_000_000_000n;

export interface Version {
  readonly createdAt: Nanos;
  /** In the past: soft-deleted. In the future: when it will be. */
  readonly deletedAt: Nanos | undefined;
  readonly destroyed: boolean;
  /** The data, and the same as JSON text; gone with the version when it is destroyed. */
  readonly data: JsonObject | undefined;
  readonly dataText: string;
  readonly createdText: string;
  readonly deletedText: string;
}

export interface SecretSettings {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  /** Negative (of the engine only): never delete by age. */
  readonly deleteVersionAfterSeconds: number;
}

export interface Secret extends SecretSettings {
  readonly versions: ReadonlyMap<number, Version>;
  readonly currentVersion: number;
  readonly oldestVersion: number;
  readonly metadataVersion: number;
  readonly createdAt: Nanos;
  readonly updatedAt: Nanos;
  readonly customMetadata: Readonly<Record<string, string>> | undefined;
}

export const defaultSettings: SecretSettings = {
  maxVersions: 0,
  casRequired: false,
  metadataCasRequired: false,
  deleteVersionAfterSeconds: 0,
};

export function emptySecret(at: Nanos, metadataVersion: number): Secret {
  return {
    ...defaultSettings,
    versions: new Map(),
    currentVersion: 0,
    oldestVersion: 0,
    metadataVersion,
    createdAt: at,
    updatedAt: at,
    customMetadata: undefined,
  };
}

/** Why a write with this check-and-set value is refused; undefined when it is not. `cas` undefined: not given. */
export function casRefusal(
  secret: Secret | undefined,
  engine: SecretSettings,
  cas: number | undefined,
): string | undefined {
  if (cas !== undefined) {
    return cas === (secret?.currentVersion ?? 0)
      ? undefined
      : 'check-and-set parameter did not match the current version';
  }
  return engine.casRequired || secret?.casRequired === true
    ? 'check-and-set parameter required for this call'
    : undefined;
}

/** Adds a version and lets the oldest ones go. */
export function addVersion(
  secret: Secret | undefined,
  engine: SecretSettings,
  data: JsonObject | null,
  at: Nanos,
): Secret {
  const before = secret ?? emptySecret(at, 0);
  const currentVersion = before.currentVersion + 1;
  const versions = new Map(before.versions);
  versions.set(currentVersion, {
    createdAt: at,
    createdText: formatNanos(at),
    ...deletionAt(expiryOf(at, before, engine)),
    destroyed: false,
    data: data ?? emptyObject(),
    // A write of null is kept as null and read as such: a live version without data.
    dataText: encodeJson(data),
  });
  const kept = Math.max(before.maxVersions, engine.maxVersions) || VERSIONS_MAX_DEFAULT;
  const prunes = currentVersion - before.oldestVersion >= kept;
  const oldestVersion = prunes ? currentVersion - kept + 1 : before.oldestVersion;
  for (let number = before.oldestVersion; number < oldestVersion; number += 1) {
    versions.delete(number);
  }
  return { ...before, versions, currentVersion, oldestVersion, updatedAt: at };
}

function deletionAt(deletedAt: Nanos | undefined): Pick<Version, 'deletedAt' | 'deletedText'> {
  return { deletedAt, deletedText: deletedAt === undefined ? '' : formatNanos(deletedAt) };
}

/** When a version created (or undeleted) at this instant ends by age: the shorter of the two settings that are set. */
function expiryOf(at: Nanos, secret: SecretSettings, engine: SecretSettings): Nanos | undefined {
  if (engine.deleteVersionAfterSeconds < 0) return undefined;
  const ages = [secret.deleteVersionAfterSeconds, engine.deleteVersionAfterSeconds].filter(
    (seconds) => seconds > 0,
  );
  return ages.length === 0 ? undefined : at + BigInt(Math.min(...ages)) * SECOND;
}

export function isDeleted(version: Version, at: Nanos): boolean {
  return version.deletedAt !== undefined && version.deletedAt < at;
}

/** Soft-deletes those of the versions that can be read. */
export function deleteVersions(secret: Secret, numbers: readonly number[], at: Nanos): Secret {
  return changeVersions(secret, numbers, (version) =>
    isDeleted(version, at) ? version : { ...version, ...deletionAt(at) },
  );
}

export function undeleteVersions(
  secret: Secret,
  engine: SecretSettings,
  numbers: readonly number[],
  at: Nanos,
): Secret {
  const deletion = deletionAt(expiryOf(at, secret, engine));
  return changeVersions(secret, numbers, (version) => ({ ...version, ...deletion }));
}

/** For good: the data goes, the entry with its times stays. */
export function destroyVersions(secret: Secret, numbers: readonly number[]): Secret {
  return changeVersions(secret, numbers, (version) => ({
    ...version,
    destroyed: true,
    data: undefined,
    dataText: 'null',
  }));
}

function changeVersions(
  secret: Secret,
  numbers: readonly number[],
  change: (version: Version) => Version,
): Secret {
  const versions = new Map(secret.versions);
  for (const number of numbers) {
    const version = versions.get(number);
    if (version !== undefined && !version.destroyed) versions.set(number, change(version));
  }
  return { ...secret, versions };
}

/** RFC 7396: null removes, objects merge, everything else replaces. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = Object.assign(emptyObject(), target);
  for (const key of Object.keys(patch)) {
    const value = patch[key] ?? null;
    if (value === null) {
      Reflect.deleteProperty(merged, key);
    } else {
      merged[key] = mergeValue(merged[key], value);
    }
  }
  return merged;
}

function mergeValue(target: Json | undefined, patch: Json): Json {
  if (Array.isArray(patch)) return patch.map(withoutNulls);
  if (!isJsonObject(patch)) return patch;
  return mergePatch(isJsonObject(target) ? target : emptyObject(), patch);
}

/** Objects inside a list that a patch brings lose their nulls; the list itself keeps its own. */
function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  return isJsonObject(value) ? mergePatch(emptyObject(), value) : value;
}
