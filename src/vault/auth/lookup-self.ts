// `GET auth/token/lookup-self`: how long a login lives, and whether it lives at all. A use-limited token pays for it
// with a use. Without Vault's `default` policy it is refused: that is no failure of the login.
import type { Failure } from '../../health/failure.js';
import { failureOfStatus } from '../failure-of-answer.js';
import { errorTexts, isObject, parseBody, type VaultAnswer } from '../vault-answer.js';
import type { Interpreted } from '../vault-caller.js';
import type { LoginContext } from './auth-method.js';

export type LookupResult =
  | { readonly kind: 'alive'; readonly lookup: Lookup }
  | { readonly kind: 'dead' }
  /** Vault answered, but not this question. */
  | { readonly kind: 'unknown'; readonly failure: Failure }
  /** Vault did not answer, is sealed or limits the rate: nothing else would be answered either. */
  | { readonly kind: 'unanswered'; readonly failure: Failure };

interface Lookup {
  /** null: it never expires. */
  readonly ttlMs: number | null;
  readonly renewable: boolean;
  readonly type: 'service' | 'batch' | 'unknown';
  /** 0: not limited. */
  readonly usesLeft: number;
}

export async function lookupSelf(
  context: LoginContext,
  vaultToken: string | null,
): Promise<LookupResult> {
  const request = {
    method: 'GET',
    path: 'auth/token/lookup-self',
    vaultToken,
    namespace: context.namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<LookupResult> =>
    interpretLookup(answer, context.nowMs);
  const result = await context.caller.call('lookup', request, context, interpret);
  return result.ok ? result.value : { kind: 'unanswered', failure: result.failure };
}

/** What an answer to lookup-self means. `ok: false`: nothing else would be answered either. */
export function interpretLookup(answer: VaultAnswer, nowMs: number): Interpreted<LookupResult> {
  const lookup = answer.status === 200 ? decodeLookup(parseBody(answer)) : null;
  if (lookup !== null) return { ok: true, value: { kind: 'alive', lookup } };
  if (answer.status === 403 && saysDead(answer)) {
    return { ok: true, value: { kind: 'dead' }, outcome: 'vault_forbidden' };
  }
  const failure: Failure =
    answer.status === 200
      ? { class: 'vault_error', message: 'the answer to a lookup of the login is not readable' }
      : failureOfStatus(answer, nowMs);
  if (stops.has(failure.class)) return { ok: false, failure };
  return { ok: true, value: { kind: 'unknown', failure }, outcome: failure.class };
}

const stops: ReadonlySet<Failure['class']> = new Set<Failure['class']>([
  'vault_sealed',
  'vault_rate_limited',
  'vault_standby',
]);

/** A token that is none is refused before policies are looked at, in words of its own. */
function saysDead(answer: VaultAnswer): boolean {
  const texts = errorTexts(parseBody(answer));
  return texts.some((text) => text === 'permission denied' || /invalid token/i.test(text));
}

function decodeLookup(body: unknown): Lookup | null {
  const data = isObject(body) ? body['data'] : undefined;
  if (!isObject(data)) return null;
  const ttl = data['ttl'];
  const uses = data['num_uses'];
  const type = data['type'];
  const neverExpires = data['expire_time'] === null;
  return {
    ttlMs: typeof ttl !== 'number' || neverExpires || !(ttl >= 0) ? null : ttl * 1_000,
    renewable: data['renewable'] === true,
    type: type === 'service' || type === 'batch' ? type : 'unknown',
    usesLeft: typeof uses === 'number' ? uses : 0,
  };
}
