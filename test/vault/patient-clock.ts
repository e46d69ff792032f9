// The system's clock, on which long waits (renewals, backoffs) last until a test says so: no test waits for them, and
// none is late. Deadlines of requests stay real.
import { systemClock, type Clock } from '../../src/platform/clock.js';

/** What is shorter than this is really waited for. Above the deadline of a request, below every wait of a login. */
const LONG_MS = 6_000;

export class PatientClock implements Clock {
  #passedMs = 0;
  readonly #startedMs = systemClock.monotonicMs();
  readonly #waiting = new Set<{ readonly endsMs: number; readonly end: () => void }>();

  now = (): number => systemClock.now() + this.#passedMs;

  /** It stands still, but for `pass`. */
  monotonicMs = (): number => this.#startedMs + this.#passedMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (ms < LONG_MS) return systemClock.sleep(ms, signal);
    return new Promise((resolve, reject) => {
      const waiting = { endsMs: this.monotonicMs() + ms, end: resolve };
      this.#waiting.add(waiting);
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(waiting);
        reject(signal.reason as Error);
      });
    });
  };

  /** So much has passed; who waited for that goes on. */
  pass(ms: number): void {
    this.#passedMs += ms;
    for (const waiting of this.#waiting) {
      if (waiting.endsMs > this.monotonicMs()) continue;
      this.#waiting.delete(waiting);
      waiting.end();
    }
  }

  /** Until somebody waits. Resolves with the longest of what is waited for, in milliseconds. */
  async untilLongWait(): Promise<number> {
    while (this.#waiting.size === 0) await systemClock.sleep(5);
    return Math.max(...[...this.#waiting].map(({ endsMs }) => endsMs)) - this.monotonicMs();
  }
}
