// Time for ten thousand loops: a heap of sleepers, so that a wait costs little however many wait. Who woke runs until it
// waits again before the next one wakes.
import type { Clock } from '../../src/platform/clock.js';

interface Sleeper {
  readonly atMs: number;
  /** null: it was aborted. */
  wake: (() => void) | null;
}

export class FleetClock implements Clock {
  #ms = 0;
  readonly #heap: Sleeper[] = [];

  now = (): number => Date.UTC(2026, 0) + this.#ms;
  monotonicMs = (): number => this.#ms;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper: Sleeper = { atMs: this.#ms + ms, wake: null };
      const onAbort = (): void => {
        sleeper.wake = null;
        reject(signal?.reason as Error);
      };
      sleeper.wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#push(sleeper);
    });
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#ms + ms;
    await turn();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      this.#ms = next.atMs;
      next.wake?.();
      await turn();
    }
    this.#ms = endMs;
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#heap;
    let at = heap.length;
    for (; at > 0; at = (at - 1) >> 1) {
      const above = heap[(at - 1) >> 1];
      if (above === undefined || above.atMs <= sleeper.atMs) break;
      heap[at] = above;
    }
    heap[at] = sleeper;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const isRight = left !== undefined && right !== undefined && right.atMs < left.atMs;
      const next = isRight ? right : left;
      if (next === undefined || next.atMs >= last.atMs) break;
      heap[at] = next;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

/** Nothing here does IO: after this, whoever could go on without time has. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
