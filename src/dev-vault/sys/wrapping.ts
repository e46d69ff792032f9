// Response wrapping: an answer is put away under a token that can be exchanged for it once.
// https://developer.hashicorp.com/vault/api-docs/system/wrapping-unwrap
import { formatNanos } from '../instant.js';
import { WRAPPING_POLICY_NAME } from '../policy/default-policy.js';
import { encodeInOrder, RawJson } from '../json-text.js';
import { refuse, type Refusal, type Result } from '../result.js';
import type { Call, Route } from '../route.js';
import type { Wrapped } from '../core.js';
import type { TokenEntry } from '../token/token-entry.js';

export const WRAPPING_ROUTES: readonly Route[] = [
  { path: 'wrapping/wrap', takesArbitraryFields: true, write: wrap },
  { path: 'wrapping/unwrap', fields: { token: 'string' }, write: unwrap },
  {
    path: 'wrapping/lookup',
    fields: { token: 'string' },
    needsNoToken: true,
    read: lookup,
    write: lookup,
  },
  { path: 'wrapping/rewrap', fields: { token: 'string' }, write: rewrap },
];

export const INVALID = 'wrapping token is not valid or does not exist';

function wrap(call: Call): Result {
  if (call.headers['x-vault-wrap-ttl'] === undefined) {
    return refuse(400, 'endpoint requires response wrapping to be used');
  }
  return { data: call.data };
}

/** The token that is meant (in the body, else the caller's) with what it holds. */
function find(call: Call): { entry: TokenEntry; wrapped: Wrapped } | Refusal {
  const { core } = call.node;
  const id = call.fields.string('token') || call.clientToken;
  const entry = core.tokens.find(id);
  const wrapped = core.wrapped.get(id);
  return entry === undefined || wrapped === undefined ? refuse(400, INVALID) : { entry, wrapped };
}

function unwrap(call: Call): Result {
  const found = find(call);
  if ('refusedWith' in found) return found;
  forget(call, found.entry);
  return { bare: new RawJson(found.wrapped.body), wrappable: false };
}

function forget(call: Call, entry: TokenEntry): void {
  call.node.core.wrapped.delete(entry.id);
  call.node.core.tokens.revoke(entry);
}

function lookup(call: Call): Result {
  const found = find(call);
  if ('refusedWith' in found) return found;
  const { creationPath, creationTime, ttlSeconds } = found.wrapped;
  return {
    data: { creation_path: creationPath, creation_time: creationTime, creation_ttl: ttlSeconds },
  };
}

function rewrap(call: Call): Result {
  const found = find(call);
  if ('refusedWith' in found) return found;
  forget(call, found.entry);
  const { body, creationPath, ttlSeconds } = found.wrapped;
  return wrapBody(call, body, creationPath, ttlSeconds, '');
}

/** Puts an answer away and gives the answer that says where. */
export function wrapBody(
  call: Pick<Call, 'node' | 'realm'>,
  body: string,
  creationPath: string,
  ttlSeconds: number,
  wrappedAccessor: string,
): Result {
  const { core } = call.node;
  const entry = core.tokens.create({
    type: 'service',
    policies: [WRAPPING_POLICY_NAME],
    meta: undefined,
    displayName: '',
    path: creationPath,
    namespace: call.realm.path,
    parent: undefined,
    role: undefined,
    entityId: '',
    creationTtlSeconds: ttlSeconds,
    explicitMaxTtlSeconds: ttlSeconds,
    maxTtlSeconds: 0,
    periodSeconds: 0,
    renewable: false,
    numUses: 1,
  });
  const creationTime = formatNanos(entry.createdAt);
  core.wrapped.set(entry.id, { body, creationPath, creationTime, ttlSeconds });
  const info = encodeInOrder({
    token: entry.id,
    accessor: entry.accessor,
    ttl: ttlSeconds,
    creation_time: creationTime,
    creation_path: creationPath,
    ...(wrappedAccessor === '' ? {} : { wrapped_accessor: wrappedAccessor }),
  });
  return { wrapInfo: info, wrappable: false };
}
