// What a process stands on and a test has to spoil while it runs: its wall clock and its resolver. The program has no
// hook for that: node loads this before it, from a file that a test writes, and looks at another file for what to do.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../fixtures/agent-process.js';

/** Resolves to 127.0.0.1, as long as names do. */
export const SPOILT_NAME = 'vault.test';

const LOOKS_EVERY_MS = 20;

const code = (control: string): string => `
const { readFileSync } = require('node:fs');
const dns = require('node:dns');
let spoilt = { clockMs: 0, areNamesGone: false };
const look = () => {
  try { spoilt = JSON.parse(readFileSync(${JSON.stringify(control)}, 'utf8')); } catch {}
};
look();
setInterval(look, ${LOOKS_EVERY_MS}).unref();
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + spoilt.clockMs);
    else super(...given);
  }
  static now() { return RealDate.now() + spoilt.clockMs; }
};
const lookup = dns.lookup;
dns.lookup = (name, options, callback) => {
  if (name !== '${SPOILT_NAME}') return lookup(name, options, callback);
  const done = typeof options === 'function' ? options : callback;
  if (!spoilt.areNamesGone) return lookup('127.0.0.1', options, callback);
  const code = 'ENOTFOUND';
  const error = new Error('getaddrinfo ' + code + ' ' + name);
  setImmediate(() => done(Object.assign(error, { code, syscall: 'getaddrinfo', hostname: name })));
};
`;

interface Spoilt {
  /** What the wall clock is wrong by. */
  readonly clockMs?: number;
  readonly areNamesGone?: boolean;
}

export interface Spoiler extends AsyncDisposable {
  readonly nodeArgs: readonly string[];
  /** In force when it resolves, in a process that runs; else as soon as it does. */
  spoil(what: Spoilt): Promise<void>;
}

export async function spoiler(): Promise<Spoiler> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  const control = join(folder, 'spoilt.json');
  const preload = join(folder, 'spoiler.cjs');
  const write = ({ clockMs = 0, areNamesGone = false }: Spoilt): Promise<void> =>
    writeFile(control, JSON.stringify({ clockMs, areNamesGone }));
  await write({});
  await writeFile(preload, code(control));
  return {
    nodeArgs: ['--require', preload],
    async spoil(what) {
      await write(what);
      await pause(3 * LOOKS_EVERY_MS);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
