// The built program as a process. Through `env -u NODE_OPTIONS`: tap puts its loader into the environment of every
// child, and what would be measured and tested then is another program.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const bundle = join(import.meta.dirname, '../../dist/keytender.cjs');
export const healthcheckBundle = join(import.meta.dirname, '../../dist/healthcheck.cjs');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves with the match as soon as standard output has it; rejects when the program ends before. */
  untilOut(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

const clean = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

export function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  file = bundle,
): Program {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, file, ...argv], {
    env: { ...clean, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    out,
    err,
  }));
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    untilOut: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(out);
          if (match !== null) resolve(match);
        };
        look();
        child.stdout.on('data', look);
        child.once('close', () => {
          reject(new Error(`ended without ${String(pattern)}: ${out}${err}`));
        });
      }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  file = bundle,
): Promise<Ended> {
  return start(argv, env, file).ended;
}
