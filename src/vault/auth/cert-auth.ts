// Auth method `cert`: the client certificate that the connection has is the credential (vault.client_cert). With a role
// only that one is tried. https://developer.hashicorp.com/vault/api-docs/auth/cert
import type { AuthMethod } from './auth-method.js';
import { requestLogin } from './login-request.js';

export function buildCertAuth(options: {
  readonly mount: string;
  readonly role: string | null;
}): AuthMethod {
  const { mount, role } = options;
  return {
    name: 'cert',
    makesLogins: true,
    // a certificate that was replaced makes new connections, and a refused login is tried again by itself
    hasNewCredential: () => Promise.resolve(false),
    login: (context) => requestLogin(context, mount, role === null ? {} : { name: role }),
  };
}
