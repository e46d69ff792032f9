// Auth method `approle`: a role id and, where the role wants one, a secret id, each a value or a file that is read at
// each login. Where the secret id comes from is the business of its source.
// https://developer.hashicorp.com/vault/api-docs/auth/approle
import type { AuthMethod } from './auth-method.js';
import { readCredential, RefusedCredential } from './credential.js';
import { requestLogin } from './login-request.js';
import type { SecretIdSource } from './secret-id.js';

export interface AppRoleAuthOptions {
  readonly mount: string;
  readonly readRoleId: () => Promise<string>;
  /** null: the role is bound by something else. */
  readonly secretId: SecretIdSource | null;
}

export function buildAppRoleAuth({ mount, readRoleId, secretId }: AppRoleAuthOptions): AuthMethod {
  const refused = new RefusedCredential();
  const readBoth = async (): Promise<string> => {
    const roleId = (await readRoleId()).trim();
    return `${roleId}\n${secretId === null ? '' : (await secretId.readWritten()).trim()}`;
  };
  const bothWere = async (): Promise<string> => {
    try {
      return await readBoth();
    } catch {
      return '';
    }
  };
  return {
    name: 'approle',
    makesLogins: true,
    hasNewCredential: () => refused.isReplaced(readBoth),
    async login(context) {
      const written = await bothWere();
      const roleId = await readCredential('vault.auth.role_id', readRoleId);
      if (!roleId.ok) return roleId;
      const found = secretId === null ? null : await secretId.find(context);
      if (found?.ok === false) {
        refused.note(written, found);
        return found;
      }
      const body = { role_id: roleId.value, ...(found === null ? {} : { secret_id: found.value }) };
      const result = await requestLogin(context, mount, body);
      refused.note(written, result);
      return result;
    },
  };
}
