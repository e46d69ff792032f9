// When to ask Vault again: the whole schedule as one pure function. A fleet that starts or recovers together must not
// stay together, and no fault may turn an agent into a storm.
import type { Failure, FailureClass } from '../health/failure.js';
import type { Random } from '../platform/random.js';

export interface Schedule {
  readonly intervalMs: number;
  /** Added to the interval, uniform, drawn once per wait. */
  readonly jitterMs: number;
}

export interface LastAttempt {
  readonly failure: Failure | null;
  /** Including this one. */
  readonly consecutiveFailures: number;
  /** The attempt before failed, or there was none: this one was the first good read, at start or after an outage. */
  readonly isFirstGood: boolean;
}

const BACKOFF_FIRST_MS = 1000;
/** Full jitter may draw nearly nothing: two attempts are never closer than this. */
const DELAY_MIN_MS = 100;

/** How a class is waited out. `interval`: trying sooner cannot help, an operator has to act. */
const waits: Readonly<Record<FailureClass, 'backoff' | 'interval'>> = {
  vault_unreachable: 'backoff',
  vault_tls: 'backoff',
  vault_timeout: 'backoff',
  vault_answer_too_large: 'backoff',
  vault_sealed: 'backoff',
  vault_error: 'backoff',
  vault_standby: 'backoff',
  vault_rate_limited: 'backoff',
  vault_forbidden: 'backoff',
  vault_login_failed: 'backoff',
  vault_refused: 'interval',
  secret_deleted: 'interval',
  secret_destroyed: 'interval',
  secret_absent: 'interval',
  secret_malformed: 'interval',
  version_regressed: 'interval',
};

/** Milliseconds until the next attempt. */
export function delayAfter(attempt: LastAttempt, schedule: Schedule, random: Random): number {
  return Math.max(DELAY_MIN_MS, draw(attempt, schedule, random));
}

function draw(attempt: LastAttempt, schedule: Schedule, random: Random): number {
  const { failure, consecutiveFailures, isFirstGood } = attempt;
  if (failure === null) {
    return isFirstGood ? random() * schedule.intervalMs : spread(schedule, random);
  }
  if (failure.retryAfterMs !== undefined) {
    return failure.retryAfterMs + random() * schedule.jitterMs;
  }
  return waits[failure.class] === 'interval'
    ? spread(schedule, random)
    : random() * backoffCapMs(consecutiveFailures, schedule);
}

function spread({ intervalMs, jitterMs }: Schedule, random: Random): number {
  return intervalMs + random() * jitterMs;
}

/** 1 s doubling to the interval. */
function backoffCapMs(consecutiveFailures: number, { intervalMs }: Schedule): number {
  const doublings = Math.min(consecutiveFailures - 1, 30);
  return Math.min(intervalMs, BACKOFF_FIRST_MS * 2 ** doublings);
}
