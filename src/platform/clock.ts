// Time, as an argument. The only file that touches the process's clocks and timers, so that every wait can be
// driven by a fake in a test and none can spin, fire at once or outlive its owner.

/** Where time comes from. Wall time only to compare with someone else's time stamp; monotonic time for ages. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. Stands still while the machine is suspended. */
  monotonicMs(): number;
  /**
   * Resolves after `ms`, clamped to 0…2^31−1 (a longer `setTimeout` fires at once; NaN counts as 0).
   * Rejects with `signal.reason` when aborted; the timer is then gone.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const TIMER_MS_MAX = 2 ** 31 - 1;

/** A delay that `setTimeout` treats as it is meant. */
export function clampDelayMs(ms: number): number {
  if (Number.isNaN(ms) || ms < 0) return 0;
  return Math.min(ms, TIMER_MS_MAX);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => {
    // not performance.now(), for which Node loads all of node:perf_hooks
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, clampDelayMs(ms));
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
