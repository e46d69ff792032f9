// Time and chance of a simulation: cheap enough for millions of faults. A sleeper wakes when the simulation moves there.
import type { Clock } from '../../src/platform/clock.js';

/** Small, seeded, good enough to choose faults by (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const EPOCH = Date.parse('2026-01-01T00:00:00Z');

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class SimulatedClock implements Clock {
  ms = 0;
  readonly #settle: () => Promise<void>;
  #sleepers: Sleeper[] = [];
  now = (): number => EPOCH + this.ms;
  monotonicMs = (): number => this.ms;

  /** `settle`: lets what woke run until it waits for time again. */
  constructor(settle: () => Promise<void>) {
    this.#settle = settle;
  }

  sleep(ms: number, aborted?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (aborted?.aborted === true) {
        reject(aborted.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#forget(sleeper);
        reject(aborted?.reason as Error);
      };
      const wake = (): void => {
        aborted?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { atMs: this.ms + ms, wake };
      this.#sleepers.push(sleeper);
      aborted?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** When the next sleeper wakes; Infinity: there is none. */
  nextMs(): number {
    return this.#next()?.atMs ?? Infinity;
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.ms + ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.ms = Math.max(this.ms, next.atMs);
      this.#forget(next);
      next.wake();
      await this.#settle();
    }
    this.ms = Math.max(this.ms, endMs);
  }

  #next(): Sleeper | undefined {
    let next = this.#sleepers[0];
    for (const sleeper of this.#sleepers) if (next && sleeper.atMs < next.atMs) next = sleeper;
    return next;
  }

  #forget(sleeper: Sleeper): void {
    const at = this.#sleepers.indexOf(sleeper);
    if (at !== -1) this.#sleepers.splice(at, 1);
  }
}

/** null, or when more was asked than a bucket of `burst` permits, filled at `perMinute`, and any 60 s allow. */
export function overBudget(
  requestedAt: readonly number[],
  { perMinute, burst }: { readonly perMinute: number; readonly burst: number },
): string | null {
  let level = burst;
  let filledAt = 0;
  for (const [index, at] of requestedAt.entries()) {
    level = Math.min(burst, level + ((at - filledAt) * perMinute) / 60_000) - 1;
    filledAt = at;
    if (level < -1e-6) return `over the burst at ${at}`;
    const earlier = requestedAt[index - perMinute];
    if (earlier !== undefined && at - earlier < 60_000) return `over the minute at ${at}`;
  }
  return null;
}

/** A range of seeds to try, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What came of it. */
export interface Tried {
  /** null, or the first seed that broke a promise and which. */
  readonly broken: string | null;
  /** The outcomes that occurred. */
  readonly seen: readonly string[];
  /** The longest time from the last fault to a good refresh. Milliseconds. */
  readonly healedMs: number;
}
