// The part of the settings that says where Vault is and how to log in. Refuses plain HTTP off loopback, half a key pair,
// and a login method without what it needs. A method that is named but not built is refused by whoever logs in.
import type { AuthMethod, SecretSetting, VaultAuthConfig, VaultConfig } from './config.js';
import type { Findings } from './findings.js';
import type { Written } from './layer.js';
import { isLoopback } from './network.js';
import { SERVICE_ACCOUNT_TOKEN } from './settings.js';
import type { SecretKey } from './settings.js';
import { locate } from './vault-path.js';

export type Secrets = (key: SecretKey) => SecretSetting | null;

/** Null: static mode. */
export function vaultConfig(
  written: Written,
  secrets: Secrets,
  requestsPerMinute: number,
  findings: Findings,
): VaultConfig | null {
  const addresses = written.value('vault.address');
  checkPair(written, 'vault.client_cert', 'vault.client_key', findings);
  const location = vaultLocation(written, findings);
  if (addresses === undefined) return null;
  const allowHttp = written.get('vault.allow_http');
  checkAddresses(written, addresses, allowHttp, findings);
  return {
    addresses,
    allowHttp,
    namespace: written.optional('vault.namespace'),
    caCert: written.optional('vault.ca_cert'),
    clientCert: written.optional('vault.client_cert'),
    clientKey: written.optional('vault.client_key'),
    tlsServerName: written.optional('vault.tls_server_name'),
    timeoutMs: written.get('vault.timeout'),
    requestsPerMinute,
    ...location,
    proxy: written.optional('vault.proxy'),
    auth: authConfig(written, secrets, findings),
  };
}

function vaultLocation(
  written: Written,
  findings: Findings,
): { readonly mount: string; readonly pathPrefix: string } {
  const mount = written.optional('vault.mount');
  const prefix = written.value('vault.path_prefix');
  const fallback = mount === null ? 'secret/keytender' : 'keytender';
  const location = locate(mount, prefix ?? fallback);
  if ('message' in location) {
    if (!written.isBroken('vault.mount')) {
      findings.problem(written.name('vault.path_prefix'), location.message, location.fix);
    }
    return { mount: '', pathPrefix: '' };
  }
  if (mount !== null && prefix !== undefined && `${prefix}/`.startsWith(`${mount}/`)) {
    findings.warn(
      `${written.name('vault.path_prefix')} starts with ${written.name('vault.mount')} again: the prefix is relative to the mount`,
    );
  }
  return location;
}

function checkAddresses(
  written: Written,
  addresses: readonly string[],
  allowHttp: boolean,
  findings: Findings,
): void {
  if (allowHttp || written.isBroken('vault.allow_http')) return;
  if (
    addresses.every(
      (address) => address.startsWith('https:') || isLoopback(new URL(address).hostname),
    )
  ) {
    return;
  }
  findings.problem(
    written.name('vault.address'),
    'is plain HTTP to another machine: whoever is on the way reads the token',
    'write https://, or set vault.allow_http to true if something else encrypts the way',
  );
}

function authConfig(written: Written, secrets: Secrets, findings: Findings): VaultAuthConfig {
  const method = authMethod(written);
  const namespace = written.optional('vault.namespace');
  const auth: VaultAuthConfig = {
    method,
    mount: written.value('vault.auth.mount') ?? method,
    role: written.optional('vault.auth.role'),
    namespace: written.value('vault.auth.namespace') ?? namespace,
    token: secrets('vault.auth.token'),
    roleId: secrets('vault.auth.role_id'),
    secretId: secrets('vault.auth.secret_id'),
    secretIdWrapped: secrets('vault.auth.secret_id_wrapped'),
    secretIdCache: written.optional('vault.auth.secret_id_cache'),
    jwtFile:
      written.value('vault.auth.jwt_file') ??
      (method === 'jwt' || method === 'kubernetes' ? SERVICE_ACCOUNT_TOKEN : null),
    revokeOnExit: written.get('vault.auth.revoke_on_exit'),
  };
  if (!written.isBroken('vault.auth.method')) checkAuth(written, auth, findings);
  return auth;
}

function authMethod(written: Written): AuthMethod {
  const method = written.value('vault.auth.method');
  if (method !== undefined) return method;
  if (written.has('vault.auth.role_id')) return 'approle';
  return written.has('vault.auth.jwt_file') ? 'jwt' : 'token';
}

function checkAuth(written: Written, { method }: VaultAuthConfig, findings: Findings): void {
  const methodName = written.name('vault.auth.method');
  if (written.has('vault.auth.secret_id') && written.has('vault.auth.secret_id_wrapped')) {
    findings.problem(
      written.name('vault.auth.secret_id_wrapped'),
      `is set beside ${written.name('vault.auth.secret_id')}`,
      'keep one: the secret id itself, or the token it is wrapped in',
    );
  }
  switch (method) {
    case 'token':
      if (!written.has('vault.auth.token')) {
        findings.warn(
          'no Vault token is set (vault.auth.token, VAULT_TOKEN): requests to Vault carry none, which only a Vault proxy with a login of its own accepts',
        );
      }
      return;
    case 'approle':
      if (written.has('vault.auth.role_id')) return;
      findings.problem(methodName, 'is approle, but no role id is set', 'set vault.auth.role_id');
      return;
    case 'kubernetes':
      if (written.has('vault.auth.role')) return;
      findings.problem(methodName, 'is kubernetes, but no role is set', 'set vault.auth.role');
      return;
    case 'cert':
      if (written.has('vault.client_cert')) return;
      findings.problem(
        methodName,
        'is cert, but no client certificate is set',
        'set vault.client_cert and vault.client_key',
      );
      return;
    case 'jwt':
      return;
  }
}

/** A certificate and its key are set together. */
export function checkPair(
  written: Written,
  cert: 'vault.client_cert' | 'listen.tls_cert',
  key: 'vault.client_key' | 'listen.tls_key',
  findings: Findings,
): void {
  if (written.has(cert) === written.has(key)) return;
  const [present, missing] = written.has(cert) ? [cert, key] : [key, cert];
  findings.problem(written.name(present), `is set, but ${missing} is not`, `set ${missing} too`);
}
