// Where AppRole's secret id comes from: as it is, or wrapped in a token that can be exchanged for it once. The wrapping
// token is looked up before: one that was made by another path than a role's secret id was put there by somebody else,
// and that alone is an alarm, because a used, an expired and an unknown one all answer alike.
// https://developer.hashicorp.com/vault/docs/concepts/response-wrapping#response-wrapping-token-validation
import type { Failure } from '../../health/failure.js';
import { failureOfLogin } from '../failure-of-answer.js';
import { isObject, parseBody, type VaultAnswer } from '../vault-answer.js';
import type { Interpreted } from '../vault-caller.js';
import type { LoginContext } from './auth-method.js';
import { digest, readCredential, type CredentialReading } from './credential.js';
import type { SecretIdCache } from './secret-id-cache.js';

export interface SecretIdSource {
  /** The secret id to log in with. At most two requests, and those once a wrapping token. */
  find(context: LoginContext): Promise<CredentialReading>;
  /** What the operator wrote: the secret id, or the token it is wrapped in. */
  readWritten(): Promise<string>;
}

export function buildPlainSecretId(read: () => Promise<string>): SecretIdSource {
  return { find: () => readCredential('vault.auth.secret_id', read), readWritten: read };
}

export interface WrappedSecretIdOptions {
  readonly read: () => Promise<string>;
  /** The auth mount and, where it is configured, the role that the secret id must be of. */
  readonly mount: string;
  readonly role: string | null;
  /** null: a restart needs a new wrapping token. */
  readonly cache: SecretIdCache | null;
}

export function buildWrappedSecretId(options: WrappedSecretIdOptions): SecretIdSource {
  const { read, cache } = options;
  let held: { readonly wrapping: string; readonly secretId: string } | null = null;
  /** Whose creation path was wrong: never asked for again. */
  let alarmed: string | null = null;
  return {
    readWritten: read,
    async find(context) {
      const wrapping = await readCredential('vault.auth.secret_id_wrapped', read);
      const cached = held ?? (await cache?.read()) ?? null;
      if (!wrapping.ok) {
        // whoever unwraps may also take the file away
        return cached === null ? wrapping : { ok: true, value: cached.secretId };
      }
      const wrappedIn = digest(wrapping.value);
      if (cached?.wrapping === wrappedIn) {
        held = cached;
        return { ok: true, value: cached.secretId };
      }
      if (alarmed === wrappedIn) return { ok: false, failure: wrongPath };
      const checked = await lookUp(context, wrapping.value, options);
      if (!checked.ok) {
        if (checked.failure === wrongPath) alarmed = wrappedIn;
        return checked;
      }
      const unwrapped = await unwrap(context, wrapping.value);
      if (!unwrapped.ok) return unwrapped;
      held = { wrapping: wrappedIn, secretId: unwrapped.value };
      await cache?.write(held);
      return unwrapped;
    },
  };
}

const wrongPath: Failure = {
  class: 'vault_login_failed',
  message:
    'ALARM: the wrapping token was not made for a secret id of this role: somebody may have put it there; it was not unwrapped. Make a new one, and find out who wrote vault.auth.secret_id_wrapped',
};

const unusable: Failure = {
  class: 'vault_login_failed',
  message:
    'the wrapping token in vault.auth.secret_id_wrapped was used, has expired or is unknown to vault: give a new one (`vault write -wrap-ttl=… -f auth/…/role/…/secret-id`); with vault.auth.secret_id_cache a restart does not need one',
};

async function lookUp(
  context: LoginContext,
  wrappingToken: string,
  { mount, role }: WrappedSecretIdOptions,
): Promise<CredentialReading> {
  const request = {
    method: 'POST',
    path: 'sys/wrapping/lookup',
    body: { token: wrappingToken },
    vaultToken: null,
    namespace: context.namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<string> => {
    if (answer.status !== 200) return refusal(answer, context.nowMs);
    const path = textIn(answer, 'creation_path');
    return path !== null && isSecretIdPath(path, mount, role)
      ? { ok: true, value: path }
      : { ok: false, failure: wrongPath };
  };
  return context.caller.call('lookup', request, context, interpret);
}

async function unwrap(context: LoginContext, wrappingToken: string): Promise<CredentialReading> {
  const request = {
    method: 'POST',
    path: 'sys/wrapping/unwrap',
    vaultToken: wrappingToken,
    namespace: context.namespace,
  } as const;
  const interpret = (answer: VaultAnswer): Interpreted<string> => {
    if (answer.status !== 200) return refusal(answer, context.nowMs);
    const secretId = textIn(answer, 'secret_id');
    return secretId === null ? { ok: false, failure: wrongPath } : { ok: true, value: secretId };
  };
  return context.caller.call('unwrap', request, context, interpret);
}

function refusal(answer: VaultAnswer, nowMs: number): Interpreted<string> {
  const failure = failureOfLogin(answer, nowMs);
  return { ok: false, failure: failure.class === 'vault_login_failed' ? unusable : failure };
}

function textIn(answer: VaultAnswer, key: string): string | null {
  const body = parseBody(answer);
  const data = isObject(body) ? body['data'] : undefined;
  const value = isObject(data) ? data[key] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** `auth/{mount}/role/{role}/secret-id`, below a namespace or not, also a custom secret id. */
export function isSecretIdPath(path: string, mount: string, role: string | null): boolean {
  const from = path.lastIndexOf(`auth/${mount}/role/`);
  if (from === -1 || (from > 0 && path[from - 1] !== '/')) return false;
  const [foundRole = '', kind = '', ...rest] = path
    .slice(from + `auth/${mount}/role/`.length)
    .split('/');
  if (rest.length > 0 || (kind !== 'secret-id' && kind !== 'custom-secret-id')) return false;
  return foundRole !== '' && (role === null || foundRole.toLowerCase() === role.toLowerCase());
}
