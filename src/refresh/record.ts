// What the attempts on one token came to. Two facts are never merged: *Vault answered* (`lastRefreshOk`, `error`) and
// *the value changed* (`lastChangeAt`). Pure: a record and an outcome in, a new record out.
import type { AttemptFacts } from '../health/derive.js';
import type { Failure, FailureClass } from '../health/failure.js';

/** Exactly the facts that health is derived from. */
export type RefreshRecord = AttemptFacts;

export const emptyRecord: RefreshRecord = {
  attempts: 0,
  lastAttemptAt: null,
  lastSuccessAt: null,
  lastChangeAt: null,
  nextAttemptAt: null,
  lastRefreshOk: null,
  consecutiveFailures: 0,
  error: null,
  confirmedMonotonicMs: null,
};

export interface AttemptOutcome {
  /** null: every read of the attempt succeeded and said what we could use. */
  readonly failure: Failure | null;
  /** The current value was seen alive. */
  readonly isConfirmed: boolean;
}

export function recordAttempt(
  record: RefreshRecord,
  { failure, isConfirmed }: AttemptOutcome,
  now: number,
  monotonicMs: number,
): RefreshRecord {
  return {
    ...record,
    attempts: record.attempts + 1,
    lastAttemptAt: now,
    lastSuccessAt: failure === null ? now : record.lastSuccessAt,
    lastRefreshOk: failure === null,
    consecutiveFailures: failure === null ? 0 : record.consecutiveFailures + 1,
    error: failure === null ? null : { ...describe(failure), since: since(record, failure, now) },
    confirmedMonotonicMs: isConfirmed ? monotonicMs : record.confirmedMonotonicMs,
  };
}

function describe({ class: failureClass, message }: Failure): {
  class: FailureClass;
  message: string;
} {
  return { class: failureClass, message };
}

/** An error lasts since its class first appeared in a row. */
function since({ error }: RefreshRecord, failure: Failure, now: number): number {
  return error?.class === failure.class ? error.since : now;
}
