// The library's time. What it does by itself, in the background, must not keep a program alive that is otherwise done:
// those timers are unref'd. What a caller awaits uses the ordinary clock.
import { setTimeout as sleep } from 'node:timers/promises';
import { clampDelayMs, systemClock, type Clock } from '../platform/clock.js';

export type { Clock };

/** As the system's, but a program may end while it sleeps. */
export const backgroundClock: Clock = {
  now: () => systemClock.now(),
  monotonicMs: () => systemClock.monotonicMs(),
  sleep: async (ms, signal) => {
    if (signal?.aborted === true) throw signal.reason as Error;
    const options = { ref: false, ...(signal === undefined ? {} : { signal }) };
    await sleep(clampDelayMs(ms), undefined, options).catch((error: unknown) => {
      throw signal?.aborted === true ? (signal.reason as Error) : error;
    });
  },
};

export interface Clocks {
  readonly foreground: Clock;
  readonly background: Clock;
}

/** One clock given stands for both. */
export function clocksOf(clock: Clock | undefined): Clocks {
  return clock === undefined
    ? { foreground: systemClock, background: backgroundClock }
    : { foreground: clock, background: clock };
}

/**
 * Runs a step with a signal that aborts with the caller's, or after `ms`; then it rejects with what `late` makes.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal | undefined,
  late: () => Error,
  step: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const deadline = new AbortController();
  clock.sleep(ms, over.signal).then(
    () => {
      deadline.abort(late());
    },
    () => undefined,
  );
  const signals = outer === undefined ? [deadline.signal] : [outer, deadline.signal];
  try {
    return await step(AbortSignal.any(signals));
  } finally {
    over.abort();
  }
}
