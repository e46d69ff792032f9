// The metadata of KV v2 secrets: settings, custom metadata, version list, listing of folders.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-metadata
import { formatDuration } from '../duration.js';
import { weakString } from '../fields.js';
import { formatNanos } from '../instant.js';
import { emptyObject, type Json, type JsonObject } from '../json-text.js';
import { oneError, refuse, type Refusal, type Result } from '../result.js';
import type { Call } from '../route.js';
import { customMetadataErrors, PREFIX } from './custom-metadata.js';
import { engineOf, secretOf } from './kv-call.js';
import { emptySecret, type Secret, type SecretSettings } from './secret.js';

const SETTINGS = [
  'max_versions',
  'cas_required',
  'metadata_cas_required',
  'delete_version_after',
  'custom_metadata',
];

export function readMetadata(call: Call): Result {
  const secret = secretOf(call);
  return secret === undefined ? undefined : { data: describeSecret(secret) };
}

function describeSecret(secret: Secret): JsonObject {
  const versions = emptyObject();
  for (const [number, version] of secret.versions) {
    versions[String(number)] = {
      created_time: version.createdText,
      deletion_time: version.deletedText,
      destroyed: version.destroyed,
    };
  }
  return {
    cas_required: secret.casRequired,
    created_time: formatNanos(secret.createdAt),
    current_metadata_version: secret.metadataVersion,
    current_version: secret.currentVersion,
    custom_metadata: secret.customMetadata ?? null,
    delete_version_after: formatDuration(secret.deleteVersionAfterSeconds),
    max_versions: secret.maxVersions,
    metadata_cas_required: secret.metadataCasRequired,
    oldest_version: secret.oldestVersion,
    updated_time: formatNanos(secret.updatedAt),
    versions,
  };
}

export function writeMetadata(call: Call): Result {
  const { fields } = call;
  const path = fields.string('path');
  if (path === '') return refuse(400, 'missing path');
  if (!SETTINGS.some((name) => fields.has(name))) return undefined;
  const custom = readCustom(fields.map('custom_metadata'), false);
  if ('refusedWith' in custom) return custom;
  const engine = engineOf(call);
  const before = engine.table.get(path);
  const refusal = metadataCasRefusal(
    call,
    before,
    'metadata_cas must be 0 when creating new metadata',
  );
  if (refusal !== undefined) return refusal;
  const at = engine.nowNanos();
  const secret: Secret =
    before === undefined
      ? emptySecret(at, 1)
      : { ...before, metadataVersion: before.metadataVersion + 1, updatedAt: at };
  engine.table.set(path, {
    ...secret,
    ...changedSettings(call, secret),
    customMetadata: fields.has('custom_metadata') ? orNone(custom.pairs) : secret.customMetadata,
  });
  return ignoredWarnings(call, engine.settings);
}

export function patchMetadata(call: Call): Result {
  const { fields } = call;
  if (!SETTINGS.some((name) => isGiven(call, name))) return undefined;
  const path = fields.string('path');
  if (path === '') return refuse(400, 'missing path');
  const custom = readCustom(fields.map('custom_metadata'), true);
  if ('refusedWith' in custom) return custom;
  const engine = engineOf(call);
  const before = engine.table.get(path);
  if (before === undefined) return { status: 404, bare: null };
  const refusal = metadataCasRefusal(call, before, '');
  if (refusal !== undefined) return refusal;
  engine.table.set(path, {
    ...before,
    ...changedSettings(call, before),
    metadataVersion: before.metadataVersion + 1,
    updatedAt: engine.nowNanos(),
    customMetadata: patchCustom(call, before, custom.pairs),
  });
  return ignoredWarnings(call, engine.settings);
}

function isGiven(call: Call, name: string): boolean {
  return call.fields.has(name) || call.data[name] === null;
}

/** A null resets a setting (patch only: a write never sees one). */
function changedSettings(call: Call, before: SecretSettings): SecretSettings {
  const { fields } = call;
  const resets = (name: string): boolean => call.operation === 'patch' && call.data[name] === null;
  return {
    maxVersions: resets('max_versions')
      ? 0
      : fields.has('max_versions')
        ? fields.int('max_versions') >>> 0
        : before.maxVersions,
    casRequired: !resets('cas_required') && fields.bool('cas_required', before.casRequired),
    metadataCasRequired:
      !resets('metadata_cas_required') &&
      fields.bool('metadata_cas_required', before.metadataCasRequired),
    deleteVersionAfterSeconds: resets('delete_version_after')
      ? 0
      : fields.has('delete_version_after')
        ? fields.seconds('delete_version_after')
        : before.deleteVersionAfterSeconds,
  };
}

function patchCustom(
  call: Call,
  before: Secret,
  added: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  if (call.data['custom_metadata'] === null) return undefined;
  if (!call.fields.has('custom_metadata')) return before.customMetadata;
  const merged: Record<string, string> = { ...before.customMetadata, ...added };
  const patch = call.fields.map('custom_metadata');
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) Reflect.deleteProperty(merged, key);
  }
  return orNone(merged);
}

function orNone(
  pairs: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  return Object.keys(pairs).length === 0 ? undefined : pairs;
}

function readCustom(
  raw: JsonObject,
  skipsNulls: boolean,
): Refusal | { readonly pairs: Readonly<Record<string, string>> } {
  const pairs: Record<string, string> = {};
  for (const key of Object.keys(raw)) {
    const value: Json = raw[key] ?? null;
    if (skipsNulls && value === null) continue;
    const read = weakString(value);
    if ('error' in read) return refuse(400, `${PREFIX}: ${read.error}`);
    pairs[key] = read.value;
  }
  const errors = customMetadataErrors(pairs);
  if (errors.length === 0) return { pairs };
  const [only] = errors;
  if (errors.length === 1 && only !== undefined) return refuse(400, oneError(only));
  const lines = errors.map((error) => `\t* ${error}\n`).join('');
  return refuse(400, `${errors.length} errors occurred:\n${lines}\n`);
}

function metadataCasRefusal(
  call: Call,
  before: Secret | undefined,
  whenNew: string,
): Refusal | undefined {
  const { fields } = call;
  const required =
    engineOf(call).settings.metadataCasRequired || before?.metadataCasRequired === true;
  if (!fields.has('metadata_cas')) {
    return required
      ? refuse(400, 'metadata check-and-set parameter required for this call')
      : undefined;
  }
  const given = fields.int('metadata_cas');
  if (before === undefined) return given === 0 ? undefined : refuse(400, whenNew);
  return given === before.metadataVersion
    ? undefined
    : refuse(400, 'metadata check-and-set parameter does not match the current version');
}

function ignoredWarnings(call: Call, engine: SecretSettings): Result {
  const mandated: [string, boolean][] = [
    ['cas_required', engine.casRequired],
    ['metadata_cas_required', engine.metadataCasRequired],
  ];
  const warnings = mandated
    .filter(([name, required]) => required && call.fields.has(name) && !call.fields.bool(name))
    .map(
      ([name]) =>
        `"${name}" set to false, but is mandated by backend config. This value will be ignored.`,
    );
  return warnings.length === 0 ? undefined : { data: null, warnings };
}

export function listMetadata(call: Call): Result {
  const { fields } = call;
  const folder = fields.string('path');
  const limit = fields.int('limit');
  const after = fields.string('after');
  const keys = engineOf(call)
    .table.list(folder === '' || folder.endsWith('/') ? folder : `${folder}/`, call.node.asOfMs)
    .filter((key) => after === '' || key > after);
  return listed(call, folder, limit > 0 ? keys.slice(0, limit) : keys);
}

export function scanMetadata(call: Call): Result {
  const folder = call.fields.string('path');
  const keys = engineOf(call)
    .table.paths(call.node.asOfMs)
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length))
    // Folder by folder, nearest first.
    .sort((a, b) => a.split('/').length - b.split('/').length);
  return listed(call, folder, keys);
}

function listed(call: Call, folder: string, keys: readonly string[]): Result {
  if (keys.length === 0) return undefined;
  if (!call.path.startsWith('detailed-metadata/')) return { data: { keys: [...keys] } };
  const info = emptyObject();
  for (const key of keys) {
    const secret = engineOf(call).table.get(`${folder}${key}`, call.node.asOfMs);
    info[key] = secret === undefined ? {} : describeSecret(secret);
  }
  return { data: { key_info: info, keys: [...keys] } };
}
