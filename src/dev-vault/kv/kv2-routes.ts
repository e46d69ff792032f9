// The HTTP side of KV v2: which paths there are, what they take, what they answer and in which words they refuse.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
import {
  emptyObject,
  encodeString,
  isJsonObject,
  RawJson,
  type Json,
  type JsonObject,
} from '../json-text.js';
import { weakInt } from '../fields.js';
import { refuse, type Result } from '../result.js';
import { compileRoutes, type Call, type Route } from '../route.js';
import type { Written } from './kv-engine.js';
import { engineOf, secretOf } from './kv-call.js';
import { readConfig, writeConfig } from './kv2-config.js';
import {
  listMetadata,
  patchMetadata,
  readMetadata,
  scanMetadata,
  writeMetadata,
} from './kv2-metadata.js';
import { isDeleted, type Secret, type Version } from './secret.js';

export const KV2_ROUTES: readonly Route[] = [
  {
    path: 'config',
    fields: {
      max_versions: 'int',
      cas_required: 'bool',
      metadata_cas_required: 'bool',
      delete_version_after: 'signedSeconds',
    },
    read: readConfig,
    write: writeConfig,
  },
  {
    path: 'data/{path*}',
    fields: { path: 'string', version: 'int', options: 'map', data: 'map' },
    exists: secretExists,
    read: readData,
    write: writeData,
    patch: patchData,
    remove: deleteNewest,
  },
  {
    path: 'metadata/{path*}',
    fields: {
      path: 'string',
      cas_required: 'bool',
      metadata_cas_required: 'bool',
      max_versions: 'int',
      delete_version_after: 'seconds',
      custom_metadata: 'map',
      metadata_cas: 'int',
      after: 'string',
      limit: 'int',
    },
    exists: secretExists,
    read: readMetadata,
    write: writeMetadata,
    patch: patchMetadata,
    remove: deleteAll,
    list: listMetadata,
    scan: scanMetadata,
  },
  {
    path: 'detailed-metadata/{path*}',
    fields: { path: 'string', after: 'string', limit: 'int' },
    list: listMetadata,
    scan: scanMetadata,
  },
  {
    path: 'destroy/{path*}',
    fields: { path: 'string', versions: 'ints' },
    write: destroy,
  },
  {
    path: 'subkeys/{path*}',
    fields: { path: 'string', version: 'int', depth: 'int' },
    read: readSubkeys,
  },
  {
    path: 'delete/{path*}',
    fields: { path: 'string', versions: 'ints' },
    write: deleteListed,
  },
  {
    path: 'undelete/{path*}',
    fields: { path: 'string', versions: 'ints' },
    write: undelete,
  },
  {
    path: '{path*}',
    takesArbitraryFields: true,
    read: invalidPath,
    write: invalidPath,
    patch: invalidPath,
    remove: invalidPath,
    list: invalidPath,
    scan: invalidPath,
  },
];

export const kv2Backend = { routes: compileRoutes(KV2_ROUTES) };

function secretExists(call: Call): boolean {
  return secretOf(call) !== undefined;
}

function readData(call: Call): Result {
  const secret = secretOf(call);
  const asked = call.fields.int('version');
  const number = asked > 0 ? asked : (secret?.currentVersion ?? 0);
  const version = secret?.versions.get(number);
  if (secret === undefined || version === undefined) return undefined;
  const metadata = versionText(secret, number, version);
  if (version.destroyed || isDeleted(version, engineOf(call).nowNanos())) {
    return { status: 404, data: new RawJson(`{"data":null,"metadata":${metadata}}`) };
  }
  return { data: new RawJson(`{"data":${version.dataText},"metadata":${metadata}}`) };
}

/** Keys in Go's (sorted) order. */
function versionText(secret: Secret, number: number, version: Version): string {
  return (
    `{"created_time":"${version.createdText}","custom_metadata":${customText(secret)},` +
    `"deletion_time":"${version.deletedText}","destroyed":${String(version.destroyed)},"version":${number}}`
  );
}

function customText({ customMetadata }: Secret): string {
  if (customMetadata === undefined) return 'null';
  const members = Object.keys(customMetadata)
    .sort()
    .map((key) => `${encodeString(key)}:${encodeString(customMetadata[key] ?? '')}`);
  return `{${members.join(',')}}`;
}

function describeCurrent(secret: Secret): RawJson {
  const current = secret.versions.get(secret.currentVersion);
  if (current === undefined) throw new Error('a written secret has a current version');
  return new RawJson(versionText(secret, secret.currentVersion, current));
}

/** The `cas` option: undefined when not given, NaN when it is no number. */
function casOf(call: Call): number | undefined {
  const cas: Json | undefined = call.fields.map('options')['cas'];
  if (cas === undefined) return undefined;
  const read = weakInt(cas ?? 0);
  return 'error' in read ? Number.NaN : read.value;
}

function writeData(call: Call): Result {
  const path = call.fields.string('path');
  if (path === '') return refuse(400, 'missing path');
  if (!call.fields.has('data')) return refuse(400, 'no data provided');
  const cas = casOf(call);
  if (Number.isNaN(cas)) return refuse(400, 'error parsing check-and-set parameter');
  const data = call.data['data'] === null ? null : call.fields.map('data');
  return written(engineOf(call).write(path, data, cas));
}

function written(outcome: Written): Result {
  if ('refusal' in outcome) return refuse(400, outcome.refusal);
  return { data: describeCurrent(outcome.secret) };
}

function patchData(call: Call): Result {
  if (!call.fields.has('data')) return refuse(400, 'no data provided');
  const cas = casOf(call);
  const path = call.fields.string('path');
  const exists = engineOf(call).table.get(path) !== undefined;
  if (exists && Number.isNaN(cas)) return refuse(400, 'error parsing check-and-set parameter');
  const outcome = engineOf(call).patch(path, call.fields.map('data'), cas);
  if (!('missing' in outcome)) return written(outcome);
  const { missing } = outcome;
  if (missing?.versions.get(missing.currentVersion) === undefined)
    return { status: 404, bare: null };
  return { status: 404, data: describeCurrent(missing) };
}

function deleteNewest(call: Call): Result {
  engineOf(call).delete(call.fields.string('path'));
  return undefined;
}

function deleteListed(call: Call): Result {
  const versions = call.fields.ints('versions');
  if (versions.length === 0) return refuse(400, 'No version number provided');
  engineOf(call).delete(call.fields.string('path'), versions);
  return undefined;
}

function undelete(call: Call): Result {
  const versions = call.fields.ints('versions');
  if (versions.length === 0) return refuse(400, 'No version number provided');
  engineOf(call).undelete(call.fields.string('path'), versions);
  return undefined;
}

function destroy(call: Call): Result {
  const versions = call.fields.ints('versions');
  if (versions.length === 0) return refuse(400, 'no version number provided');
  engineOf(call).destroy(call.fields.string('path'), versions);
  return undefined;
}

function deleteAll(call: Call): Result {
  engineOf(call).forget(call.fields.string('path'));
  return undefined;
}

function readSubkeys(call: Call): Result {
  const secret = secretOf(call);
  const asked = call.fields.int('version');
  const number = asked > 0 ? asked : (secret?.currentVersion ?? 0);
  const version = secret?.versions.get(number);
  if (secret === undefined || version === undefined) return undefined;
  const metadata = new RawJson(versionText(secret, number, version));
  const { data } = version;
  if (data === undefined || isDeleted(version, engineOf(call).nowNanos())) {
    return { status: 404, data: { metadata, subkeys: null } };
  }
  return { data: { metadata, subkeys: subkeysOf(data, call.fields.int('depth')) } };
}

/** The keys with every value replaced by null, objects down to `depth` (0: all the way). */
function subkeysOf(data: JsonObject, depth: number): JsonObject {
  const subkeys = emptyObject();
  for (const key of Object.keys(data)) {
    const value = data[key];
    const opens = isJsonObject(value) && Object.keys(value).length > 0 && depth !== 1;
    subkeys[key] = opens ? subkeysOf(value, Math.max(0, depth - 1)) : null;
  }
  return subkeys;
}

const ROOTS = new Set(['metadata', 'data', 'delete', 'undelete', 'destroy']);
const SUBCOMMANDS: Readonly<Record<string, string>> = {
  create: 'put',
  update: 'put',
  patch: 'patch',
  read: 'get',
  list: 'list',
  scan: 'scan',
  delete: 'delete',
};

/** Whatever is no KV v2 path: most of all, `/data/` left out. */
function invalidPath(call: Call): Result {
  if (ROOTS.has(call.path)) {
    const warning = 'Non-listing operations on the root of a K/V v2 mount are not supported.';
    return { status: 404, data: null, warnings: [warning] };
  }
  const warning =
    'Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. ' +
    `If using the OpenBao CLI, use 'bao kv ${SUBCOMMANDS[call.operation] ?? ''}' for this operation.`;
  return { status: 404, data: null, warnings: [warning] };
}
