// What the program leaves on a disk by itself: nothing but what its settings name. No core at a signal, none of its memory in
// one that the system writes, no heap snapshot, no report, no inspector; and it needs no folder that it may write to, nor one
// at all.
import { execFileSync, spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { putToken, vaultWithToken } from '../fixtures/scene.js';
import { temporaryFolder } from '../sink/deliveries.js';

const BUNDLE = fileURLToPath(new URL('../../dist/keytender.cjs', import.meta.url));
const NOBODY = 65_534;
const signals = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGQUIT'] as const;

interface Started {
  readonly pid: number;
  readonly output: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** With cores allowed, as far as this user may, and an environment of nothing but `env`. */
function start(options: {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly bundle?: string;
  readonly uid?: number;
}): Started {
  const { cwd, args, env, bundle = BUNDLE, uid } = options;
  const script = 'ulimit -c "$(ulimit -H -c)"; unset NODE_OPTIONS; exec "$@"';
  const child = spawn('/bin/sh', ['-c', script, 'sh', process.execPath, bundle, ...args], {
    cwd,
    env: { KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return {
    pid: child.pid ?? 0,
    output: () => output,
    kill: (signal) => child.kill(signal),
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve({ code, signal });
      });
    }),
  };
}

async function until(what: () => boolean | Promise<boolean>, said: () => string): Promise<void> {
  for (let look = 0; look < 600; look += 1) {
    if (await what()) return;
    await pause(25);
  }
  throw new Error(said());
}

async function everythingIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

/** Root alone may be somebody else, where they may read our node and the temporary folder. */
function mayRunAs(uid: number, cwd: string): boolean {
  try {
    execFileSync(process.execPath, ['--version'], { uid, gid: uid, cwd, stdio: 'ignore', env: {} });
    return true;
  } catch {
    return false;
  }
}

t.test('no signal makes it write its memory down, or open an inspector', async (t) => {
  await using folder = await temporaryFolder();
  const [cwd, tmp] = [join(folder.path, 'cwd'), join(folder.path, 'tmp')];
  await mkdir(cwd);
  await mkdir(tmp);
  const env = { AGENT_TOKEN: strong('static'), TMPDIR: tmp, HOME: cwd };
  const agent = start({ cwd, args: ['agent'], env });
  await until(() => agent.output().includes('"listening"'), agent.output);
  for (const signal of signals) {
    agent.kill(signal);
    await pause(300);
  }
  t.strictSame(await agent.ended, { code: 0, signal: null }, 'SIGQUIT is a stop, without a core');
  t.match(agent.output(), /"event":"agent_stopped".*"reason":"SIGQUIT"/);
  t.notMatch(agent.output(), /[Dd]ebugger|ws:/, 'at SIGUSR1 node opens its inspector by itself');
  t.strictSame(await everythingIn(folder.path), ['cwd', 'tmp']);
});

t.test('neither does a command that answers a question', async (t) => {
  await using folder = await temporaryFolder();
  const env = { VAULT_ADDR: 'http://127.0.0.1:9', VAULT_TOKEN: strong('key') };
  const args = ['healthcheck', '--wait', '1m', '--url', 'http://127.0.0.1:9'];
  const check = start({ cwd: folder.path, args, env });
  await pause(1_500);
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) check.kill(signal);
  await pause(300);
  check.kill('SIGQUIT');
  t.match(await check.ended, { code: 131, signal: null });
  t.notMatch(check.output(), /[Dd]ebugger|ws:/);
  t.strictSame(await everythingIn(folder.path), []);
});

const isLinux = process.platform === 'linux';
const filterOf = (pid: number | 'self'): Promise<string> =>
  readFile(`/proc/${pid}/coredump_filter`, 'utf8');

t.test('a core that the system writes shows nothing of the token', async (t) => {
  const token = strong('canary-of-the-core');
  for (const signal of ['SIGABRT', 'SIGSEGV'] as const) {
    await using folder = await temporaryFolder();
    const agent = start({ cwd: folder.path, args: ['agent'], env: { AGENT_TOKEN: token } });
    await until(() => agent.output().includes('"listening"'), agent.output);
    if (isLinux) t.equal(Number.parseInt(await filterOf(agent.pid), 16), 0);
    agent.kill(signal);
    t.strictSame(await agent.ended, { code: null, signal });
    // none where the system keeps its cores elsewhere, or where none are allowed
    for (const name of await everythingIn(folder.path)) {
      const core = await readFile(join(folder.path, name));
      t.notOk(core.includes(token), name);
      t.comment({ signal, name, bytes: core.length });
    }
  }
});

t.test('a supervised program and a command dump as they would without us', async (t) => {
  await using folder = await temporaryFolder();
  const expected = isLinux ? (await filterOf('self')).trim() : '';
  const waits = isLinux
    ? `while ! grep -q ${expected} /proc/$$/coredump_filter; do sleep 0.1; done; `
    : '';
  const [settings, program] = [join(folder.path, 'settings.json'), join(folder.path, 'program.sh')];
  await writeFile(program, `#!/bin/sh\n${waits}echo done >> "$0.$1"; sleep 60\n`, { mode: 0o755 });
  const sink = { name: 'hook', type: 'exec', command: [program, 'sink'], timeout: '30s' };
  await writeFile(settings, JSON.stringify({ sinks: [sink] }));
  const agent = start({
    cwd: folder.path,
    args: ['agent', '--config', settings, '--', program, 'child'],
    env: { PATH: process.env['PATH'] ?? '', AGENT_TOKEN: strong('static') },
  });
  const isTold = (by: string): Promise<boolean> =>
    readFile(`${program}.${by}`, 'utf8').then(
      (text) => text === 'done\n',
      () => false,
    );
  for (const by of ['child', 'sink']) await until(() => isTold(by), agent.output);
  agent.kill('SIGTERM');
  await agent.ended;
  t.pass('each saw the filter that this test runs with');
});

t.test('it runs where nothing may be written but what its sinks name', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const at = (name: string): string => join(folder.path, name);
  await chmod(folder.path, 0o755);
  for (const name of ['program', 'cwd', 'home', 'tmp', 'sink']) await mkdir(at(name));
  // a checkout may lie where another account cannot read
  await cp(BUNDLE, at('program/keytender.cjs'));
  const path = join(await realpath(at('sink')), 'token');
  await writeFile(at('settings.yaml'), `sinks: [{ name: app, type: file, path: ${path} }]\n`);
  const isOther = mayRunAs(NOBODY, at('program'));
  if (isOther) await chown(at('sink'), NOBODY, NOBODY);
  for (const name of ['cwd', 'home', 'tmp']) await chmod(at(name), 0o555);
  const before = await everythingIn(folder.path);

  for (const home of [at('home'), at('not-there')]) {
    const agent = start({
      cwd: at('cwd'),
      bundle: at('program/keytender.cjs'),
      args: ['agent', '--config', at('settings.yaml')],
      env: {
        HOME: home,
        TMPDIR: home === at('home') ? at('tmp') : home,
        VAULT_ADDR: vault.address,
        VAULT_TOKEN: vault.rootToken,
        KEYTENDER_REFRESH_INTERVAL: '1s',
      },
      ...(isOther ? { uid: NOBODY } : {}),
    });
    const version = (vault.kv.get('keytender/default/token')?.version ?? 0) + 1;
    await until(() => agent.output().includes('"token delivered"'), agent.output);
    putToken(vault, `token-${version}`);
    await until(
      async () => (await readFile(path, 'utf8').catch(() => '')) === strong(`token-${version}`),
      agent.output,
    );
    agent.kill('SIGTERM');
    t.strictSame(await agent.ended, { code: 0, signal: null });
  }
  const after = await everythingIn(folder.path);
  t.strictSame(after, [...before, 'sink/token'].sort());
});
