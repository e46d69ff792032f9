// A login method that the settings know and this version does not: every login fails and says so, without a request.
import type { AuthMethod } from './auth-method.js';

export function buildUnavailableAuth(name: AuthMethod['name']): AuthMethod {
  const message = `vault.auth.method ${name} is not available in this version: use token`;
  return {
    name,
    makesLogins: true,
    hasNewCredential: () => Promise.resolve(false),
    login: () => Promise.resolve({ ok: false, failure: { class: 'vault_login_failed', message } }),
  };
}
