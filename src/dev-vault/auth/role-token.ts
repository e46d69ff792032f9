// What every auth method's roles say of the tokens that a login gives, and the login itself.
// https://developer.hashicorp.com/vault/api-docs/auth/approle#parameters (`token_…`)
import { createHash } from 'node:crypto';
import type { Fields } from '../fields.js';
import type { JsonObject } from '../json-text.js';
import { refuse, type Refusal, type Result } from '../result.js';
import type { Call } from '../route.js';
import { authBlock } from '../token/auth-block.js';
import { sanitizePolicies } from '../token/create-token.js';
import { decideTtl } from '../token/ttl.js';

export const ROLE_TOKEN_FIELDS = {
  token_bound_cidrs: 'commaStrings',
  token_explicit_max_ttl: 'seconds',
  token_max_ttl: 'seconds',
  token_no_default_policy: 'bool',
  token_num_uses: 'int',
  token_period: 'seconds',
  token_policies: 'commaStrings',
  token_strictly_bind_ip: 'bool',
  token_ttl: 'seconds',
  token_type: 'string',
} as const;

export interface RoleToken {
  readonly boundCidrs: readonly string[];
  readonly explicitMaxTtlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly noDefaultPolicy: boolean;
  readonly numUses: number;
  readonly periodSeconds: number;
  readonly policies: readonly string[];
  readonly ttlSeconds: number;
  readonly type: string;
}

export const defaultRoleToken: RoleToken = {
  boundCidrs: [],
  explicitMaxTtlSeconds: 0,
  maxTtlSeconds: 0,
  noDefaultPolicy: false,
  numUses: 0,
  periodSeconds: 0,
  policies: [],
  ttlSeconds: 0,
  type: 'default',
};

const TYPES = ['', 'default', 'service', 'batch', 'default-service', 'default-batch'];

/** The settings given, over those there were. */
export function readRoleToken(fields: Fields, before: RoleToken): RoleToken | Refusal {
  const int = (name: string, old: number): number => (fields.has(name) ? fields.int(name) : old);
  const list = (name: string, old: readonly string[]): readonly string[] =>
    fields.has(name) ? fields.strings(name) : old;
  const read: RoleToken = {
    boundCidrs: list('token_bound_cidrs', before.boundCidrs),
    explicitMaxTtlSeconds: int('token_explicit_max_ttl', before.explicitMaxTtlSeconds),
    maxTtlSeconds: int('token_max_ttl', before.maxTtlSeconds),
    noDefaultPolicy: fields.bool('token_no_default_policy', before.noDefaultPolicy),
    numUses: int('token_num_uses', before.numUses),
    periodSeconds: int('token_period', before.periodSeconds),
    policies: list('token_policies', before.policies),
    ttlSeconds: int('token_ttl', before.ttlSeconds),
    type: fields.has('token_type') ? fields.string('token_type') || 'default' : before.type,
  };
  return refusalOf(read) ?? read;
}

function refusalOf(read: RoleToken): Refusal | undefined {
  if (read.numUses < 0) return refuse(400, "'token_num_uses' cannot be negative");
  if (!TYPES.includes(read.type)) return refuse(400, `invalid 'token_type' value "${read.type}"`);
  if (read.type.endsWith('batch') && read.numUses !== 0) {
    return refuse(
      400,
      "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count",
    );
  }
  return read.maxTtlSeconds > 0 && read.ttlSeconds > read.maxTtlSeconds
    ? refuse(400, "'token_ttl' cannot be greater than 'token_max_ttl'")
    : undefined;
}

export function describeRoleToken(role: RoleToken): JsonObject {
  return {
    token_bound_cidrs: [...role.boundCidrs],
    token_explicit_max_ttl: role.explicitMaxTtlSeconds,
    token_max_ttl: role.maxTtlSeconds,
    token_no_default_policy: role.noDefaultPolicy,
    token_num_uses: role.numUses,
    token_period: role.periodSeconds,
    token_policies: [...role.policies],
    token_strictly_bind_ip: false,
    token_ttl: role.ttlSeconds,
    token_type: role.type,
  };
}

export interface Who {
  /** What the entity is made from: the role id, the subject, the account's uid. */
  readonly alias: string;
  readonly displayName: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A token for someone whose credentials held. */
export function logIn(call: Call, role: RoleToken, who: Who): Result {
  const decision = decideTtl(role, 0, 0);
  if ('error' in decision) return refuse(400, decision.error);
  const isBatch = role.type.endsWith('batch');
  const entry = call.node.core.tokens.create({
    type: isBatch ? 'batch' : 'service',
    policies: sanitizePolicies(role.policies, !role.noDefaultPolicy),
    meta: who.metadata,
    displayName: who.displayName,
    path: call.fullPath,
    namespace: call.realm.path,
    parent: undefined,
    role: undefined,
    entityId: entityIdOf(call.mount.accessor, who.alias),
    creationTtlSeconds: decision.seconds,
    explicitMaxTtlSeconds: role.explicitMaxTtlSeconds,
    maxTtlSeconds: role.maxTtlSeconds,
    periodSeconds: role.periodSeconds,
    renewable: !isBatch,
    numUses: role.numUses,
  });
  return {
    auth: authBlock(entry, decision.seconds),
    accessor: entry.accessor,
    warnings: decision.warnings,
  };
}

/** The same someone at the same mount has the same entity. */
function entityIdOf(accessor: string, alias: string): string {
  const hex = createHash('sha256').update(`${accessor}\0${alias}`).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}
