// How many requests a minute an agent needs when nothing happens: the floor of its request budget.

export interface SteadyLoad {
  /** How many tokens are polled. */
  readonly tokens: number;
  readonly supersededMax: number;
  readonly intervalMs: number;
}

/** One renewal of the login in five minutes; a login that lives shorter than 7.5 minutes eats into the spare half. */
const RENEWALS_PER_MINUTE = 0.2;

/**
 * Requests per minute, not rounded: each interval the newest version of every token, each superseded one it may hold, and
 * the document of named clients; and renewals.
 */
export function steadyNeedPerMinute({ tokens, supersededMax, intervalMs }: SteadyLoad): number {
  return (readsPerPoll(tokens, supersededMax) * 60_000) / intervalMs + RENEWALS_PER_MINUTE;
}

/** The shortest interval whose steady need is at most `perMinute`; Infinity when there is none. */
export function intervalWithin(
  perMinute: number,
  { tokens, supersededMax }: Omit<SteadyLoad, 'intervalMs'>,
): number {
  const forReads = perMinute - RENEWALS_PER_MINUTE;
  if (forReads <= 0) return Infinity;
  return Math.ceil((readsPerPoll(tokens, supersededMax) * 60_000) / forReads);
}

function readsPerPoll(tokens: number, supersededMax: number): number {
  return tokens * (1 + supersededMax) + 1;
}
