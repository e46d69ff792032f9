// Waiting for a token to change. Nothing is polled: whoever changes a token pokes, all waiters of it wake in one turn.
// Each is bounded in time, all in number; one whose caller has gone leaves nothing behind.
import type { Clock } from '../../platform/clock.js';
import type { ApiToken } from './api-token.js';
import type { RequestFacts } from './signed-route.js';
import { revisionOf } from './token-view.js';

export type WatchEnd = 'changed' | 'timeout' | 'gone' | 'stopping';

interface Waiter {
  readonly revision: string;
  /** When its time is up, monotonic. */
  readonly dueMs: number;
  readonly end: (how: WatchEnd) => void;
}

export class Watchers {
  readonly #clock: Clock;
  readonly #process: string;
  readonly #waiting = new Map<string, Set<Waiter>>();
  /** One sleep for all: a timer and a signal of his own would be a third of what a waiter costs. */
  #alarm: { readonly atMs: number; readonly off: AbortController } | null = null;
  #isStopping = false;

  /** Subscribes to each token for as long as it lives. */
  constructor(clock: Clock, tokens: Iterable<ApiToken>, process: string) {
    this.#clock = clock;
    this.#process = process;
    for (const token of tokens) {
      this.#waiting.set(token.name, new Set());
      token.subscribe(() => {
        this.#poke(token);
      });
    }
  }

  /** Nobody waits any more. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** How many wait now. */
  get size(): number {
    let sum = 0;
    for (const { size } of this.#waiting.values()) sum += size;
    return sum;
  }

  /** Resolves when the revision of the token is another one, or otherwise says why it waits no longer. */
  wait(
    token: ApiToken,
    revision: string,
    timeoutMs: number,
    caller: Pick<RequestFacts, 'whenGone'>,
  ): WatchEnd | Promise<WatchEnd> {
    if (this.#isStopping) return 'stopping';
    // a change that only time has brought pokes here
    if (revisionOf(token.look(), this.#process) !== revision) return 'changed';
    const waiting = this.#waiting.get(token.name);
    if (waiting === undefined) return 'gone';
    return new Promise((resolve) => {
      const waiter: Waiter = {
        revision,
        dueMs: this.#clock.monotonicMs() + timeoutMs,
        end: (how) => {
          waiting.delete(waiter);
          leave();
          if (this.size === 0) this.#alarm?.off.abort();
          resolve(how);
        },
      };
      const leave = caller.whenGone(() => {
        waiter.end('gone');
      });
      waiting.add(waiter);
      if (waiter.dueMs < (this.#alarm?.atMs ?? Infinity)) void this.#sleepUntil(waiter.dueMs);
    });
  }

  /** Every waiter ends now, and so does every one to come. */
  stop(): void {
    this.#isStopping = true;
    for (const waiting of this.#waiting.values()) {
      for (const waiter of waiting) waiter.end('stopping');
    }
  }

  #poke(token: ApiToken): void {
    const waiting = this.#waiting.get(token.name);
    if (waiting === undefined || waiting.size === 0) return;
    const revision = revisionOf(token.look(), this.#process);
    for (const waiter of waiting) if (waiter.revision !== revision) waiter.end('changed');
  }

  /** Until the first is due, and then until the next; an earlier one takes its place. */
  async #sleepUntil(firstMs: number): Promise<void> {
    this.#alarm?.off.abort();
    let atMs = firstMs;
    while (atMs < Infinity) {
      const off = new AbortController();
      this.#alarm = { atMs, off };
      await this.#clock.sleep(atMs - this.#clock.monotonicMs(), off.signal).catch(() => undefined);
      if (!this.#isAlarm(off)) return;
      this.#alarm = null;
      atMs = this.#endDue();
    }
  }

  #isAlarm(off: AbortController): boolean {
    return this.#alarm?.off === off;
  }

  /** Ends who is due, and says when the next one is; Infinity: nobody waits. */
  #endDue(): number {
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Infinity;
    for (const waiting of this.#waiting.values()) {
      for (const waiter of waiting) {
        if (waiter.dueMs <= nowMs) waiter.end('timeout');
        else nextMs = Math.min(nextMs, waiter.dueMs);
      }
    }
    return nextMs;
  }
}
