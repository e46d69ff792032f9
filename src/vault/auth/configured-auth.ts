// The login method that the settings name, with its credentials. Refuses nothing: what a method lacks was refused when
// the settings were read, or is a failed login that says so.
import type { VaultAuthConfig } from '../../config/config.js';
import { buildAppRoleAuth } from './approle-auth.js';
import type { AuthMethod } from './auth-method.js';
import { buildCertAuth } from './cert-auth.js';
import { buildJwtAuth } from './jwt-auth.js';
import { buildPlainSecretId, buildWrappedSecretId, type SecretIdSource } from './secret-id.js';
import { buildSecretIdCache } from './secret-id-cache.js';
import { buildNoAuth, buildTokenAuth } from './token-auth.js';

export interface AuthSurroundings {
  /** Reads a file. Rejects when it cannot. */
  readonly readFile: (path: string) => Promise<string>;
  /** For an operator: nothing failed, but something is not as it should be. */
  readonly onWarning: (message: string) => void;
}

export function buildConfiguredAuth(
  auth: VaultAuthConfig,
  surroundings: AuthSurroundings,
): AuthMethod {
  const { method, mount, role } = auth;
  switch (method) {
    case 'token':
      return auth.token === null ? buildNoAuth() : buildTokenAuth(auth.token);
    case 'approle': {
      const readRoleId = (): Promise<string> => auth.roleId?.read() ?? Promise.resolve('');
      return buildAppRoleAuth({ mount, readRoleId, secretId: secretIdOf(auth, surroundings) });
    }
    case 'kubernetes':
    case 'jwt': {
      const readJwt = (): Promise<string> => surroundings.readFile(auth.jwtFile ?? '');
      return buildJwtAuth({ name: method, mount, role, readJwt });
    }
    case 'cert':
      return buildCertAuth({ mount, role });
  }
}

function secretIdOf(
  auth: VaultAuthConfig,
  { readFile, onWarning }: AuthSurroundings,
): SecretIdSource | null {
  const { secretId, secretIdWrapped, secretIdCache, mount, role } = auth;
  if (secretIdWrapped !== null) {
    const cache =
      secretIdCache === null
        ? null
        : buildSecretIdCache({ path: secretIdCache, readFile, onWarning });
    return buildWrappedSecretId({ read: () => secretIdWrapped.read(), mount, role, cache });
  }
  return secretId === null ? null : buildPlainSecretId(() => secretId.read());
}
