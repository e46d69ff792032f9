// What an answer of Vault was, seen from what we knew: one named outcome, never an exception.
import type { TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';
import type { SecretReading } from './reading.js';

/** `problem` and `warnings` are for an operator and never quote a value. */
export type Observation =
  /** Of a re-creation: what we held keeps its grace. Warnings say what is unwise in the document, not wrong. */
  | { readonly kind: 'accepted' | 'recreated' | 'unchanged'; readonly warnings: readonly string[] }
  /** Older than what we hold, of the secret that was, or known to be destroyed: ignored. */
  | { readonly kind: 'regressed' }
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'deleted' | 'destroyed' }
  /** Pruned or never written: nothing is concluded from it. */
  | { readonly kind: 'unknown' };

export interface ObserveContext {
  /** Vault's clock: ours plus the offset. Milliseconds. */
  readonly now: number;
  /** The field that holds the token. */
  readonly field: string;
  readonly limits: TokenLimits;
  /** Graces below this are obeyed with a warning: 3 × (interval + jitter). Milliseconds. */
  readonly shortGraceMs: number;
}

export interface Observed {
  readonly history: TokenHistory;
  readonly observation: Observation;
}

export type LiveReading = Extract<SecretReading, { kind: 'live' }>;
export type GoneReading = Extract<SecretReading, { kind: 'deleted' | 'destroyed' }>;

export const unchanged: Observation = { kind: 'unchanged', warnings: [] };

export function malformed(history: TokenHistory, problem: string): Observed {
  return { history, observation: { kind: 'malformed', problem } };
}
