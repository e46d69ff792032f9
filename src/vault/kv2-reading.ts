// KV version 2, from `unknown` to a reading or a refusal: the only place that believes an answer to a read. A secret
// is taken whole or not at all. Vault API: `GET {mount}/data/{path}?version=N`.
import type { SecretReading } from '../token/reading.js';
import { isObject, type JsonObject } from './vault-answer.js';

export type Kv2Decoded =
  | { readonly ok: true; readonly reading: SecretReading }
  /** What is wrong with it: a phrase of ours, nothing of the answer's. */
  | { readonly ok: false; readonly problem: string };

/** A read's body that came with 200, or with 404 and `data.metadata`. `version`: the one asked for, if by number. */
export function decodeKv2(body: unknown, version?: number): Kv2Decoded {
  const data = isObject(body) ? body['data'] : undefined;
  if (!isObject(data)) return refuse('it has no "data"');
  const metadata = data['metadata'];
  if (!isObject(metadata) || !('data' in data)) return refuse(NOT_KV2);
  const identity = decodeIdentity(metadata);
  if (typeof identity === 'string') return refuse(identity);
  if (version !== undefined && identity.version !== version) {
    return refuse(`version ${version} was asked for and another one came`);
  }
  if (data['data'] === null) return decodeGone(identity);
  const fields = data['data'];
  if (!isObject(fields)) return refuse('"data.data" is not an object');
  if (identity.destroyed) return refuse('the version is destroyed and has fields');
  const { version: readVersion, createdTime, customMetadata, deletionTime } = identity;
  return {
    ok: true,
    reading: {
      kind: 'live',
      version: readVersion,
      createdTime,
      fields,
      customMetadata,
      deletionTime,
    },
  };
}

/** Whether a 404 tells of a version that is deleted or destroyed, by having its metadata. */
export function hasVersionMetadata(body: unknown): boolean {
  return isObject(body) && isObject(body['data']) && isObject(body['data']['metadata']);
}

/** The years 0001 to 9999, as Go prints them, with up to nanoseconds. */
function isTimestamp(value: unknown): value is string {
  return typeof value === 'string' && RFC3339.test(value) && !Number.isNaN(Date.parse(value));
}

const RFC3339 =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

const NOT_KV2 =
  'it is not of KV version 2 (no "data.metadata"): check that the mount is kv version 2';

interface Identity {
  readonly version: number;
  readonly createdTime: string;
  readonly destroyed: boolean;
  readonly deletionTime: string | null;
  readonly customMetadata: Readonly<Record<string, unknown>> | null;
}

function decodeIdentity(metadata: JsonObject): Identity | string {
  const version = metadata['version'];
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    return '"metadata.version" is not a whole number from 1';
  }
  const createdTime = metadata['created_time'];
  if (!isTimestamp(createdTime)) return '"metadata.created_time" is not a time';
  const destroyed = metadata['destroyed'] ?? false;
  if (typeof destroyed !== 'boolean') return '"metadata.destroyed" is not true or false';
  const deletionTime = metadata['deletion_time'] ?? '';
  if (deletionTime !== '' && !isTimestamp(deletionTime)) {
    return '"metadata.deletion_time" is not a time';
  }
  const customMetadata = metadata['custom_metadata'] ?? null;
  if (customMetadata !== null && !isObject(customMetadata)) {
    return '"metadata.custom_metadata" is not an object';
  }
  const none = deletionTime === '';
  return {
    version,
    createdTime,
    destroyed,
    deletionTime: none ? null : deletionTime,
    customMetadata,
  };
}

function decodeGone(identity: Identity): Kv2Decoded {
  const { version, createdTime, customMetadata, destroyed, deletionTime } = identity;
  if (!destroyed && deletionTime === null) {
    return refuse('it has no fields, and is neither deleted nor destroyed');
  }
  const kind = destroyed ? 'destroyed' : 'deleted';
  return { ok: true, reading: { kind, version, createdTime, customMetadata } };
}

function refuse(problem: string): Kv2Decoded {
  return { ok: false, problem };
}
