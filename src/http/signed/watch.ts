// Waiting for a token to change. Nothing is polled: whoever changes a token pokes, all waiters of it wake in one turn.
// Each is bounded in time, all in number; one whose caller has gone leaves nothing behind.
import type { Clock } from '../../platform/clock.js';
import type { ApiToken } from './api-token.js';
import { revisionOf } from './token-view.js';

export type WatchEnd = 'changed' | 'timeout' | 'gone' | 'stopping';

interface Waiter {
  readonly revision: string;
  readonly end: (how: WatchEnd) => void;
}

export class Watchers {
  readonly #clock: Clock;
  readonly #process: string;
  readonly #waiting = new Map<string, Set<Waiter>>();
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
    return [...this.#waiting.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Resolves when the revision of the token is another one, or otherwise says why it waits no longer. */
  async wait(
    token: ApiToken,
    revision: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<WatchEnd> {
    if (signal.aborted) return 'gone';
    if (this.#isStopping) return 'stopping';
    // a change that only time has brought pokes here
    if (revisionOf(token.look(), this.#process) !== revision) return 'changed';
    const waiting = this.#waiting.get(token.name);
    if (waiting === undefined) return 'gone';
    const over = new AbortController();
    const onGone = (): void => {
      waiter.end('gone');
    };
    let waiter: Waiter = { revision, end: () => undefined };
    const ended = new Promise<WatchEnd>((resolve) => {
      waiter = { revision, end: resolve };
    });
    waiting.add(waiter);
    signal.addEventListener('abort', onGone, { once: true });
    const timer = this.#clock.sleep(timeoutMs, over.signal).then(
      (): WatchEnd => 'timeout',
      (): WatchEnd => 'gone',
    );
    try {
      return await Promise.race([ended, timer]);
    } finally {
      waiting.delete(waiter);
      signal.removeEventListener('abort', onGone);
      over.abort();
    }
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
}
