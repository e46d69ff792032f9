// One deadline for one call, from connect to last byte, by `Clock`: the transport's own timeouts fire late and a
// slow drip never trips them, so they are only the backstop behind this.
import type { Clock } from '../platform/clock.js';

/** The call took longer than it may. */
class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'DEADLINE';
}

/**
 * Runs `call` with a signal that aborts after `timeoutMs` (reason: `DeadlineError`) or with `signal` (its reason).
 * `call` must end by rejecting when its signal aborts. No timer is left behind.
 */
export async function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const work = new AbortController();
  const timer = new AbortController();
  const onAbort = (): void => {
    work.abort(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  clock.sleep(timeoutMs, timer.signal).then(
    () => {
      work.abort(new DeadlineError(`no whole answer within ${timeoutMs} ms`));
    },
    () => undefined,
  );
  try {
    return await call(work.signal);
  } finally {
    signal.removeEventListener('abort', onAbort);
    timer.abort(new Error('the call ended'));
  }
}
