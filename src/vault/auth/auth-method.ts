// How an agent logs in to Vault: one method, one file, behind this. A method makes a login; when to make one, how
// long to keep it and what a refusal means is decided once, for all of them, by the login session.
import type { Failure } from '../../health/failure.js';
import type { CallOptions, VaultCaller } from '../vault-caller.js';

export interface Login {
  /** null: requests carry none, for a Vault proxy that logs in by itself. */
  readonly vaultToken: string | null;
  /** How long it lives from now, in milliseconds; null: for ever, or not known. */
  readonly ttlMs: number | null;
  readonly renewable: boolean;
  /** Batch tokens can be neither renewed nor revoked. */
  readonly type: 'service' | 'batch' | 'unknown';
  /** False when Vault already said that it is dead; null when it was not asked or did not tell. */
  readonly isAlive: boolean | null;
}

export type LoginResult =
  { readonly ok: true; readonly login: Login } | { readonly ok: false; readonly failure: Failure };

export interface LoginContext extends CallOptions {
  readonly caller: VaultCaller;
  /** The namespace to log in at; null: none. */
  readonly namespace: string | null;
  /** Our wall clock. Milliseconds since the epoch. */
  readonly nowMs: number;
}

export interface AuthMethod {
  readonly name: 'token' | 'approle' | 'kubernetes' | 'jwt' | 'cert';
  /** Whether logging in again with the same credential gives another login: not so for a given Vault token. */
  readonly makesLogins: boolean;
  /** One login. At most the requests it needs, no retry. Expected failures are values. */
  login(context: LoginContext): Promise<LoginResult>;
  /** Whether the credential is another one than at the last try, so that a new login is worth trying at once. */
  hasNewCredential(): Promise<boolean>;
}
