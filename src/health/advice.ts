// What a person can do about a failed refresh, by its class, and what a state means in which nothing can be used. The
// agent's own message says what happened; this says what next. `keytender status` and the status page both say it so;
// docs/errors.md has the long form.
import type { TokenState } from './body.js';
import type { FailureClass } from './failure.js';

export const adviceByClass: Readonly<Record<FailureClass, string>> = {
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

/** Of the states whose token is not usable. */
export const whyUnusable: Readonly<
  Record<Extract<TokenState, 'revoked' | 'expired' | 'absent'>, string>
> = {
  revoked: 'revoked in Vault; nothing is signed until a new version is written: vault kv put',
  expired: 'too old to be used: it expired, or Vault was not read for refresh.max_stale',
  absent: 'no token yet: nothing is signed until Vault has one',
};

/** Empty for a class of a newer agent. */
export function adviceFor(failureClass: string): string {
  return (adviceByClass as Readonly<Record<string, string | undefined>>)[failureClass] ?? '';
}

/** `state`: of a token that is not usable. */
export function whyUnusableFor(state: string): string {
  return (whyUnusable as Readonly<Record<string, string | undefined>>)[state] ?? 'not usable';
}

/** Of a sink that fails: its own message says at which. */
export const adviceForSinks =
  'see to the path, its owner and the room on its disk, or to the command; the agent tries again by itself';

/** Of an agent that is degraded while no token has an error. */
export const unexplained =
  "the login could not be renewed, or half of refresh.max_stale is gone without a read: the agent's log says which";
