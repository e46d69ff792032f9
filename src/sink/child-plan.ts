// What is to be done with a supervised program: when it ended, how long to wait, which signal, which exit code. Pure.
import { constants } from 'node:os';
import { basename } from 'node:path';
import type { ChildConfig } from '../config/config.js';
import type { Random } from '../platform/random.js';

/** How a program ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not even be started: the system's code, such as `ENOENT`. */
  readonly failure: string | null;
}

/** A run of this length makes earlier crashes forgotten. Milliseconds. */
export const HEALTHY_RUN_MS = 30_000;

const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 60_000;

/** As a shell tells it: the code, 128 + the number of the signal, 127 for a program that is not there, 126 for another fault. */
export function exitCodeOf({ code, signal, failure }: ChildEnd): number {
  if (failure !== null) return failure === 'ENOENT' ? 127 : 126;
  if (code !== null) return code;
  return signal === null ? 1 : 128 + constants.signals[signal];
}

export interface EndFacts {
  readonly end: ChildEnd;
  readonly ranMs: number;
  /** How often in a row it crashed before. */
  readonly crashes: number;
  /** `child.restarts`. */
  readonly restarts: number;
  /** Whether any start of it worked. */
  readonly hasRun: boolean;
}

export type AfterEnd =
  | { readonly does: 'finish'; readonly code: number }
  | { readonly does: 'restart'; readonly crashes: number; readonly waitMs: number };

/** A program that ended without being asked to. */
export function afterEnd(facts: EndFacts, random: Random): AfterEnd {
  const { end, ranMs, restarts, hasRun } = facts;
  const code = exitCodeOf(end);
  if (code === 0 || (end.failure !== null && !hasRun)) return { does: 'finish', code };
  const crashes = (ranMs >= HEALTHY_RUN_MS ? 0 : facts.crashes) + 1;
  if (crashes > restarts) return { does: 'finish', code };
  return { does: 'restart', crashes, waitMs: backoffMs(crashes, random) };
}

/** 250 ms doubling to 60 s, of which a random half at most is left out: replicas that crash together do not stay together. */
export function backoffMs(crashes: number, random: Random): number {
  const most = Math.min(BACKOFF_MIN_MS * 2 ** (crashes - 1), BACKOFF_MAX_MS);
  return most * (1 - random() / 2);
}

/** How the program is asked to end when we are: an interrupt stays one, where nothing else was written. */
export function stopSignalFor(
  asked: string,
  { stopSignal }: Pick<ChildConfig, 'stopSignal'>,
): NodeJS.Signals {
  return asked === 'SIGINT' && stopSignal === 'SIGTERM' ? 'SIGINT' : stopSignal;
}

/** For a log and for `/health`. */
export function describeEnd({ code, signal, failure }: ChildEnd): string {
  if (failure === 'ENOENT') return 'the program is not there; write its whole path (ENOENT)';
  if (failure === 'EACCES') {
    return 'the program may not be run by this user; make it executable (EACCES)';
  }
  if (failure !== null) return `the program could not be started (${failure})`;
  return code === null
    ? `the program was ended by ${String(signal)}`
    : `the program ended with ${code}`;
}

/** What shows that an interpreter is given its program as an argument, though each argument is an option. */
const carriesProgram: readonly (readonly [interpreter: RegExp, option: RegExp])[] = [
  [/^(?:ba|da|a|z|k|mk|fi|c|tc)?sh$/, /^-[a-z]*c|^--(?:command|help|version)/],
  [/^(?:node|nodejs)$/, /^-[a-z]*[epvh]|^--(?:eval|print|test|help|version|check)/],
  [/^(?:python|pypy)[\d.]*$/, /^-[A-Za-z]*[cmVh]|^--(?:help|version)/],
  [/^(?:perl|ruby|lua|php)[\d.]*$/, /^-[A-Za-z]*[eErfvh]|^--(?:help|version)/],
];

/**
 * Whether a program is an interpreter that was given nothing to run (`sh`, `bash -l`, `node -`): it takes its standard
 * input for its program, and tells what it does not understand of it.
 */
export function readsProgramFromInput([program = '', ...args]: readonly string[]): boolean {
  const option = carriesProgram.find(([name]) => name.test(basename(program)))?.[1];
  return option !== undefined && args.every((arg) => arg.startsWith('-') && !option.test(arg));
}
