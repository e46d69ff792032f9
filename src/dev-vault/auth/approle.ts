// AppRole: a role id and a secret id that may be used so often and so long, for a token.
// https://developer.hashicorp.com/vault/api-docs/auth/approle
import { randomUUID } from 'node:crypto';
import { formatNanos, type Nanos } from '../instant.js';
import { decodeJson, isJsonObject, type JsonObject } from '../json-text.js';
import { weakString } from '../fields.js';
import { oneError, refuse, type Refusal, type Result } from '../result.js';
import { compileRoutes, type Backend, type Call, type Route } from '../route.js';
import { ZERO_TIME } from '../sys/status-routes.js';
import {
  defaultRoleToken,
  describeRoleToken,
  logIn,
  readRoleToken,
  ROLE_TOKEN_FIELDS,
  type RoleToken,
} from './role-token.js';

interface SecretId {
  readonly id: string;
  readonly accessor: string;
  readonly createdAt: Nanos;
  readonly expiresAt: Nanos | undefined;
  readonly ttlSeconds: number;
  readonly metadata: Readonly<Record<string, string>>;
  updatedAt: Nanos;
  usesLeft: number;
}

interface AppRole {
  readonly name: string;
  readonly roleId: string;
  readonly bindSecretId: boolean;
  readonly secretIdNumUses: number;
  readonly secretIdTtlSeconds: number;
  readonly token: RoleToken;
  readonly secretIds: Map<string, SecretId>;
}

export function approleBackend(): Backend {
  return { routes: compileRoutes(approleRoutes(new AppRoles())) };
}

const ROLE = { role_name: 'string' } as const;
const SECRET_ID_FIELDS = {
  ...ROLE,
  secret_id: 'string',
  metadata: 'string',
  cidr_list: 'commaStrings',
  token_bound_cidrs: 'commaStrings',
  num_uses: 'int',
  ttl: 'seconds',
} as const;

export function approleRoutes(roles: AppRoles): readonly Route[] {
  return [
    {
      path: 'login',
      fields: { role_id: 'string', secret_id: 'string' },
      needsNoToken: true,
      read: (call) => roles.logIn(call),
      write: (call) => roles.logIn(call),
    },
    { path: 'role', list: (call) => roles.list(call) },
    { path: 'role/', list: (call) => roles.list(call) },
    {
      path: 'role/{role_name}',
      fields: {
        ...ROLE,
        bind_secret_id: 'bool',
        policies: 'commaStrings',
        role_id: 'string',
        secret_id_num_uses: 'int',
        secret_id_ttl: 'seconds',
        secret_id_bound_cidrs: 'commaStrings',
        local_secret_ids: 'bool',
        period: 'seconds',
        ...ROLE_TOKEN_FIELDS,
      },
      exists: (call) => roles.has(call),
      read: (call) => roles.read(call),
      write: (call) => roles.write(call),
      remove: (call) => roles.remove(call),
    },
    {
      path: 'role/{role_name}/role-id',
      fields: { ...ROLE, role_id: 'string' },
      read: (call) => roles.readRoleId(call),
      write: (call) => roles.writeRoleId(call),
    },
    {
      path: 'role/{role_name}/secret-id',
      fields: SECRET_ID_FIELDS,
      write: (call) => roles.createSecretId(call, randomUUID()),
    },
    {
      path: 'role/{role_name}/secret-id/',
      fields: ROLE,
      list: (call) => roles.listSecretIds(call),
    },
    {
      path: 'role/{role_name}/custom-secret-id',
      fields: SECRET_ID_FIELDS,
      write: (call) => roles.createSecretId(call, call.fields.string('secret_id')),
    },
    {
      path: 'role/{role_name}/secret-id/lookup',
      fields: { ...ROLE, secret_id: 'string' },
      write: (call) => roles.lookupSecretId(call),
    },
    {
      path: 'role/{role_name}/secret-id/destroy',
      fields: { ...ROLE, secret_id: 'string' },
      write: (call) => roles.destroySecretId(call),
      remove: (call) => roles.destroySecretId(call),
    },
    {
      path: 'role/{role_name}/secret-id-accessor/lookup',
      fields: { ...ROLE, secret_id_accessor: 'string' },
      write: (call) => roles.lookupAccessor(call),
    },
    {
      path: 'role/{role_name}/secret-id-accessor/destroy',
      fields: { ...ROLE, secret_id_accessor: 'string' },
      write: (call) => roles.destroyAccessor(call),
      remove: (call) => roles.destroyAccessor(call),
    },
  ];
}

/** One for both causes: who has no business here is not told which of the two was wrong. */
const invalid = refuse(400, 'invalid role or secret ID');

export class AppRoles {
  readonly #roles = new Map<string, AppRole>();

  #find(call: Call): AppRole | undefined {
    return this.#roles.get(nameOf(call));
  }

  has(call: Call): boolean {
    return this.#find(call) !== undefined;
  }

  list(_call: Call): Result {
    const keys = [...this.#roles.keys()].sort();
    return keys.length === 0 ? undefined : { data: { keys } };
  }

  read(call: Call): Result {
    const role = this.#find(call);
    if (role === undefined) return undefined;
    return {
      data: {
        bind_secret_id: role.bindSecretId,
        local_secret_ids: false,
        secret_id_bound_cidrs: null,
        secret_id_num_uses: role.secretIdNumUses,
        secret_id_ttl: role.secretIdTtlSeconds,
        ...describeRoleToken(role.token),
      },
    };
  }

  write(call: Call): Result {
    const { fields } = call;
    const before = this.#find(call);
    const token = readRoleToken(fields, before?.token ?? defaultRoleToken);
    if ('refusedWith' in token) return token;
    const secretIdNumUses = fields.has('secret_id_num_uses')
      ? fields.int('secret_id_num_uses')
      : (before?.secretIdNumUses ?? 0);
    if (secretIdNumUses < 0) return refuse(400, 'secret_id_num_uses cannot be negative');
    const bindSecretId = fields.bool('bind_secret_id', before?.bindSecretId ?? true);
    if (!bindSecretId && token.boundCidrs.length === 0) {
      return refuse(500, oneError('at least one constraint should be enabled on the role'));
    }
    const olderPolicies = fields.has('policies') && !fields.has('token_policies');
    this.#roles.set(nameOf(call), {
      name: nameOf(call),
      roleId: fields.string('role_id') || (before?.roleId ?? randomUUID()),
      bindSecretId,
      secretIdNumUses,
      secretIdTtlSeconds: fields.has('secret_id_ttl')
        ? fields.seconds('secret_id_ttl')
        : (before?.secretIdTtlSeconds ?? 0),
      token: olderPolicies ? { ...token, policies: fields.strings('policies') } : token,
      secretIds: before?.secretIds ?? new Map<string, SecretId>(),
    });
    return undefined;
  }

  remove(call: Call): Result {
    this.#roles.delete(nameOf(call));
    return undefined;
  }

  readRoleId(call: Call): Result {
    const role = this.#find(call);
    return role === undefined ? undefined : { data: { role_id: role.roleId } };
  }

  writeRoleId(call: Call): Result {
    const role = this.#find(call);
    if (role === undefined) return notThere(call);
    const roleId = call.fields.string('role_id');
    if (roleId === '') return refuse(400, 'missing role_id');
    this.#roles.set(role.name, { ...role, roleId });
    return undefined;
  }

  createSecretId(call: Call, id: string): Result {
    const { fields } = call;
    if (id === '') return refuse(400, 'missing secret_id');
    const role = this.#find(call);
    if (role === undefined) return notThere(call);
    if (!role.bindSecretId) return refuse(400, 'bind_secret_id is not set on the role');
    const limits = secretIdLimits(call, role);
    if ('refusedWith' in limits) return limits;
    const metadata = readMetadata(fields.string('metadata'));
    if ('refusedWith' in metadata) return metadata;
    const at = call.node.core.clock.stamp();
    const made: SecretId = {
      id,
      accessor: randomUUID(),
      createdAt: at,
      updatedAt: at,
      expiresAt:
        limits.ttlSeconds === 0 ? undefined : at + BigInt(limits.ttlSeconds) * 1_000_000_000n,
      ttlSeconds: limits.ttlSeconds,
      metadata: metadata.pairs,
      usesLeft: limits.numUses,
    };
    role.secretIds.set(id, made);
    return {
      accessor: made.accessor,
      data: {
        secret_id: id,
        secret_id_accessor: made.accessor,
        secret_id_num_uses: made.usesLeft,
        secret_id_ttl: made.ttlSeconds,
      },
    };
  }

  listSecretIds(call: Call): Result {
    const role = this.#find(call);
    if (role === undefined) return notThere(call);
    const keys = [...role.secretIds.values()].map(({ accessor }) => accessor).sort();
    return keys.length === 0 ? undefined : { data: { keys } };
  }

  lookupSecretId(call: Call): Result {
    const id = call.fields.string('secret_id');
    if (id === '') return refuse(400, 'missing secret_id');
    const role = this.#find(call);
    if (role === undefined) return refuse(500, oneError(`role "${nameOf(call)}" does not exist`));
    const found = living(call, role, id);
    return found === undefined ? undefined : { data: describeSecretId(found) };
  }

  destroySecretId(call: Call): Result {
    const id = call.fields.string('secret_id');
    if (id === '') return refuse(400, 'missing secret_id');
    this.#find(call)?.secretIds.delete(id);
    return undefined;
  }

  lookupAccessor(call: Call): Result {
    const found = this.#byAccessor(call);
    return 'refusedWith' in found ? found : { data: describeSecretId(found.secretId) };
  }

  destroyAccessor(call: Call): Result {
    const found = this.#byAccessor(call);
    if ('refusedWith' in found) {
      return found.refusedWith === 404 ? refuse(403, 'invalid secret id accessor') : found;
    }
    found.role.secretIds.delete(found.secretId.id);
    return undefined;
  }

  #byAccessor(call: Call): { role: AppRole; secretId: SecretId } | Refusal {
    const accessor = call.fields.string('secret_id_accessor');
    if (accessor === '') return refuse(400, 'missing secret_id_accessor');
    const role = this.#find(call);
    if (role === undefined) return refuse(500, oneError(`role "${nameOf(call)}" does not exist`));
    for (const secretId of role.secretIds.values()) {
      if (secretId.accessor === accessor) return { role, secretId };
    }
    return refuse(404, `failed to find accessor entry for secret_id_accessor: "${accessor}"`);
  }

  logIn(call: Call): Result {
    const roleId = call.fields.string('role_id').trim();
    // Asked for before the login proper, which is why it is no 400.
    if (roleId === '') return refuse(500, 'missing role_id');
    const role = [...this.#roles.values()].find((known) => known.roleId === roleId);
    if (role === undefined) return invalid;
    const used = role.bindSecretId ? spendSecretId(call, role) : undefined;
    if (used !== undefined && 'refusedWith' in used) return used;
    return logIn(call, role.token, {
      alias: role.roleId,
      displayName: 'approle',
      metadata: { ...used?.metadata, role_name: role.name },
    });
  }
}

function nameOf(call: Call): string {
  return call.fields.string('role_name').toLowerCase();
}

function notThere(call: Call): Refusal {
  return refuse(404, `role "${call.fields.string('role_name')}" does not exist`);
}

function living(call: Call, role: AppRole, id: string): SecretId | undefined {
  const found = role.secretIds.get(id);
  if (found?.expiresAt === undefined || found.expiresAt > call.node.core.clock.stamp())
    return found;
  role.secretIds.delete(id);
  return undefined;
}

function spendSecretId(call: Call, role: AppRole): SecretId | Refusal {
  const id = call.fields.string('secret_id').trim();
  if (id === '') return refuse(400, 'missing secret_id');
  const found = living(call, role, id);
  if (found === undefined) return invalid;
  if (found.usesLeft === 1) role.secretIds.delete(id);
  if (found.usesLeft > 0) found.usesLeft -= 1;
  found.updatedAt = call.node.core.clock.stamp();
  return found;
}

function secretIdLimits(
  { fields }: Call,
  role: AppRole,
): Refusal | { readonly numUses: number; readonly ttlSeconds: number } {
  const numUses = fields.has('num_uses') ? fields.int('num_uses') : role.secretIdNumUses;
  if (numUses < 0) return refuse(400, 'num_uses cannot be negative');
  if (exceeds(numUses, role.secretIdNumUses)) {
    return refuse(400, "num_uses cannot be higher than the role's secret_id_num_uses");
  }
  const ttlSeconds = fields.has('ttl') ? fields.seconds('ttl') : role.secretIdTtlSeconds;
  return exceeds(ttlSeconds, role.secretIdTtlSeconds)
    ? refuse(400, "ttl cannot be longer than the role's secret_id_ttl")
    : { numUses, ttlSeconds };
}

/** 0 is without limit. */
function exceeds(value: number, limit: number): boolean {
  return limit > 0 && (value === 0 || value > limit);
}

/** JSON text of an object, or `a=b,c=d`. */
function readMetadata(
  text: string,
): Refusal | { readonly pairs: Readonly<Record<string, string>> } {
  if (text === '') return { pairs: {} };
  const object = text.startsWith('{') ? parseObject(text) : undefined;
  const pairs: Record<string, string> = {};
  if (object !== undefined) {
    for (const key of Object.keys(object)) {
      const read = weakString(object[key] ?? null);
      pairs[key] = 'error' in read ? '' : read.value;
    }
    return { pairs };
  }
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals < 1) return refuse(400, `failed to parse metadata: failed to parse the input`);
    pairs[part.slice(0, equals).trim()] = part.slice(equals + 1).trim();
  }
  return { pairs };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = decodeJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function describeSecretId(secretId: SecretId): JsonObject {
  return {
    cidr_list: [],
    creation_time: formatNanos(secretId.createdAt),
    expiration_time: secretId.expiresAt === undefined ? ZERO_TIME : formatNanos(secretId.expiresAt),
    last_updated_time: formatNanos(secretId.updatedAt),
    metadata: { ...secretId.metadata },
    secret_id_accessor: secretId.accessor,
    secret_id_num_uses: secretId.usesLeft,
    secret_id_ttl: secretId.ttlSeconds,
    token_bound_cidrs: [],
  };
}
