// What a person can do about a failed refresh, by its class. The agent's own message says what happened; this says
// what next. docs/errors.md has the long form.
import type { FailureClass } from '../../health/failure.js';

const adviceByClass: Readonly<Record<FailureClass, string>> = {
  vault_unreachable: 'check vault.address, the network and that Vault runs',
  vault_tls: 'check vault.ca_cert, vault.tls_server_name and the dates of both certificates',
  vault_timeout: 'Vault is slow or hangs: look at its load and at the network between',
  vault_answer_too_large: 'check that vault.address is a Vault, and the size of the secret',
  vault_sealed: 'unseal Vault: vault operator unseal',
  vault_error: "look into Vault's own log; the agent keeps trying",
  vault_refused: 'check vault.mount, vault.path_prefix and vault.namespace',
  vault_standby: "name the active node in vault.address, or repair the cluster's leader election",
  vault_rate_limited: "raise Vault's quota for this client, or refresh.interval",
  vault_forbidden: 'check the policy (VAULT_INTEGRATION.md has it) and that the login is alive',
  vault_login_failed: 'check vault.auth.*: keytender check says what is refused',
  secret_deleted: 'write a new version, or undelete this one: vault kv undelete',
  secret_destroyed: 'write a new version: vault kv put',
  secret_absent: 'write the secret, or check vault.path_prefix, deployment and the token path',
  secret_malformed: 'write a new version whose field is a string of 32 bytes or more',
  version_regressed:
    'a standby lags or Vault was restored: compare vault kv metadata get on each node',
};

/** Empty for a class of a newer agent. */
export function adviceFor(failureClass: string): string {
  return (adviceByClass as Readonly<Record<string, string | undefined>>)[failureClass] ?? '';
}
