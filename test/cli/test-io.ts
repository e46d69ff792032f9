// What a command sees of the process, captured: streams to read afterwards, signals to send.
import { Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';
import { catchSignals, type StopSignal } from '../../src/platform/signals.js';
import { systemClock } from '../../src/platform/clock.js';
import type { Output } from '../../src/platform/terminal.js';

export interface TestIo extends Io {
  readonly out: () => string;
  readonly err: () => string;
  /** As the system would send it. Returns the exit code, if that ended the process. */
  readonly send: (signal: StopSignal) => number | undefined;
}

export function testIo(options: Partial<Io> & { readonly isTTY?: boolean } = {}): TestIo {
  const out: string[] = [];
  const err: string[] = [];
  let exit: number | undefined;
  const handlers = new Map<string, (signal: StopSignal) => void>();
  const signals = catchSignals({
    pid: 0,
    on: (signal, listener) => handlers.set(signal, listener),
    removeListener: (signal) => handlers.delete(signal),
    kill: () => undefined,
    exit: (code) => {
      exit = code;
    },
  });
  return {
    env: {},
    clock: systemClock,
    signals,
    hostname: 'test-host',
    version: '1.2.3',
    stdout: capture(out, options.isTTY ?? false),
    stderr: capture(err, false),
    ...options,
    out: () => out.join(''),
    err: () => err.join(''),
    send: (signal) => {
      handlers.get(signal)?.(signal);
      return exit;
    },
  };
}

function capture(into: string[], isTTY: boolean): Output {
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      into.push(String(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY });
}
