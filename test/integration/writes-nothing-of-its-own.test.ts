// What the program leaves on a disk by itself: nothing but what its settings name. No core at a signal, no heap snapshot, no
// report, no inspector; and it needs no folder that it may write to, nor one at all.
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
