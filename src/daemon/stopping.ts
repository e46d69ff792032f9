// How the agent ends: readiness goes first, everything is still served during `shutdown.delay`, then waiters are
// answered and connections swept, and what is left is cut at `shutdown.timeout`. A second signal ends it at once.
import type { Clock } from '../platform/clock.js';

/** The part of the process's signals that the agent takes over. */
export interface StopSignals {
  onStop(listener: (signal: string, count: number) => void): void;
}

export interface Stopping {
  /** Resolves at the first signal, with its name. */
  readonly asked: Promise<string>;
  /** Aborts at the second signal. */
  readonly hurry: AbortSignal;
  readonly isAsked: () => boolean;
  /** As a signal does: for an end that comes from within. */
  readonly ask: (reason: string) => void;
}

export function listenForStop(signals: StopSignals): Stopping {
  const hurry = new AbortController();
  let isAsked = false;
  let ask: (reason: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    ask = (reason) => {
      isAsked = true;
      resolve(reason);
    };
  });
  signals.onStop((signal, count) => {
    ask(signal);
    if (count > 1) hurry.abort(new Error('a second signal'));
  });
  return { asked, hurry: hurry.signal, isAsked: () => isAsked, ask };
}

/** Runs the steps in order; `withinMs` bounds each alone, a second signal cuts all that is left short. */
export async function runSteps(
  steps: readonly (() => Promise<unknown>)[],
  { clock, withinMs, hurry }: { clock: Clock; withinMs: number; hurry: AbortSignal },
): Promise<void> {
  for (const step of steps) {
    if (hurry.aborted) return;
    const over = new AbortController();
    const bound = AbortSignal.any([hurry, over.signal]);
    await Promise.race([step(), clock.sleep(withinMs, bound).catch(() => undefined)]).finally(
      () => {
        over.abort(new Error('the step ended'));
      },
    );
  }
}
