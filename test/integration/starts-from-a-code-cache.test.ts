// The image's program starts from compiled code: the cache that warm.cjs makes is accepted with the image's own flags,
// holds the functions that a start runs, stays as it is, and is no condition for a start.
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { imageConfigOf, parseDockerfile } from '../deploy/dockerfile.js';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

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

/** Starts a file of the image; tap would load itself into it by NODE_OPTIONS. */
function start(file: string, args: readonly string[], env = {}, more: readonly string[] = []) {
  const command = ['-u', 'NODE_OPTIONS', process.execPath, ...flags, ...more, file, ...args];
  return execute('env', command, { env: { PATH: process.env['PATH'], ...env }, timeout: 60_000 });
}

async function run(...started: Parameters<typeof start>): Promise<string> {
  const { stdout, stderr } = await start(...started);
  return stdout + stderr;
}

/** The version, by start.cjs, and whether V8 refused the cache; undefined: it was given none. */
async function startTold(): Promise<string> {
  const start = `const { script } = require(${JSON.stringify(join(app, 'start.cjs'))});`;
  const tell = "console.log('refused: ' + script.cachedDataRejected);";
  return run('-e', [start + tell, '--', 'node', '--version']);
}

const cache = join(app, 'compile-cache');

t.test('without a cache it starts, and makes none', async (t) => {
  t.match(await startTold(), /^refused: undefined\n\d+\.\d+\.\d+$/m);
  t.notOk(readdirSync(app).includes('compile-cache'));
});

t.test('the cache of a warm run is accepted with the flags of the image', async (t) => {
  const made = (await run(join(app, 'warm.cjs'), [])).trim();
  t.strictSame(readdirSync(cache), [made]);
  const before = statSync(join(cache, made));
  t.match(await startTold(), /^refused: false\n\d+\.\d+\.\d+$/m);
  t.equal(statSync(join(cache, made)).mtimeMs, before.mtimeMs, 'and is not written again');
  t.equal(before.mode & 0o777, 0o644, 'whoever runs it reads it');
});

t.test('a cache of another program is not taken, and costs nothing but time', async (t) => {
  const file = join(app, 'keytender.cjs');
  const program = readFileSync(file, 'utf8');
  writeFileSync(file, `${program}\n;`);
  t.match(await startTold(), /^refused: undefined\n\d+\.\d+\.\d+$/m);
  const hash = program.trim().slice(-64);
  writeFileSync(file, program.replace(`//${hash}`, `\n;\n//${hash}`));
  t.match(await startTold(), /^refused: true\n\d+\.\d+\.\d+$/m, 'of another length: by V8');
  writeFileSync(file, program);
});

t.test('it holds what a start runs, which V8 would else compile one by one', async (t) => {
  const log = join(app, 'v8.log');
  const logged = ['--log-function-events', '--no-logfile-per-isolate', `--logfile=${log}`];
  const env = {
    AGENT_TOKEN: 'a-static-token-of-enough-bytes!!!',
    KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
  };
  const compiled = async (): Promise<number> => {
    const agent = start(join(app, 'start.cjs'), ['agent'], env, logged);
    agent.child.stdout?.once('data', () => agent.child.kill('SIGTERM'));
    await agent;
    const text = readFileSync(log, 'utf8');
    const [, id] = new RegExp(`^script-details,(\\d+),${app}/keytender.cjs,`, 'm').exec(text) ?? [];
    return text.match(new RegExp(`^function,full-parse,${id},`, 'gm'))?.length ?? 0;
  };
  const [made = ''] = readdirSync(cache);
  await run(join(app, 'warm.cjs'), [], {}, logged);
  const withIt = await compiled();
  rmSync(join(cache, made));
  const without = await compiled();
  t.ok(withIt < without / 10, `${withIt} of ${without}`);
});
