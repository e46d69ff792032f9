// `auth/token/create`: which token a token may make.
// https://developer.hashicorp.com/vault/api-docs/auth/token#create-token
import { refuse, type Refusal, type Result } from '../result.js';
import type { Call } from '../route.js';
import { authBlock } from './auth-block.js';
import { secondsOf } from './duration-field.js';
import type { TokenEntry } from './token-entry.js';
import { decideTtl, type TtlLimits } from './ttl.js';

export function createToken(call: Call, asOrphan: boolean): Result {
  const parent = call.token;
  if (parent === undefined) return refuse(400, 'parent token lookup failed: no parent found');
  const { tokens } = call.node.core;
  const { fields } = call;
  const acl = call.node.core.aclOf(parent);
  const isSudo = acl.hasSudo(call.realm.path + call.fullPath, 'update');
  const limits = limitsOf(call);
  if ('refusedWith' in limits) return limits;
  const refusal = refusalOf(call, parent, isSudo, limits);
  if (refusal !== undefined) return refusal;
  const policies = policiesOf(call, parent, isSudo);
  if (!Array.isArray(policies)) return policies;
  const isBatch = fields.string('type') === 'batch';
  const neverEnds =
    policies.includes('root') && limits.ttlSeconds === 0 && limits.periodSeconds === 0;
  const decision = decideTtl(limits, 0, limits.ttlSeconds);
  if ('error' in decision) return refuse(400, decision.error);
  const id = isBatch ? '' : fields.string('id');
  const wrongId = wrongIdOf(id) ?? (tokens.has(id) ? DUPLICATE_ID : undefined);
  if (wrongId !== undefined) return refuse(400, wrongId);
  const entry = tokens.create({
    id: id || undefined,
    type: isBatch ? 'batch' : 'service',
    policies,
    meta: fields.has('meta') ? fields.pairs('meta') : undefined,
    displayName: displayNameOf(fields.string('display_name')),
    path: `auth/token/${call.path}`,
    namespace: call.realm.path,
    parent: asOrphan || (fields.bool('no_parent') && isSudo) ? undefined : parent.id,
    role: undefined,
    entityId: '',
    creationTtlSeconds: neverEnds ? 0 : decision.seconds,
    explicitMaxTtlSeconds: limits.explicitMaxTtlSeconds,
    maxTtlSeconds: 0,
    periodSeconds: limits.periodSeconds,
    renewable: !neverEnds && !isBatch && fields.bool('renewable', true),
    numUses: fields.int('num_uses'),
  });
  const missing = policies.filter(
    (name) => name !== 'root' && call.realm.policy(name) === undefined,
  );
  return {
    auth: authBlock(entry, entry.creationTtlSeconds),
    accessor: entry.accessor,
    warnings: [
      ...(id === '' ? [] : [WEAK_ID]),
      ...decision.warnings,
      ...missing.map((name) => `Policy "${name}" does not exist`),
    ],
  };
}

const DUPLICATE_ID = 'cannot create a token with a duplicate ID';
const WEAK_ID =
  'Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more secure SHA2-256 HMAC for token obfuscation. SHA1 hashed tokens on the wire leads to less secure lookups.';

/** An id of the caller's own must not look like one that a server makes. */
function wrongIdOf(id: string): string | undefined {
  const prefix = ['hvs.', 's.'].find((one) => id.startsWith(one));
  if (prefix !== undefined) return `custom token ID cannot have the '${prefix}' prefix`;
  return id.includes('.') ? "custom token ID cannot have a '.' in the value" : undefined;
}

function limitsOf({ fields }: Call): TtlLimits | Refusal {
  const ttl = secondsOf(fields.string('ttl') || fields.string('lease'), 'ttl');
  if (typeof ttl !== 'number') return ttl;
  const period = secondsOf(fields.string('period'), 'period');
  if (typeof period !== 'number') return period;
  const explicitMax = secondsOf(fields.string('explicit_max_ttl'), 'explicit_max_ttl');
  if (typeof explicitMax !== 'number') return explicitMax;
  return {
    ttlSeconds: ttl,
    periodSeconds: period,
    maxTtlSeconds: 0,
    explicitMaxTtlSeconds: explicitMax,
  };
}

function refusalOf(
  { fields }: Call,
  parent: TokenEntry,
  isSudo: boolean,
  limits: TtlLimits,
): Refusal | undefined {
  const type = fields.string('type');
  if (parent.type === 'batch') return refuse(400, 'batch tokens cannot create more tokens');
  if (parent.numUses > 0) return refuse(400, 'restricted use token cannot generate child tokens');
  if (type !== '' && type !== 'service' && type !== 'batch') {
    return refuse(400, "invalid 'token_type' value");
  }
  if (type === 'batch') {
    const set = batchForbids(limits, fields.int('num_uses'));
    if (set !== undefined) return refuse(400, `batch tokens cannot have "${set}" set`);
  }
  if (fields.int('num_uses') < 0) return refuse(400, 'number of uses cannot be negative');
  if (fields.string('entity_alias') !== '') {
    return refuse(400, "'entity_alias' is only allowed in combination with token role");
  }
  if (fields.string('id') !== '' && !isSudo) {
    return refuse(400, 'root or sudo privileges required to specify token id');
  }
  if (fields.bool('no_parent') && !isSudo) {
    return refuse(400, 'root or sudo privileges required to create orphan token');
  }
  if (limits.periodSeconds > 0 && !isSudo) {
    return refuse(400, 'root or sudo privileges required to create periodic token');
  }
  return undefined;
}

function batchForbids(limits: TtlLimits, numUses: number): string | undefined {
  if (limits.explicitMaxTtlSeconds > 0) return 'explicit_max_ttl';
  if (numUses !== 0) return 'num_uses';
  return limits.periodSeconds > 0 ? 'period' : undefined;
}

function policiesOf(call: Call, parent: TokenEntry, isSudo: boolean): string[] | Refusal {
  const asked = call.fields.strings('policies').map((name) => name.toLowerCase());
  if (asked.includes('root') && !parent.policies.includes('root')) {
    return refuse(400, 'root tokens may not be created without parent token being root');
  }
  if (!isSudo && asked.some((name) => name !== 'default' && !parent.policies.includes(name))) {
    return refuse(400, 'child policies must be subset of parent');
  }
  const names = asked.length === 0 ? parent.policies : asked;
  return sanitizePolicies(names, !call.fields.bool('no_default_policy'));
}

/** Sorted, without repetition, `default` added; root stands alone. */
export function sanitizePolicies(names: readonly string[], addsDefault: boolean): string[] {
  if (names.includes('root')) return ['root'];
  const withDefault = addsDefault
    ? [...names, 'default']
    : names.filter((name) => name !== 'default');
  return [...new Set(withDefault.filter((name) => name !== ''))].sort();
}

function displayNameOf(wanted: string): string {
  return wanted === ''
    ? 'token'
    : `token-${wanted}`.replace(/[^a-zA-Z0-9-]/g, '-').replace(/-$/, '');
}
