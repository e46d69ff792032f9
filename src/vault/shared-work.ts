// One piece of work that several wait for: each may leave by its own signal, and it is aborted when the last has left,
// so that nobody's abort hurts the others and nothing goes on for nobody.

export interface WorkWaiter {
  readonly signal: AbortSignal;
  /** Told how long the next wait or request may at most take. Milliseconds. */
  readonly onDeadline?: ((withinMs: number) => void) | undefined;
}

export class SharedWork<T> {
  readonly #abort = new AbortController();
  readonly #waiters = new Set<WorkWaiter>();
  readonly #result: Promise<T>;

  /** Starts at once. `closed` ends it for all. `run` must end by rejecting when its signal aborts. */
  constructor(
    closed: AbortSignal,
    run: (signal: AbortSignal, onDeadline: (withinMs: number) => void) => Promise<T>,
  ) {
    const { signal } = this.#abort;
    // by hand: what AbortSignal.any makes of a signal that lives as long as the program is never quite forgotten
    const onClosed = (): void => {
      this.#abort.abort(closed.reason);
    };
    if (closed.aborted) onClosed();
    closed.addEventListener('abort', onClosed, { once: true });
    const onDeadline = (withinMs: number): void => {
      for (const waiter of this.#waiters) waiter.onDeadline?.(withinMs);
    };
    // a turn later, so that whoever starts it is told of its first deadline
    this.#result = Promise.resolve()
      .then(() => run(signal, onDeadline))
      .finally(() => {
        closed.removeEventListener('abort', onClosed);
      });
    this.#result.catch(() => undefined);
  }

  /** Its last waiter left, or all was closed. */
  get isAbandoned(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Its result, or the rejection with the signal's reason as soon as that is aborted. */
  async wait(waiter: WorkWaiter): Promise<T> {
    const { signal } = waiter;
    signal.throwIfAborted();
    this.#waiters.add(waiter);
    let onAbort = (): void => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([this.#result, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#abort.abort(new Error('nobody waits any more'));
    }
  }
}
