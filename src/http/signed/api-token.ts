// What the signed API needs of one token, whoever reads Vault or a file for it. Values leave only through
// `snapshot`, in the routes that may hand one out.
import type { TokenSummary } from '../../health/body.js';
import type { TokenSnapshot } from '../../token/snapshot.js';

/** One token at one instant: a request keeps the look it was verified with. */
export interface TokenLook {
  readonly snapshot: TokenSnapshot;
  /** It is served and accepted: there, not expired, confirmed within `refresh.max_stale`. */
  readonly isUsable: boolean;
  readonly health: () => TokenSummary;
}

/** A request signed by a key that we do not hold, waiting for Vault to be asked. */
export interface Want<T> {
  /** Tried after each read; null: still not there. */
  readonly look: () => T | null;
  /** The version that its `keyid` names. */
  readonly version: number | undefined;
}

/** `refused`: the allowance for asking is spent; `failed`: Vault could not say. */
export type DemandOutcome<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'unchanged' | 'failed' | 'refused' };

export interface OnDemand {
  ask<T>(want: Want<T>, signal: AbortSignal): Promise<DemandOutcome<T>>;
}

export const forcedOutcomes = [
  'rotated',
  'patched',
  'pending',
  'cancelled',
  'revoked',
  'restored',
  'recreated',
  'unchanged',
  'regressed',
] as const;
export type ForcedOutcome = (typeof forcedOutcomes)[number];

/** What a refresh that a caller asked for came to. `class`: a failure class of docs/errors.md. */
export type ForcedRefresh =
  | { readonly kind: 'done'; readonly outcome: ForcedOutcome }
  | { readonly kind: 'failed'; readonly class: string }
  | { readonly kind: 'busy' };

export interface ApiToken {
  readonly name: string;
  readonly look: () => TokenLook;
  /** Told after every change and every attempt. Returns the unsubscriber. */
  readonly subscribe: (listener: () => void) => () => void;
  /** null: Vault is not asked for a key that is missing. Asked each time: a reload may change it. */
  readonly onDemand: OnDemand | null;
  readonly refresh: (signal: AbortSignal) => Promise<ForcedRefresh>;
  /** Swaps a static token, persisting it first. null: Vault owns the value. Rejects when it cannot be written. */
  readonly replace: ((text: string) => Promise<void>) | null;
}
