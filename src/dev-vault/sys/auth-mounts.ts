// Auth methods: enable, list, tune, disable. https://developer.hashicorp.com/vault/api-docs/system/auth
import { createAuthBackend } from '../auth/auth-backends.js';
import { createMount, describeMount } from '../mount.js';
import type { JsonObject } from '../json-text.js';
import { refuse, type Result } from '../result.js';
import type { Call, Route } from '../route.js';
import { readMountConfig, TUNE_FIELDS, tune, tuningOf } from './mounts.js';

const FIELDS = {
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

export const AUTH_ROUTES: readonly Route[] = [
  {
    path: 'auth/{path*}/tune',
    fields: TUNE_FIELDS,
    needsSudo: true,
    read: (call) => tuningOf(call, authPathOf(call)),
    write: (call) => tune(call, authPathOf(call)),
  },
  {
    path: 'auth/{path*}',
    fields: FIELDS,
    needsSudo: true,
    read: readAuth,
    write: enable,
    remove: disable,
  },
  { path: 'auth', read: listAuth },
];

function listAuth(call: Call): Result {
  const data: JsonObject = {};
  for (const mount of call.realm.mounts.values()) {
    if (mount.path.startsWith('auth/'))
      data[mount.path.slice('auth/'.length)] = describeMount(mount);
  }
  return { data, alsoAtTop: true };
}

function authPathOf(call: Call): string {
  return `auth/${call.fields.string('path').replace(/\/+$/, '')}/`;
}

function readAuth(call: Call): Result {
  const path = authPathOf(call);
  const found = call.realm.mounts.get(path);
  return found === undefined
    ? refuse(400, 'No auth engine at ' + path.slice('auth/'.length))
    : { data: describeMount(found), alsoAtTop: true };
}

function enable(call: Call): Result {
  const { fields } = call;
  const path = authPathOf(call);
  const type = fields.string('type');
  if (type === '') return refuse(400, 'backend type must be specified as a string');
  for (const existing of call.realm.mounts.keys()) {
    if (existing.startsWith('auth/') && (existing.startsWith(path) || path.startsWith(existing))) {
      return refuse(400, `path is already in use at ${existing.slice('auth/'.length)}`);
    }
  }
  const config = readMountConfig(fields.map('config'));
  if ('refusedWith' in config) return config;
  const backend = createAuthBackend(type);
  if (backend === undefined) {
    return refuse(400, `plugin not found in the catalog: ${type}`);
  }
  const mount = createMount({
    path,
    type,
    backend,
    description: fields.string('description'),
    options: fields.pairs('options'),
    config: { ...config, tokenType: 'default-service' },
    local: fields.bool('local'),
    sealWrap: fields.bool('seal_wrap'),
  });
  call.realm.mounts.set(path, mount);
  return undefined;
}

function disable(call: Call): Result {
  const path = authPathOf(call);
  if (path === 'auth/token/') return refuse(400, 'token credential backend cannot be disabled');
  call.realm.mounts.delete(path);
  call.node.core.tokens.revokeWhere((entry) => entry.path.startsWith(path));
  return undefined;
}
