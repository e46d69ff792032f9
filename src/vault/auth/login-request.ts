// `POST auth/{mount}/login`: the request that AppRole, Kubernetes, JWT and certificate logins have in common, and what
// its answer says of the login. Refuses tokens with a limited number of uses: polling would spend them.
// https://developer.hashicorp.com/vault/api-docs/auth
import type { Failure } from '../../health/failure.js';
import { failureOfLogin } from '../failure-of-answer.js';
import { encodePath } from '../secret-path.js';
import { isObject, parseBody, type VaultAnswer } from '../vault-answer.js';
import type { Interpreted } from '../vault-caller.js';
import type { Login, LoginContext, LoginResult } from './auth-method.js';
import { revokeSelf } from './revoke-self.js';

/** One request. `mount`: after `auth/`, without slashes at its ends. Expected failures are values. */
export async function requestLogin(
  context: LoginContext,
  mount: string,
  body: Readonly<Record<string, string>>,
): Promise<LoginResult> {
  const request = {
    method: 'POST',
    path: `auth/${encodePath(mount)}/login`,
    body,
    vaultToken: null,
    namespace: context.namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<Granted> =>
    interpretLogin(answer, context.nowMs);
  const result = await context.caller.call('login', request, context, interpret);
  if (!result.ok) return result;
  const { login, uses } = result.value;
  if (uses === 0) return { ok: true, login };
  await revokeSelf(context, login.vaultToken);
  return { ok: false, failure: useLimited };
}

interface Granted {
  readonly login: Login;
  /** 0: not limited. */
  readonly uses: number;
}

/** What the answer to a login, or to a renewal, grants. */
export function interpretLogin(answer: VaultAnswer, nowMs: number): Interpreted<Granted> {
  if (answer.status !== 200) return { ok: false, failure: failureOfLogin(answer, nowMs) };
  const granted = decodeAuth(parseBody(answer));
  return granted === null ? { ok: false, failure: notReadable } : { ok: true, value: granted };
}

const notReadable: Failure = {
  class: 'vault_login_failed',
  message:
    'the answer to the login holds no Vault token: check that vault.address is a Vault and vault.auth.mount an auth method',
};

const useLimited: Failure = {
  class: 'vault_login_failed',
  message:
    'the role gives Vault tokens with a limited number of uses, which polling would spend: set its token_num_uses to 0',
};

function decodeAuth(body: unknown): Granted | null {
  const auth = isObject(body) ? body['auth'] : undefined;
  if (!isObject(auth)) return null;
  const vaultToken = auth['client_token'];
  const duration = auth['lease_duration'];
  const type = auth['token_type'];
  const uses = auth['num_uses'];
  if (typeof vaultToken !== 'string' || !SENDABLE.test(vaultToken)) return null;
  if (typeof duration !== 'number' || !(duration >= 0)) return null;
  const login: Login = {
    vaultToken,
    // 0: it never expires, as a root token
    ttlMs: duration === 0 ? null : duration * 1_000,
    renewable: auth['renewable'] === true,
    type: type === 'service' || type === 'batch' ? type : 'unknown',
    isAlive: true,
  };
  return { login, uses: typeof uses === 'number' ? uses : 0 };
}

/** What can stand in a header. */
const SENDABLE = /^[\x21-\x7e]{1,8192}$/;
