// Auth methods `jwt` and `kubernetes`: a signed token in a file (a pod's projected service account token, or of another
// issuer) is exchanged for a login. The file is read at each login: whoever projects it replaces it before it expires.
// https://developer.hashicorp.com/vault/api-docs/auth/jwt, /auth/kubernetes
import type { AuthMethod } from './auth-method.js';
import { readCredential, RefusedCredential } from './credential.js';
import { requestLogin } from './login-request.js';

export interface JwtAuthOptions {
  readonly name: 'jwt' | 'kubernetes';
  readonly mount: string;
  /** null: the method's default role, which Kubernetes does not have. */
  readonly role: string | null;
  readonly readJwt: () => Promise<string>;
}

export function buildJwtAuth({ name, mount, role, readJwt }: JwtAuthOptions): AuthMethod {
  const refused = new RefusedCredential();
  return {
    name,
    makesLogins: true,
    hasNewCredential: () => refused.isReplaced(readJwt),
    async login(context) {
      const jwt = await readCredential('vault.auth.jwt_file', readJwt);
      if (!jwt.ok) return jwt;
      const body = { ...(role === null ? {} : { role }), jwt: jwt.value };
      const result = await requestLogin(context, mount, body);
      refused.note(jwt.value, result);
      return result;
    },
  };
}
