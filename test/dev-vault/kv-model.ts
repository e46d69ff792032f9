// A small reference model of KV v2, written from the API documentation and on its own: mutable, slow, obvious. What it
// says of every operation, a dev Vault must say too.

export interface ModelVersion {
  data: Record<string, unknown>;
  createdAtMs: number;
  /** Milliseconds; when reached, the version is deleted. */
  deletedAtMs: number | undefined;
  destroyed: boolean;
}

export interface ModelSecret {
  versions: Map<number, ModelVersion>;
  current: number;
  maxVersions: number;
  casRequired: boolean;
  deleteAfterSeconds: number;
  custom: Record<string, string>;
}

export interface Expected {
  readonly status: number;
  readonly error?: string;
  /** Parts of `data` that must be there, deeply. */
  readonly data?: unknown;
}

const NOT_FOUND: Expected = { status: 404, error: '' };
const DONE: Expected = { status: 204 };

export class KvModel {
  readonly secrets = new Map<string, ModelSecret>();
  maxVersions = 0;
  casRequired = false;
  deleteAfterSeconds = 0;
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  put(path: string, data: Record<string, unknown>, cas: number | undefined): Expected {
    const refusal = this.#casRefusal(path, cas);
    return refusal ?? this.#add(path, data);
  }

  patch(path: string, patch: Record<string, unknown>, cas: number | undefined): Expected {
    const secret = this.secrets.get(path);
    if (secret === undefined) return { status: 404 };
    const refusal = this.#casRefusal(path, cas);
    if (refusal !== undefined) return refusal;
    const newest = secret.versions.get(secret.current);
    if (newest === undefined) return { status: 404 };
    if (!this.#isLive(newest)) return { status: 404, data: { version: secret.current } };
    return this.#add(path, merge(newest.data, patch));
  }

  read(path: string, version: number | undefined): Expected {
    const secret = this.secrets.get(path);
    const number = version !== undefined && version > 0 ? version : (secret?.current ?? 0);
    const found = secret?.versions.get(number);
    if (secret === undefined || found === undefined) return NOT_FOUND;
    const metadata = {
      version: number,
      destroyed: found.destroyed,
      custom_metadata: Object.keys(secret.custom).length === 0 ? null : secret.custom,
    };
    return this.#isLive(found)
      ? { status: 200, data: { data: found.data, metadata } }
      : { status: 404, data: { data: null, metadata } };
  }

  delete(path: string, versions: readonly number[] | undefined): Expected {
    if (versions?.length === 0) return { status: 400, error: 'No version number provided' };
    const secret = this.secrets.get(path);
    for (const number of versions ?? [secret?.current ?? 0]) {
      const version = secret?.versions.get(number);
      if (version !== undefined && this.#isLive(version)) version.deletedAtMs = this.nowMs;
    }
    return DONE;
  }

  undelete(path: string, versions: readonly number[]): Expected {
    if (versions.length === 0) return { status: 400, error: 'No version number provided' };
    const secret = this.secrets.get(path);
    for (const number of versions) {
      const version = secret?.versions.get(number);
      if (secret === undefined || version === undefined || version.destroyed) continue;
      version.deletedAtMs = this.#expiry(secret);
    }
    return DONE;
  }

  destroy(path: string, versions: readonly number[]): Expected {
    if (versions.length === 0) return { status: 400, error: 'no version number provided' };
    for (const number of versions) {
      const version = this.secrets.get(path)?.versions.get(number);
      if (version !== undefined) version.destroyed = true;
    }
    return DONE;
  }

  setMetadata(path: string, settings: Partial<ModelSecret>): Expected {
    if (Object.keys(settings).length === 0) return DONE;
    const secret = this.secrets.get(path) ?? this.#empty();
    Object.assign(secret, settings);
    this.secrets.set(path, secret);
    // A warning comes with an answer: the engine requires what this secret says it need not.
    return settings.casRequired === false && this.casRequired ? { status: 200 } : DONE;
  }

  patchCustom(path: string, custom: Record<string, string | null>): Expected {
    const secret = this.secrets.get(path);
    if (secret === undefined) return { status: 404 };
    secret.custom = merge(secret.custom, custom) as Record<string, string>;
    return DONE;
  }

  readMetadata(path: string): Expected {
    const secret = this.secrets.get(path);
    if (secret === undefined) return NOT_FOUND;
    const versions: Record<string, unknown> = {};
    for (const [number, { destroyed }] of secret.versions) versions[number] = { destroyed };
    return {
      status: 200,
      data: {
        current_version: secret.current,
        max_versions: secret.maxVersions,
        cas_required: secret.casRequired,
        versions,
      },
    };
  }

  forget(path: string): Expected {
    this.secrets.delete(path);
    return DONE;
  }

  list(): Expected {
    const keys = [...this.secrets.keys()].sort();
    return keys.length === 0 ? NOT_FOUND : { status: 200, data: { keys } };
  }

  #casRefusal(path: string, cas: number | undefined): Expected | undefined {
    const secret = this.secrets.get(path);
    if (cas === undefined) {
      const isRequired = this.casRequired || secret?.casRequired === true;
      return isRequired
        ? { status: 400, error: 'check-and-set parameter required for this call' }
        : undefined;
    }
    return cas === (secret?.current ?? 0)
      ? undefined
      : { status: 400, error: 'check-and-set parameter did not match the current version' };
  }

  #add(path: string, data: Record<string, unknown>): Expected {
    const secret = this.secrets.get(path) ?? this.#empty();
    this.secrets.set(path, secret);
    secret.current += 1;
    secret.versions.set(secret.current, {
      data,
      createdAtMs: this.nowMs,
      deletedAtMs: this.#expiry(secret),
      destroyed: false,
    });
    const kept = Math.max(secret.maxVersions, this.maxVersions) || 10;
    for (const number of secret.versions.keys()) {
      if (number <= secret.current - kept) secret.versions.delete(number);
    }
    return { status: 200, data: { version: secret.current, destroyed: false } };
  }

  #empty(): ModelSecret {
    return {
      versions: new Map(),
      current: 0,
      maxVersions: 0,
      casRequired: false,
      deleteAfterSeconds: 0,
      custom: {},
    };
  }

  #expiry(secret: ModelSecret): number | undefined {
    if (this.deleteAfterSeconds < 0) return undefined;
    const set = [secret.deleteAfterSeconds, this.deleteAfterSeconds].filter((value) => value > 0);
    return set.length === 0 ? undefined : this.nowMs + Math.min(...set) * 1000;
  }

  #isLive(version: ModelVersion): boolean {
    const isDeleted = version.deletedAtMs !== undefined && version.deletedAtMs < this.nowMs;
    return !isDeleted && !version.destroyed;
  }
}

/** RFC 7396 for the values that the tests use. */
function merge(
  target: Record<string, unknown>,
  patch: Record<string, unknown>,
): Record<string, unknown> {
  const merged = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, key);
    else merged[key] = value;
  }
  return merged;
}
