// How much somebody may do in a minute, as one number for each key (generic cell rate algorithm): a full minute's
// worth at once, then as it comes back. Keys are bounded; the least recently seen one is forgotten first.
import type { Clock } from '../../platform/clock.js';

const MINUTE_MS = 60_000;
const KEYS_MAX = 65_536;

export class Allowance {
  readonly #clock: Clock;
  readonly #perMinute: () => number;
  /** By key: when, monotonic, all that was taken will have come back. */
  readonly #wholeAt = new Map<string, number>();

  /** `perMinute` is asked each time: a reload may change it. */
  constructor(clock: Clock, perMinute: () => number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Takes one and returns null, or the milliseconds after which there will be one. */
  take(key: string, perMinute = this.#perMinute()): number | null {
    const nowMs = this.#clock.monotonicMs();
    const wholeAt = this.#wholeAtMs(key, nowMs) + MINUTE_MS / perMinute;
    const waitMs = waitMsOf(wholeAt, nowMs);
    if (waitMs > 0) return waitMs;
    // taken out first: a map keeps its order of insertion
    this.#wholeAt.delete(key);
    this.#wholeAt.set(key, wholeAt);
    if (this.#wholeAt.size > KEYS_MAX) this.#forgetOldest();
    return null;
  }

  /** Until one could be taken; 0: now. */
  waitMs(key: string, perMinute = this.#perMinute()): number {
    const nowMs = this.#clock.monotonicMs();
    return waitMsOf(this.#wholeAtMs(key, nowMs) + MINUTE_MS / perMinute, nowMs);
  }

  #forgetOldest(): void {
    const [oldest] = this.#wholeAt.keys();
    if (oldest !== undefined) this.#wholeAt.delete(oldest);
  }

  #wholeAtMs(key: string, nowMs: number): number {
    return Math.max(this.#wholeAt.get(key) ?? 0, nowMs);
  }
}

/** `wholeAtMs`: with the one that would be taken. */
function waitMsOf(wholeAtMs: number, nowMs: number): number {
  const waitMs = wholeAtMs - nowMs - MINUTE_MS;
  // a billionth of a minute is rounding
  return waitMs > 1e-4 ? waitMs : 0;
}
