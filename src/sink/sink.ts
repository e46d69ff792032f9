// What every place a token is delivered to has in common (docs/sinks.md). A sink does one thing at a time, keeps no queue
// and decides nothing about when: that is the runner's.
import type { TokenSnapshot } from '../token/snapshot.js';

/** What is to be delivered: one frozen snapshot with a current token in it. */
export interface Delivery {
  /** The token's name. */
  readonly token: string;
  readonly snapshot: TokenSnapshot & { readonly current: object };
}

export interface Sink {
  /**
   * Delivers. Rejects with a `SinkError` for what an operator can repair. An abort ends what can be ended; the promise
   * settles when nothing of it runs any more, which a disk that hangs may delay without limit.
   */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<void>;
  /** Whether what was delivered last is still there as it was delivered. */
  isIntact(): Promise<boolean>;
  /** The token may no longer be used: takes it back. null: what was delivered cannot be taken back. */
  readonly withdraw: (() => Promise<void>) | null;
  /** Whether `after` has to be delivered where `before` was. */
  isNews(before: TokenSnapshot, after: TokenSnapshot): boolean;
  /** The agent stops. */
  close(): Promise<void>;
}

/** Why a delivery failed: a lower-case phrase with what to do about it, without any secret. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
}

/** The snapshot as a delivery; null when nothing in it may be used. */
export function deliveryOf(token: string, snapshot: TokenSnapshot): Delivery | null {
  const { current } = snapshot;
  return current === null ? null : { token, snapshot: { ...snapshot, current } };
}
