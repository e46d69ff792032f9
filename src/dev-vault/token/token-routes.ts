// `auth/token/…`: create, look up, renew, revoke. https://developer.hashicorp.com/vault/api-docs/auth/token
import { formatNanos } from '../instant.js';
import type { JsonObject } from '../json-text.js';
import { oneError, permissionDenied, refuse, type Refusal, type Result } from '../result.js';
import { compileRoutes, type Call, type Route } from '../route.js';
import { authBlock } from './auth-block.js';
import { createToken } from './create-token.js';
import type { TokenEntry } from './token-entry.js';
import { decideTtl } from './ttl.js';

const CREATE_FIELDS = {
  display_name: 'string',
  explicit_max_ttl: 'string',
  entity_alias: 'string',
  num_uses: 'int',
  period: 'string',
  renewable: 'bool',
  ttl: 'string',
  lease: 'string',
  type: 'string',
  no_default_policy: 'bool',
  id: 'string',
  meta: 'pairs',
  no_parent: 'bool',
  policies: 'strings',
} as const;

export const TOKEN_ROUTES: readonly Route[] = [
  { path: 'accessors/', needsSudo: true, list: listAccessors },
  {
    path: 'create-orphan',
    fields: CREATE_FIELDS,
    needsSudo: true,
    write: (call) => createToken(call, true),
  },
  { path: 'create', fields: CREATE_FIELDS, write: (call) => createToken(call, false) },
  { path: 'lookup', fields: { token: 'string' }, read: lookup, write: lookup },
  { path: 'lookup-accessor', fields: { accessor: 'string' }, write: lookupAccessor },
  { path: 'lookup-self', fields: { token: 'string' }, read: lookupSelf, write: lookupSelf },
  { path: 'revoke-accessor', fields: { accessor: 'string' }, write: revokeAccessor },
  { path: 'revoke-self', write: revokeSelf },
  { path: 'revoke', fields: { token: 'string' }, write: revoke },
  { path: 'revoke-orphan', fields: { token: 'string' }, needsSudo: true, write: revokeOrphan },
  {
    path: 'renew-accessor',
    fields: { accessor: 'string', increment: 'seconds' },
    write: renewAccessor,
  },
  { path: 'renew-self', fields: { token: 'string', increment: 'seconds' }, write: renewSelf },
  { path: 'renew', fields: { token: 'string', increment: 'seconds' }, write: renew },
];

export const tokenBackend = { routes: compileRoutes(TOKEN_ROUTES) };

function listAccessors(call: Call): Result {
  return { data: { keys: call.node.core.tokens.accessors() } };
}

function lookupSelf(call: Call): Result {
  return call.token === undefined ? permissionDenied : { data: describeToken(call, call.token) };
}

function lookup(call: Call): Result {
  const id = call.fields.string('token');
  const entry = id === '' ? call.token : call.node.core.tokens.find(id);
  return entry === undefined ? refuse(403, 'bad token') : { data: describeToken(call, entry) };
}

function lookupAccessor(call: Call): Result {
  const entry = entryByAccessor(call);
  if ('refusedWith' in entry) return entry;
  const described = describeToken(call, entry);
  return { data: { ...described, id: '' } };
}

function entryByAccessor(call: Call): TokenEntry | Refusal {
  const accessor = call.fields.string('accessor');
  if (accessor === '') return refuse(400, oneError('missing accessor'));
  return (
    call.node.core.tokens.findByAccessor(accessor) ?? refuse(400, oneError('invalid accessor'))
  );
}

function describeToken(call: Call, entry: TokenEntry): JsonObject {
  const { tokens } = call.node.core;
  const optional: JsonObject = {};
  if (entry.periodSeconds > 0) optional['period'] = entry.periodSeconds;
  if (entry.role !== undefined) optional['role'] = entry.role;
  if (entry.namespace !== '') optional['namespace_path'] = entry.namespace;
  if (entry.lastRenewedAt !== undefined) {
    optional['last_renewal'] = formatNanos(entry.lastRenewedAt);
    optional['last_renewal_time'] = Number(entry.lastRenewedAt / 1_000_000_000n);
  }
  return {
    accessor: entry.accessor,
    creation_time: Number(entry.createdAt / 1_000_000_000n),
    creation_ttl: entry.creationTtlSeconds,
    display_name: entry.displayName,
    entity_id: entry.entityId,
    expire_time: entry.expiresAt === undefined ? null : formatNanos(entry.expiresAt),
    explicit_max_ttl: entry.explicitMaxTtlSeconds,
    id: entry.id,
    issue_time: formatNanos(entry.createdAt),
    meta: entry.meta === undefined ? null : { ...entry.meta },
    num_uses: entry.usesLeft,
    orphan: entry.parent === undefined,
    path: entry.path,
    policies: [...entry.policies],
    renewable: entry.renewable && entry.expiresAt !== undefined,
    ttl: tokens.ttlSeconds(entry),
    type: entry.type,
    ...optional,
  };
}

function renewSelf(call: Call): Result {
  return call.token === undefined ? permissionDenied : renewEntry(call, call.token);
}

function renew(call: Call): Result {
  const id = call.fields.string('token');
  if (id === '') return refuse(400, 'missing token ID');
  const entry = call.node.core.tokens.find(id);
  return entry === undefined ? refuse(400, 'token not found') : renewEntry(call, entry);
}

function renewAccessor(call: Call): Result {
  const entry = entryByAccessor(call);
  return 'refusedWith' in entry ? entry : renewEntry(call, entry);
}

function renewEntry(call: Call, entry: TokenEntry): Result {
  const { tokens } = call.node.core;
  if (entry.type === 'batch') return refuse(400, 'batch tokens cannot be renewed');
  if (entry.expiresAt === undefined || !entry.renewable)
    return refuse(400, 'lease is not renewable');
  const decision = decideTtl(entry, tokens.ageSeconds(entry), call.fields.seconds('increment'));
  if ('error' in decision) return refuse(500, oneError(decision.error));
  tokens.renew(entry, decision.seconds);
  return { auth: authBlock(entry, decision.seconds), warnings: decision.warnings };
}

function revokeSelf(call: Call): Result {
  return call.token === undefined ? undefined : revokeEntry(call, call.token);
}

function revoke(call: Call): Result {
  const id = call.fields.string('token');
  if (id === '') return refuse(400, 'missing token ID');
  const entry = call.node.core.tokens.find(id);
  return entry === undefined ? undefined : revokeEntry(call, entry);
}

function revokeEntry(call: Call, entry: TokenEntry): Result {
  if (entry.type === 'batch') return refuse(400, 'batch tokens cannot be revoked');
  call.node.core.tokens.revoke(entry);
  return undefined;
}

function revokeOrphan(call: Call): Result {
  const id = call.fields.string('token');
  if (id === '') return refuse(400, 'missing token ID');
  const entry = call.node.core.tokens.find(id);
  if (entry === undefined) return refuse(400, 'token to revoke not found');
  call.node.core.tokens.revokeAlone(entry);
  return undefined;
}

function revokeAccessor(call: Call): Result {
  const accessor = call.fields.string('accessor');
  if (accessor === '') return refuse(400, oneError('missing accessor'));
  const entry = call.node.core.tokens.findByAccessor(accessor);
  if (entry === undefined) {
    return { data: null, warnings: ['No token found with this accessor'] };
  }
  call.node.core.tokens.revoke(entry);
  return undefined;
}
