// What is known of a sink, and what `/health` says of it: pure, derived from the record and the time.
import type { SinkHealth } from '../health/body.js';

export interface SinkRecord {
  /** Of the token that was delivered last; null before the first, without a version, and after it was taken back. */
  readonly version: number | null;
  /** When the last delivery worked. Milliseconds since the epoch. */
  readonly lastSuccessAt: number | null;
  /** Why the last delivery failed; null when it worked or there was none. */
  readonly error: string | null;
  /** Since when one is under way, on the monotonic clock; null: none is. */
  readonly busySinceMs: number | null;
}

export const emptySinkRecord: SinkRecord = {
  version: null,
  lastSuccessAt: null,
  error: null,
  busySinceMs: null,
};

/** A delivery that takes longer than this is told. Milliseconds. */
export const SLOW_MS = 2_000;

export function deriveSinkHealth(record: SinkRecord, monotonicMs: number): SinkHealth {
  const error = problemOf(record, monotonicMs);
  const { version, lastSuccessAt } = record;
  return {
    ok: error === null,
    version,
    last_success_at: lastSuccessAt === null ? null : new Date(lastSuccessAt).toISOString(),
    error,
  };
}

function problemOf(
  { error, busySinceMs, lastSuccessAt }: SinkRecord,
  nowMs: number,
): string | null {
  if (busySinceMs !== null && nowMs - busySinceMs >= SLOW_MS) {
    return `a delivery has not ended after ${Math.floor((nowMs - busySinceMs) / 1000)} s`;
  }
  if (error !== null) return error;
  return lastSuccessAt === null ? 'nothing was delivered yet' : null;
}
