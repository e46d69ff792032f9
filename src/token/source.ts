// What the rest of the program sees of a token, wherever its value comes from.
import type { TokenSnapshot } from './snapshot.js';
import type { DecisionListener } from './store.js';

export interface TokenSource {
  /** The snapshot at `now` (Vault's clock, milliseconds): frozen, whole, never half a rotation. */
  at(now: number): TokenSnapshot;
  /** Told of every decision, after the swap. Returns the unsubscriber. */
  subscribe(listener: DecisionListener): () => void;
}
