// What of the settings for reading Vault is another than before: so that a reload touches what changed, and no more. A
// changed timeout costs no login, and a login method that is the same keeps what it holds (an unwrapped secret id).
import type { VaultAuthConfig, VaultConfig } from '../config/config.js';
import { isSameSecret } from '../config/secret.js';

export interface VaultDifference {
  /** The way to Vault: addresses, certificates, timeout, proxy. */
  readonly route: boolean;
  /** No address is one of those before: it may be another Vault, which knows no login of the old one. */
  readonly isElsewhere: boolean;
  /** How to log in. */
  readonly login: boolean;
}

export function vaultDifference(old: VaultConfig, next: VaultConfig): VaultDifference {
  const isSameCertificate = old.clientCert === next.clientCert && old.clientKey === next.clientKey;
  return {
    route:
      !isSameCertificate ||
      JSON.stringify(old.addresses) !== JSON.stringify(next.addresses) ||
      old.caCert !== next.caCert ||
      old.tlsServerName !== next.tlsServerName ||
      old.timeoutMs !== next.timeoutMs ||
      old.proxy !== next.proxy,
    isElsewhere: !next.addresses.some((address) => old.addresses.includes(address)),
    login: !isSameLogin(old.auth, next.auth) || (next.auth.method === 'cert' && !isSameCertificate),
  };
}

function isSameLogin(old: VaultAuthConfig, next: VaultAuthConfig): boolean {
  return (
    old.method === next.method &&
    old.mount === next.mount &&
    old.role === next.role &&
    old.namespace === next.namespace &&
    old.secretIdCache === next.secretIdCache &&
    old.jwtFile === next.jwtFile &&
    isSameSecret(old.token, next.token) &&
    isSameSecret(old.roleId, next.roleId) &&
    isSameSecret(old.secretId, next.secretId) &&
    isSameSecret(old.secretIdWrapped, next.secretIdWrapped)
  );
}
