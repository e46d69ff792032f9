// What the settings of a run promise: how many requests may be made, and when everything has to be well again.

export const INTERVAL_MS = 1_000;
/** The default: a sixth of the interval. */
const JITTER_MS = INTERVAL_MS / 6;
export const TIMEOUT_MS = 1_000;
/** Where nothing hangs. */
export const PATIENCE_MS = 10_000;
/** `vault.requests_per_minute`: little more than the steady need of this interval. */
export const REQUESTS_PER_MINUTE = 400;
/** The clock offset is a median of five answers: three have to agree. */
export const OFFSET_ATTEMPTS = 4;
/** Not part of any promise: two cores that do other things too. */
const BUSY_MS = 3_000;

/** The longest wait between two attempts: that of the backoff, of a `Retry-After` of 1 s, and of what is waited out. */
export const LARGEST_WAIT_MS = INTERVAL_MS + JITTER_MS;

/** From the end of a fault: what is under way runs into its timeout, one wait, one attempt. */
export function healsWithinMs(attempts = 1): number {
  return TIMEOUT_MS + attempts * (LARGEST_WAIT_MS + TIMEOUT_MS) + BUSY_MS;
}

/** What a calm agent needs: an attempt a second and what a failed one costs (a look at the login, a login). */
const CALM_AT_ONCE = 12;
const CALM_PER_SECOND = 6;

/** null, or where more was asked than was allowed: in no stretch of time more than a burst and the rate after it. */
export function overBudget(requestedAtMs: readonly number[]): string | null {
  const [first = 0, last = 0] = [requestedAtMs[0], requestedAtMs.at(-1)];
  for (const [from, fromMs] of requestedAtMs.entries()) {
    for (let to = from; to < requestedAtMs.length; to += 1) {
      const seconds = ((requestedAtMs[to] ?? 0) - fromMs) / 1_000;
      const allowed = REQUESTS_PER_MINUTE / 3 + (REQUESTS_PER_MINUTE * seconds) / 60;
      const made = to - from + 1;
      if (made > allowed || (seconds <= 60 && made > REQUESTS_PER_MINUTE)) {
        return `${made} requests in ${seconds.toFixed(1)} s`;
      }
    }
  }
  const calm = CALM_AT_ONCE + (CALM_PER_SECOND * (last - first)) / 1_000;
  return requestedAtMs.length > calm ? `${requestedAtMs.length}, no storm, but not calm` : null;
}
