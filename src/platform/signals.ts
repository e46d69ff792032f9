// The process's signals, caught from the first statement of the program on: main.ts imports this file before any
// other, so that a SIGTERM that arrives while the rest is still being loaded ends the process with 0 at once, also as
// process 1 of a container, where a signal without a handler is ignored. Later a command takes over. Caught as well is what
// would show the memory, and the keys in it: at SIGUSR1 node opens its inspector, at SIGQUIT the system writes a core.

export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGQUIT';

/** Signals that are passed on to a supervised program. Without one `SIGQUIT` is a stop, the others mean nothing. */
export const passedSignals = ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGWINCH'] as const;
export type PassedSignal = (typeof passedSignals)[number];

/** What a long-lived command needs of the process's signals. */
export interface Signals {
  /**
   * From now on a stop is told to `listener` instead of ending the process: which signal, and the how manieth it is
   * (1, 2, …). The listener owns the end of the process.
   */
  onStop(listener: (signal: StopSignal, count: number) => void): void;
  /** Called for each SIGHUP, and at once for one that came before. Several that came before count as one. */
  onReload(listener: () => void): void;
  /** From now on `passedSignals` are told, and `SIGQUIT` is no stop. */
  onPassed(listener: (signal: PassedSignal) => void): void;
}

/** All that the command line decides about signals. */
export interface ProcessSignals extends Signals {
  /** A SIGHUP is a stop: for what runs in a terminal, and must not outlive it. */
  hangupStops(): void;
  /** Back to what the system does: a command that answers a question dies of the signal and never says 0. */
  release(): void;
}

/** The part of `process` that is used here. */
export interface SignalHost {
  readonly pid: number;
  on(signal: StopSignal | PassedSignal, listener: (signal: StopSignal) => void): unknown;
  exit(code: number): void;
  kill(pid: number, signal: StopSignal): unknown;
  removeListener(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
}

/** Of every system that has it; `node:os`, which could say so, is not loaded before signals are caught. */
const SIGQUIT_NUMBER = 3;

export function catchSignals(host: SignalHost): ProcessSignals {
  const stopListeners: ((signal: StopSignal, count: number) => void)[] = [];
  const reloadListeners: (() => void)[] = [];
  const passListeners: ((signal: PassedSignal) => void)[] = [];
  let stops = 0;
  let reloadPending = false;
  let hangup: 'reloads' | 'stops' = 'reloads';
  let released = false;

  function stop(signal: StopSignal): void {
    stops += 1;
    if (stopListeners.length === 0) host.exit(0);
    for (const listener of stopListeners) listener(signal, stops);
  }

  function reload(): void {
    reloadPending = reloadListeners.length === 0;
    for (const listener of reloadListeners) listener();
  }

  function dieOf(signal: StopSignal): void {
    if (signal === 'SIGQUIT') {
      host.exit(128 + SIGQUIT_NUMBER); // as the system does, but for the core
      return;
    }
    host.removeListener(signal, handle);
    host.kill(host.pid, signal);
    host.exit(1); // reached as process 1 only, to which the system does not deliver a signal without a handler
  }

  function handle(signal: StopSignal): void {
    if (released) dieOf(signal);
    else if (signal === 'SIGHUP' && hangup === 'reloads') reload();
    else stop(signal);
  }

  function pass(signal: PassedSignal): void {
    for (const listener of passListeners) listener(signal);
    if (signal === 'SIGQUIT' && passListeners.length === 0) handle(signal);
  }

  host.on('SIGTERM', handle);
  host.on('SIGINT', handle);
  host.on('SIGHUP', handle);
  for (const signal of passedSignals) {
    host.on(signal, () => {
      pass(signal);
    });
  }

  return {
    onStop: (listener) => void stopListeners.push(listener),
    onReload: (listener) => {
      reloadListeners.push(listener);
      if (reloadPending) reload();
    },
    onPassed: (listener) => void passListeners.push(listener),
    hangupStops: () => {
      hangup = 'stops';
      if (reloadPending) stop('SIGHUP');
    },
    release: () => {
      released = true;
    },
  };
}

/** The signals of this process. Importing this file is what catches them. */
export const signals: ProcessSignals = catchSignals(process);
