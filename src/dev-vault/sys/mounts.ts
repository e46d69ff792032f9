// Secrets engines: mount, list, tune, move, unmount.
// https://developer.hashicorp.com/vault/api-docs/system/mounts
import { weakString } from '../fields.js';
import { readDuration } from '../duration.js';
import { kv1Backend } from '../kv/kv1-routes.js';
import { KvEngine } from '../kv/kv-engine.js';
import { kv2Backend } from '../kv/kv2-routes.js';
import { randomUUID } from 'node:crypto';
import { encodeJson, type Json, type JsonObject } from '../json-text.js';
import { createMount, describeMount, type Mount, type MountConfig } from '../mount.js';
import { refuse, type Refusal, type Result } from '../result.js';
import type { Call, Route } from '../route.js';
import type { Core } from '../core.js';

const MOUNT_FIELDS = {
  path: 'string',
  type: 'string',
  description: 'string',
  config: 'map',
  options: 'pairs',
  local: 'bool',
  seal_wrap: 'bool',
  external_entropy_access: 'bool',
  plugin_name: 'string',
  plugin_version: 'string',
} as const;

export const TUNE_FIELDS = {
  path: 'string',
  default_lease_ttl: 'string',
  max_lease_ttl: 'string',
  description: 'string',
  options: 'pairs',
  token_type: 'string',
} as const;

export const MOUNT_ROUTES: readonly Route[] = [
  { path: 'mounts/{path*}/tune', fields: TUNE_FIELDS, read: readTuning, write: writeTuning },
  { path: 'mounts/{path*}', fields: MOUNT_FIELDS, read: readMount, write: mount, remove: unmount },
  { path: 'mounts', read: listMounts },
  { path: 'remount', fields: { from: 'string', to: 'string' }, needsSudo: true, write: remount },
];

/** Engines made at start: 'sys/', 'identity/', 'cubbyhole/' are there too and can neither be made nor unmade. */
const PROTECTED = ['auth/', 'sys/', 'cubbyhole/', 'identity/', 'audit/'];

function listMounts(call: Call): Result {
  const data: JsonObject = {};
  for (const mount of call.realm.mounts.values()) {
    if (!mount.path.startsWith('auth/')) data[mount.path] = describeMount(mount);
  }
  return { data, alsoAtTop: true };
}

export function mountPathOf(call: Call): string {
  return `${call.fields.string('path').replace(/\/+$/, '')}/`;
}

function readMount(call: Call): Result {
  const path = mountPathOf(call);
  const found = call.realm.mounts.get(path);
  return found === undefined
    ? refuse(400, 'No secret engine mount at ' + path)
    : { data: describeMount(found), alsoAtTop: true };
}

function mount(call: Call): Result {
  const { fields, realm } = call;
  const path = mountPathOf(call);
  const type = fields.string('type');
  if (type === '') return refuse(400, 'backend type must be specified as a string');
  const refusal = mountRefusal(call, path);
  if (refusal !== undefined) return refusal;
  const config = readMountConfig(fields.map('config'));
  if ('refusedWith' in config) return config;
  const made = createEngine(call.node.core, {
    path,
    type,
    description: fields.string('description'),
    options: fields.has('options') ? fields.pairs('options') : undefined,
    config,
    local: fields.bool('local'),
    sealWrap: fields.bool('seal_wrap'),
  });
  if ('refusedWith' in made) return made;
  realm.mounts.set(path, made);
  return undefined;
}

function mountRefusal(call: Call, path: string): Refusal | undefined {
  const taken = PROTECTED.find((prefix) => path.startsWith(prefix));
  if (taken !== undefined) return refuse(400, `cannot mount "${path}"`);
  for (const existing of call.realm.mounts.keys()) {
    if (existing === path) return refuse(400, `path is already in use at ${existing}`);
    if (existing.startsWith(path) || path.startsWith(existing)) {
      return refuse(400, `path is already in use at ${existing}`);
    }
  }
  return undefined;
}

export interface EngineWanted {
  readonly path: string;
  readonly type: string;
  readonly description?: string;
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly config?: Partial<MountConfig>;
  readonly local?: boolean;
  readonly sealWrap?: boolean;
}

/** A mount of one of the engines there are: KV, version 1 or 2. */
export function createEngine(core: Core, wanted: EngineWanted): Mount | Refusal {
  const { options, ...rest } = wanted;
  const isVersion2 = wanted.type === 'kv-v2' || options?.['version'] === '2';
  switch (wanted.type) {
    case 'kv':
    case 'kv-v1':
    case 'kv-v2':
    case 'generic': {
      const version = options?.['version'];
      if (version !== undefined && version !== '1' && version !== '2') {
        return refuse(400, 'nil backend of type "kv" returned from factory');
      }
      return createMount({
        ...rest,
        type: wanted.type === 'generic' ? 'generic' : 'kv',
        options: isVersion2 ? { ...options, version: '2' } : kv1Options(wanted),
        backend: isVersion2 ? kv2Backend : kv1Backend,
        kv: new KvEngine(core.clock),
      });
    }
    default:
      return refuse(400, `plugin not found in the catalog: ${wanted.type}`);
  }
}

function kv1Options(wanted: EngineWanted): Readonly<Record<string, string>> | null {
  if (wanted.type === 'kv-v1') return { ...wanted.options, version: '1' };
  return wanted.options ?? {};
}

export function readMountConfig(raw: JsonObject): Partial<MountConfig> | Refusal {
  const config: { -readonly [K in keyof MountConfig]?: MountConfig[K] } = {};
  const ttls = [
    ['default_lease_ttl', 'defaultLeaseSeconds'],
    ['max_lease_ttl', 'maxLeaseSeconds'],
  ] as const;
  for (const [name, key] of ttls) {
    const read = readTtl(raw[name], name === 'max_lease_ttl' ? 'max' : 'default');
    if (typeof read !== 'number') return read;
    if (read > 0) config[key] = read;
  }
  return config;
}

function readTtl(value: Json | undefined, which: string): number | Refusal {
  if (value === undefined || value === null) return 0;
  const read = readDuration(value);
  return 'error' in read
    ? refuse(
        400,
        `unable to parse ${which} TTL of ${encodeJson(value).replaceAll('"', '')}: ${read.error}`,
      )
    : Math.trunc(read.seconds);
}

function unmount(call: Call): Result {
  const path = mountPathOf(call);
  if (PROTECTED.some((prefix) => path.startsWith(prefix))) {
    return refuse(400, `cannot unmount "${path}"`);
  }
  call.realm.mounts.delete(path);
  return undefined;
}

function remount(call: Call): Result {
  const { fields, realm } = call;
  const from = `${fields.string('from').replace(/^\/+|\/+$/g, '')}/`;
  const to = `${fields.string('to').replace(/^\/+|\/+$/g, '')}/`;
  if (from === '/' || to === '/') {
    return refuse(400, "both 'from' and 'to' path must be specified as a string");
  }
  const moved = realm.mounts.get(from);
  if (moved === undefined) return refuse(400, `no matching mount at "${from}"`);
  const guarded = PROTECTED.find((prefix) => from === prefix || to.startsWith(prefix));
  if (guarded !== undefined && !from.startsWith('auth/')) {
    return refuse(400, `cannot remount "${from}"`);
  }
  if (realm.mounts.has(to)) return refuse(400, `path already in use at "${to}"`);
  realm.mounts.delete(from);
  realm.mounts.set(to, { ...moved, path: to });
  return {
    data: { migration_id: randomUUID() },
    alsoAtTop: true,
    warnings: [
      "Mount move has been queued. Progress will be reported in OpenBao's server log, tagged with the returned migration_id",
    ],
  };
}

/** The settings of one mount; `prefix` is `auth/` for auth methods. */
export function tuningOf(call: Call, path: string): Result {
  const found = call.realm.mounts.get(path);
  if (found === undefined) return refuse(400, `cannot fetch sysview for path "${path}"`);
  const system = 2_764_800;
  return {
    data: {
      default_lease_ttl: found.config.defaultLeaseSeconds || system,
      description: found.description,
      force_no_cache: false,
      max_lease_ttl: found.config.maxLeaseSeconds || system,
      ...(found.options === null ? {} : { options: { ...found.options } }),
      ...(found.config.tokenType === undefined ? {} : { token_type: found.config.tokenType }),
    },
    alsoAtTop: true,
  };
}

export function tune(call: Call, path: string): Result {
  const { fields } = call;
  const found = call.realm.mounts.get(path);
  if (found === undefined) {
    return refuse(400, `tune of path "${path}" failed: no mount entry found`);
  }
  for (const [name, key] of [
    ['default_lease_ttl', 'defaultLeaseSeconds'],
    ['max_lease_ttl', 'maxLeaseSeconds'],
  ] as const) {
    if (!fields.has(name)) continue;
    const read = readTtl(
      weakTtl(fields.string(name)),
      name === 'max_lease_ttl' ? 'max' : 'default',
    );
    if (typeof read !== 'number') return read;
    found.config[key] = read;
  }
  if (fields.has('description')) found.description = fields.string('description');
  if (fields.has('options')) return tuneOptions(call, found);
  return undefined;
}

function weakTtl(text: string): Json {
  const read = weakString(text);
  return 'error' in read ? '' : read.value.replace('system', '0');
}

/** KV version 1 becomes version 2 by tuning; its secrets are then version 1 of each. Never the other way. */
function tuneOptions(call: Call, found: Mount): Result {
  const version = call.fields.pairs('options')['version'];
  if (version === undefined || found.options?.['version'] === version) return undefined;
  if (version !== '2' || found.kv === undefined) {
    return refuse(400, 'cannot downgrade mount from version 2');
  }
  const upgraded = { ...found, options: { ...found.options, version: '2' }, backend: kv2Backend };
  call.realm.mounts.set(found.path, upgraded);
  return undefined;
}

function readTuning(call: Call): Result {
  return tuningOf(call, mountPathOf(call));
}

function writeTuning(call: Call): Result {
  return tune(call, mountPathOf(call));
}
