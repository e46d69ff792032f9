// What the refresh loop needs of whoever decides what an answer means: a token's store, or the named clients'.
import type { Observation } from '../token/observation.js';
import type { SecretReading } from '../token/reading.js';

export interface PolledStore {
  /** At `now` (Vault's clock, milliseconds), what time alone has changed settled. */
  at(now: number): {
    readonly current: { readonly version: number | null } | null;
    /** Why there is no current one. */
    readonly missing: string | null;
    /** Infinity when time alone changes nothing. */
    readonly nextChangeAt: number;
  };
  observeNewest(reading: SecretReading, now: number): { readonly observation: Observation };
  observeOlder(
    version: number,
    reading: SecretReading,
    now: number,
  ): { readonly observation: Observation };
  /** The next version this refresh has to read by number, or null. */
  nextRead(now: number, done: ReadonlySet<number>): number | null;
  /** Told of every decision. Returns the unsubscriber. */
  subscribe(listener: (decision: { readonly change: string }) => void): () => void;
}
