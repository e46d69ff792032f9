// `POST auth/token/revoke-self`: gives a login back that is not needed any more. Best effort: a login that stays behind
// ends with its TTL. https://developer.hashicorp.com/vault/api-docs/auth/token#revoke-a-token-self
import { failureOfStatus } from '../failure-of-answer.js';
import type { VaultAnswer } from '../vault-answer.js';
import type { Interpreted } from '../vault-caller.js';
import type { LoginContext } from './auth-method.js';

/** False when Vault did not do it. Rejects only when aborted. */
export async function revokeSelf(
  context: LoginContext,
  vaultToken: string | null,
): Promise<boolean> {
  const request = {
    method: 'POST',
    path: 'auth/token/revoke-self',
    vaultToken,
    namespace: context.namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<boolean> => {
    if (answer.status === 204 || answer.status === 200) return { ok: true, value: true };
    return { ok: false, failure: failureOfStatus(answer, context.nowMs) };
  };
  return (await context.caller.call('revoke', request, context, interpret)).ok;
}
