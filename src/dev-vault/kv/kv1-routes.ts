// KV version 1: one value a path, no versions, no `/data/`. Here because reading it by mistake is an answer of its own.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v1
import { readDuration } from '../duration.js';
import { RawJson, type JsonObject } from '../json-text.js';
import { refuse, type Result } from '../result.js';
import { compileRoutes, type Call, type Route } from '../route.js';
import { engineOf, secretOf } from './kv-call.js';

export const KV1_ROUTES: readonly Route[] = [
  {
    path: '{path*}',
    fields: { path: 'string' },
    takesArbitraryFields: true,
    exists: (call) => secretOf(call) !== undefined,
    read,
    write,
    remove,
    list,
  },
];

export const kv1Backend = { routes: compileRoutes(KV1_ROUTES) };

const LEASE_SECONDS = 2_764_800;

function read(call: Call): Result {
  const secret = secretOf(call);
  const current = secret?.versions.get(secret.currentVersion);
  if (current === undefined) return undefined;
  return { data: new RawJson(current.dataText), leaseSeconds: leaseOf(current.data) };
}

/** A field `ttl` (or the older `lease`) is told as the lease. */
function leaseOf(data: JsonObject | undefined): number {
  const wanted = data?.['ttl'] ?? data?.['lease'];
  if (wanted === undefined) return LEASE_SECONDS;
  const read = readDuration(wanted);
  return 'error' in read ? LEASE_SECONDS : Math.trunc(read.seconds);
}

function write(call: Call): Result {
  const path = call.fields.string('path');
  if (path === '') return refuse(400, 'missing path');
  if (Object.keys(call.data).length === 0) return refuse(400, 'missing data fields');
  engineOf(call).write(path, call.data, undefined);
  return undefined;
}

function remove(call: Call): Result {
  engineOf(call).forget(call.fields.string('path'));
  return undefined;
}

function list(call: Call): Result {
  const path = call.fields.string('path');
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`;
  const keys = engineOf(call).table.list(folder, call.node.asOfMs);
  return keys.length === 0 ? undefined : { data: { keys } };
}
