// Auth method `token`: a Vault token that somebody else made, as a value or in a file that is read again at each use.
// Refuses use-limited ones: every poll would spend a use, and so does looking.
import type { SecretSetting } from '../../config/config.js';
import type { Failure } from '../../health/failure.js';
import type { AuthMethod, Login, LoginContext, LoginResult } from './auth-method.js';
import { lookupSelf } from './lookup-self.js';

export function buildTokenAuth(setting: SecretSetting): AuthMethod {
  let tried: string | null = null;
  /** The value that was refused for good, so that it is never looked up again: that would spend it. */
  let refused: string | null = null;
  return {
    name: 'token',
    makesLogins: false,
    async hasNewCredential() {
      if (setting.file === null) return false;
      const found = await readToken(setting);
      return found.ok && found.vaultToken !== tried;
    },
    async login(context) {
      const found = await readToken(setting);
      if (!found.ok) return found;
      const { vaultToken } = found;
      tried = vaultToken;
      if (vaultToken === refused) return { ok: false, failure: useLimited };
      const result = await loginWith(context, vaultToken);
      if (!result.ok && result.failure === useLimited) refused = vaultToken;
      return result;
    },
  };
}

/** No Vault token at all: for a Vault proxy on the way that adds one. */
export function buildNoAuth(): AuthMethod {
  return {
    name: 'token',
    makesLogins: false,
    hasNewCredential: () => Promise.resolve(false),
    login: () => Promise.resolve({ ok: true, login: unknownLogin(null) }),
  };
}

async function loginWith(context: LoginContext, vaultToken: string): Promise<LoginResult> {
  const found = await lookupSelf(context, vaultToken);
  switch (found.kind) {
    case 'alive': {
      const { usesLeft, ...lookup } = found.lookup;
      // -1: this look was the last use
      if (usesLeft !== 0) return { ok: false, failure: useLimited };
      return { ok: true, login: { vaultToken, ...lookup, isAlive: true } };
    }
    case 'dead':
      return { ok: true, login: { ...unknownLogin(vaultToken), isAlive: false } };
    case 'unknown':
      return { ok: true, login: unknownLogin(vaultToken) };
    case 'unanswered':
      return { ok: false, failure: found.failure };
  }
}

function unknownLogin(vaultToken: string | null): Login {
  return { vaultToken, ttlMs: null, renewable: false, type: 'unknown', isAlive: null };
}

const useLimited: Failure = {
  class: 'vault_login_failed',
  message:
    'the Vault token has a limited number of uses and would be spent by polling: make one without (`vault token create -policy=…`)',
};

type FoundToken =
  | { readonly ok: true; readonly vaultToken: string }
  | { readonly ok: false; readonly failure: Failure };

async function readToken(setting: SecretSetting): Promise<FoundToken> {
  try {
    const vaultToken = (await setting.read()).trim();
    if (SENDABLE.test(vaultToken)) return { ok: true, vaultToken };
  } catch {
    return refuse('cannot be read: check that it exists, is readable and not world-readable');
  }
  return refuse('is empty or has characters that a Vault token never has');
}

/** What can stand in a header, and is a token rather than a page of something. */
const SENDABLE = /^[\x21-\x7e]{1,4096}$/;

function refuse(problem: string): FoundToken {
  const message = `vault.auth.token ${problem}`;
  return { ok: false, failure: { class: 'vault_login_failed', message } };
}
