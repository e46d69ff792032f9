// The image's program starts from compiled code: the cache that warm.cjs makes is accepted with the image's own flags,
// stays as it is, and is no condition for a start. Node keeps such caches from 22.1 on; before, start.cjs starts without.
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { imageConfigOf, parseDockerfile } from '../deploy/dockerfile.js';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const keepsCaches = 'enableCompileCache' in module;

const { entrypoint } = imageConfigOf(
  parseDockerfile(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')),
);
/** What the image gives node itself. */
const flags = entrypoint.slice(entrypoint.indexOf('/nodejs/bin/node') + 1, -1);

const app = mkdtempSync(join(tmpdir(), 'kt-app-'));
t.teardown(() => {
  rmSync(app, { recursive: true, force: true });
});
for (const file of ['dist/keytender.cjs', 'deploy/image/start.cjs', 'deploy/image/warm.cjs']) {
  copyFileSync(join(root, file), join(app, file.split('/').at(-1) ?? ''));
}

/** Runs a file of the image; tap would load itself into it by NODE_OPTIONS. */
async function run(file: string, args: readonly string[] = [], env = {}): Promise<string> {
  const command = ['-u', 'NODE_OPTIONS', process.execPath, ...flags, join(app, file), ...args];
  const { stdout, stderr } = await execute('env', command, {
    env: { PATH: process.env['PATH'], ...env },
    timeout: 60_000,
  });
  return stdout + stderr;
}

/** What Node says of its cache while the program starts. */
const startTold = () => run('start.cjs', ['--version'], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
const acceptance = /V8 code cache for CommonJS \S+\/keytender\.cjs was (\w+)/;

t.test('without a cache it starts, and makes none', async (t) => {
  t.match(await startTold(), /^\d+\.\d+\.\d+$/m);
  t.notOk(readdirSync(app).includes('compile-cache'));
});

if (keepsCaches) {
  t.test('the cache of a warm run is accepted with the flags of the image', async (t) => {
    t.match(await run('warm.cjs'), /^v\d+/);
    const told = await startTold();
    t.match(told, /^\d+\.\d+\.\d+$/m);
    t.equal(acceptance.exec(told)?.[1], 'accepted', told);
    t.match(told, /skip persisting CommonJS \S+keytender\.cjs/, 'and is not written again');
  });

  t.test('a cache of another program is refused, and costs nothing but time', async (t) => {
    const program = readFileSync(join(app, 'keytender.cjs'), 'utf8');
    writeFileSync(join(app, 'keytender.cjs'), `${program}\n;`);
    const told = await startTold();
    t.match(told, /^\d+\.\d+\.\d+$/m);
    t.not(acceptance.exec(told)?.[1], 'accepted');
  });
} else {
  t.test('where Node keeps no caches, warming says so', async (t) => {
    const told = await run('warm.cjs').catch((error: unknown) => (error as Error).message);
    t.match(told, /no code cache was made: this needs Node 22/);
    t.match(await startTold(), /^\d+\.\d+\.\d+$/m);
  });
}
