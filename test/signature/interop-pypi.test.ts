// Both ways with the package http-message-signatures of PyPI, over the published vectors. It is installed into a
// virtual environment of its own; without python3 or a way to install, this fails and says so.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { judgeSigned, taskOf } from './interop-tasks.js';
import { vectors } from './vector-file.js';

const PACKAGE = 'http-message-signatures==3.0.0';
const cache = fileURLToPath(new URL('../../node_modules/.cache/keytender/', import.meta.url));

interface Attempt<T> {
  readonly ok?: T;
  readonly error?: string;
}
interface Outcome {
  readonly verified: Attempt<string>;
  readonly signed: Attempt<[string, string][]>;
}

/** What that implementation does not do, by vector; anything else must work, and these must not. */
const unsupported: Readonly<Record<string, string>> = {
  'the origin-form with Host': 'wants an absolute URL',
  'a parameter that nobody knows': 'refuses parameters beyond the registered ones',
};

const python = environment();
const outcomes = JSON.parse(
  execFileSync(python, [fileURLToPath(new URL('interop.py', import.meta.url))], {
    input: JSON.stringify(vectors.accepted.map(taskOf)),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    timeout: 60_000,
  }),
) as Outcome[];

t.test('theirs verifies ours, and sees the same signature base', async (t) => {
  for (const [at, vector] of vectors.accepted.entries()) {
    const { verified } = outcomes[at]!;
    if (vector.name in unsupported)
      t.ok(verified.error, `${vector.name}: ${unsupported[vector.name] ?? ''}`);
    else t.same(verified, { ok: vector.base }, vector.name);
  }
});

t.test('ours verifies theirs', async (t) => {
  for (const [at, vector] of vectors.accepted.entries()) {
    const { signed } = outcomes[at]!;
    if (vector.name in unsupported && signed.error !== undefined) continue;
    const verdict = signed.ok && judgeSigned(vector, signed.ok);
    t.match(verdict, { ok: true, ...vector.result }, `${vector.name} ${signed.error ?? ''}`);
  }
});

function environment(): string {
  const version = spawnSync('python3', ['--version'], { encoding: 'utf8' });
  if (version.status !== 0)
    throw new Error('python3 is needed to try the signatures against PyPI’s package');
  const home = `${cache}venv-${version.stdout.trim().replaceAll(/[^A-Za-z0-9.]/g, '-')}`;
  if (existsSync(home)) return `${home}/bin/python`;
  mkdirSync(cache, { recursive: true });
  const building = `${home}.${process.pid}`;
  try {
    execFileSync('python3', ['-m', 'venv', building], { stdio: 'pipe' });
    execFileSync(`${building}/bin/python`, ['-m', 'pip', 'install', '--quiet', PACKAGE], {
      stdio: 'pipe',
      timeout: 90_000,
    });
    renameSync(building, home);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    throw new Error(`${PACKAGE} could not be installed with pip`, { cause: error });
  }
  return `${home}/bin/python`;
}
