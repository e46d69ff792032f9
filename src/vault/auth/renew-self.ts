// `POST auth/token/renew-self`: asks for a longer life of the login. What a refusal means (dead, not renewable, past its
// maximum, or a policy that does not allow to ask) is told apart by words that Vault and OpenBao have always used.
// https://developer.hashicorp.com/vault/api-docs/auth/token#renew-a-token-self
import type { Failure } from '../../health/failure.js';
import { failureOfLogin } from '../failure-of-answer.js';
import { errorTexts, parseBody, type VaultAnswer } from '../vault-answer.js';
import type { Interpreted } from '../vault-caller.js';
import type { Login, LoginContext } from './auth-method.js';
import { interpretLogin } from './login-request.js';

export type RenewResult =
  | { readonly kind: 'granted'; readonly ttlMs: number | null; readonly renewable: boolean }
  /** Vault will not renew this one: it is dead, at its maximum, or was never renewable. */
  | { readonly kind: 'refused' }
  /** The policy does not allow to ask (no `default` policy): reads may work all the same. */
  | { readonly kind: 'forbidden' }
  /** Vault did not answer, is sealed or limits the rate: worth another try. */
  | { readonly kind: 'unanswered'; readonly failure: Failure };

export async function renewSelf(context: LoginContext, login: Login): Promise<RenewResult> {
  const request = {
    method: 'POST',
    path: 'auth/token/renew-self',
    body: {},
    vaultToken: login.vaultToken,
    namespace: context.namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<RenewResult> =>
    interpretRenewal(answer, context.nowMs);
  const result = await context.caller.call('renew', request, context, interpret);
  return result.ok ? result.value : { kind: 'unanswered', failure: result.failure };
}

/** What an answer to renew-self means. `ok: false`: worth another try. */
export function interpretRenewal(answer: VaultAnswer, nowMs: number): Interpreted<RenewResult> {
  const granted = interpretLogin(answer, nowMs);
  if (granted.ok) {
    const { ttlMs, renewable } = granted.value.login;
    return { ok: true, value: { kind: 'granted', ttlMs, renewable } };
  }
  if (isForbidden(answer)) {
    return { ok: true, value: { kind: 'forbidden' }, outcome: 'vault_forbidden' };
  }
  const failure = failureOfLogin(answer, nowMs);
  if (failure.class !== 'vault_login_failed' && answer.status !== 200) {
    return { ok: false, failure };
  }
  return { ok: true, value: { kind: 'refused' }, outcome: failure.class };
}

/** A policy's refusal is wrapped in a list of errors; that of a dead token is not, or says so. */
function isForbidden(answer: VaultAnswer): boolean {
  if (answer.status !== 403) return false;
  const texts = errorTexts(parseBody(answer));
  return texts.some((text) => /error occurred/.test(text) && !/invalid token/i.test(text));
}
