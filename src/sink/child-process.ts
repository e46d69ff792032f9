// One run of a supervised program. No shell; a process group of its own, so that what it starts ends with it; the token
// where the settings say, in the environment only where they say so. Its output is ours: nothing of it is read.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { ChildConfig } from '../config/config.js';
import { dumpAsBefore } from '../platform/core-dumps.js';
import type { ChildEnd } from './child-plan.js';
import { codeOf } from './disk.js';
import { render } from './render.js';
import type { Delivery } from './sink.js';

/** A program that was started, or could not be. */
export interface Run {
  readonly pid: number | null;
  /** null while it runs. */
  readonly end: ChildEnd | null;
  /** Resolves when it has ended and what was left of its group was killed. */
  readonly ended: Promise<ChildEnd>;
  /** To the program alone. */
  kill(signal: NodeJS.Signals): void;
  /** `SIGKILL` to it and to all that it started. */
  killAll(): void;
}

export interface LaunchOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: Pick<ChildConfig, 'deliver' | 'tokenEnv' | 'format'>;
  readonly delivery: Delivery;
}

/** Never throws: what could not be started has ended. */
export function launch(options: LaunchOptions): Run {
  try {
    const child = start(options);
    dumpAsBefore(child.pid);
    return runOf(child, options);
  } catch (error) {
    return neverStarted(codeOf(error) ?? 'unknown');
  }
}

function start({ command, env, config, delivery }: LaunchOptions): ChildProcess {
  const [program = '', ...args] = command;
  const { deliver, tokenEnv } = config;
  const { value } = delivery.snapshot.current;
  return spawn(program, args, {
    env: { ...env, ...(deliver === 'env' ? { [tokenEnv]: value.reveal() } : {}) },
    stdio: [
      deliver === 'stdin' ? 'pipe' : 'inherit',
      'inherit',
      'inherit',
      ...(deliver === 'fd3' ? (['pipe'] as const) : []),
    ],
    detached: true,
  });
}

function runOf(child: ChildProcess, { config, delivery }: LaunchOptions): Run {
  let end: ChildEnd | null = null;
  const killAll = (): void => {
    killGroup(child.pid);
  };
  // whatever ends this process, a bug too, leaves no program behind; only SIGKILL gives no time for it
  process.once('exit', killAll);
  const ended = new Promise<ChildEnd>((resolve) => {
    const finish = (how: ChildEnd): void => {
      if (end !== null) return;
      end = how;
      killAll();
      process.removeListener('exit', killAll);
      resolve(how);
    };
    child.once('exit', (code, signal) => {
      finish({ code, signal, failure: null });
    });
    child.once('error', (error) => {
      if (child.pid === undefined) finish(failed(codeOf(error) ?? 'unknown'));
    });
  });
  if (config.deliver === 'stdin') feed(child.stdin, config, delivery);
  if (config.deliver === 'fd3') feed(child.stdio[3] as Writable | null, config, delivery);
  return {
    pid: child.pid ?? null,
    get end() {
      return end;
    },
    ended,
    kill: (signal) => {
      if (end === null && child.pid !== undefined) child.kill(signal);
    },
    killAll,
  };
}

function feed(
  input: Writable | null,
  config: Pick<ChildConfig, 'format'>,
  delivery: Delivery,
): void {
  if (input === null) return;
  const bytes = render({ format: config.format, template: null }, delivery);
  input.on('error', () => undefined); // one that does not read it is free not to
  input.end(bytes, () => bytes.fill(0));
}

function neverStarted(code: string): Run {
  const end = failed(code);
  const nothing = (): void => undefined;
  return { pid: null, end, ended: Promise.resolve(end), kill: nothing, killAll: nothing };
}

function failed(failure: string): ChildEnd {
  return { code: null, signal: null, failure };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nothing is left of it
  }
}
