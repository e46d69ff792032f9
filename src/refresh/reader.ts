// What the refresh loop needs of whoever reads Vault. Implemented by vault/, by fakes in tests.
import type { Failure } from '../health/failure.js';
import type { SecretReading } from '../token/reading.js';

export type ReadResult =
  | { readonly ok: true; readonly reading: SecretReading }
  | { readonly ok: false; readonly failure: Failure };

export interface ReadOptions {
  /** A version ≥ 1; absent: the newest. */
  readonly version?: number;
  /** Which part of the request budget pays. */
  readonly budget: 'poll' | 'on_demand';
  readonly signal: AbortSignal;
  /** Aborts when a poll joins a refresh on demand: from then on its part pays, so that it need not wait for the other. */
  readonly pollJoined?: AbortSignal;
  /** Told before each wait or request how long it may at most take: the watchdog's deadline moves with it. */
  readonly onDeadline?: (withinMs: number) => void;
}

/** Reads one secret. One request, no retry. Expected failures are values; a rejection is a bug or an abort. */
export interface SecretReader {
  read(options: ReadOptions): Promise<ReadResult>;
  /** Our clock plus this is Vault's; 0 before the first answer or below 2 s. Milliseconds. */
  clockOffsetMs(): number;
}
