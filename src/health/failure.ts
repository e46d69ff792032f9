// Why a refresh failed: the closed list of classes that `/health`, metrics, logs and docs/errors.md share. Whoever
// reads Vault names one; whoever schedules the next attempt and whoever reports only look it up.

export const failureClasses = [
  'vault_unreachable',
  'vault_tls',
  'vault_timeout',
  'vault_answer_too_large',
  'vault_sealed',
  'vault_error',
  'vault_refused',
  'vault_standby',
  'vault_rate_limited',
  'vault_forbidden',
  'vault_login_failed',
  'secret_deleted',
  'secret_destroyed',
  'secret_absent',
  'secret_malformed',
  'version_regressed',
] as const;

export type FailureClass = (typeof failureClasses)[number];

/** A failed attempt, as a value. `message` is for an operator: what happened and what to do; never a secret or a body. */
export interface Failure {
  readonly class: FailureClass;
  readonly message: string;
  /** From `Retry-After`, already within 1 s and 5 min. */
  readonly retryAfterMs?: number;
  /** Of `vault_forbidden`: the login is dead, so that no other secret can be read with it either. */
  readonly isLoginDead?: true;
}
