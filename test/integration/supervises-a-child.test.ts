// A supervised program on the built program: rotations, signals, exit codes, and nothing left behind.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { environmentForChild } from '../../src/daemon/child.js';
import type { DevVault } from '../../src/dev-vault/index.js';
import { AgentProcess, type AgentProcessOptions, pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { putToken, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';
import { temporaryFolder } from '../sink/deliveries.js';

t.jobs = 3;
t.after(closeConnections);

const ROTATIONS = 100;
const AGENT_TOKEN = strong('static');
/** So that a rotation needs not wait for the next poll: who signs with the new token makes the agent ask. */
const eager = {
  KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '6000',
  KEYTENDER_VAULT_REQUESTS_PER_MINUTE: '60000',
  KEYTENDER_LIMITS_REQUESTS_PER_MINUTE: '100000',
};

/** An agent that is not killed at the end of a test, which would leave its program behind, but stopped. */
class Supervisor extends AgentProcess {
  override async [Symbol.asyncDispose](): Promise<void> {
    for (let asked = 0; asked < 2; asked += 1) {
      this.kill('SIGTERM');
      await Promise.race([this.ended, pause(1_000)]);
    }
    await super[Symbol.asyncDispose]();
  }
}

function supervise(command: readonly string[], options: readonly string[] = []): string[] {
  const set = options.flatMap((option) => ['--set', option]);
  return ['agent', ...set, '--', ...command];
}

/** As `agentOf` of the scene. */
function supervisorOf(vault: DevVault, options: AgentProcessOptions): Supervisor {
  const read = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
  const env = { ...read, KEYTENDER_REFRESH_INTERVAL: '1s', ...options.env };
  return new Supervisor({ ...options, env });
}

/** One that needs no Vault. */
function simple(
  script: string,
  options: readonly string[] = [],
  env: Record<string, string> = {},
): Supervisor {
  const args = supervise(['sh', '-c', script], options);
  return new Supervisor({ args, env: { AGENT_TOKEN, ...env } });
}

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1);
}

async function untilLines(path: string, count: number): Promise<string[]> {
  for (let look = 0; look < 3_000; look += 1) {
    const lines = await linesOf(path);
    if (lines.length >= count) return lines;
    await pause(10);
  }
  throw new Error(`${path} has not ${count} lines: ${(await linesOf(path)).join('\n')}`);
}

/** One that nobody has waited for yet is none that runs. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function leftOf(pids: readonly string[]): Promise<string[]> {
  for (let look = 0; look < 300 && pids.some(isRunning); look += 1) await pause(10);
  return pids.filter(isRunning);
}

/** Rotates, and signs with the new token: the answer shows that it verifies. */
async function rotate(vault: DevVault, url: string, version: number): Promise<number> {
  putToken(vault, `token-${version}`);
  const { status } = await signedCall(url, {
    target: '/v1/tokens',
    key: strong(`token-${version}`),
    keyid: `default:${version}`,
  });
  return status;
}

t.test(`${ROTATIONS} rotations with restart leave no orphan`, async (t) => {
  await using folder = await temporaryFolder();
  const seen = join(folder.path, 'seen');
  const script = `read -r token || :; sleep 300 & echo "$$ $! $token" >> ${seen}; wait`;
  await using vault = await vaultWithToken();
  await using agent = supervisorOf(vault, { args: supervise(['sh', '-c', script]), env: eager });
  const url = await agent.url();
  await untilLines(seen, 1);
  await secondPasses();
  for (let version = 2; version <= ROTATIONS + 1; version += 1) {
    t.equal(await rotate(vault, url, version), 200, `version ${version} verifies`);
    await untilLines(seen, version);
  }
  const { sinks } = await agent.health();
  t.match(sinks, { child: { ok: true, version: ROTATIONS + 1, error: null } });
  t.match((await agent.get('/metrics')).body, /sink_writes_total\{sink="child",outcome="ok"\} 101/);
  const runs = (await linesOf(seen)).map((line) => line.split(' '));
  t.strictSame(
    runs.map(([, , token]) => token),
    Array.from({ length: ROTATIONS + 1 }, (_, at) => strong(`token-${at + 1}`)),
    'each was started with its own token, in order',
  );
  const [pid = '', grandchild = ''] = runs.at(-1) ?? [];
  t.strictSame(
    await leftOf(runs.slice(0, -1).flatMap(([a = '', b = '']) => [a, b])),
    [],
    'nothing of the earlier ones is left',
  );
  const shown = `${readFileSync(`/proc/${pid}/environ`, 'utf8')} ${execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })}`;
  t.notMatch(shown, /token-\d+-/, 'no token in its environment or its arguments');
  t.notMatch(shown, strong(`token-${ROTATIONS + 1}`));
  t.notMatch(shown, vault.rootToken, 'nor the key to Vault');
  agent.kill('SIGTERM');
  t.strictSame(await agent.ended, { code: 143, signal: null }, 'it died of the signal');
  t.strictSame(await leftOf([pid, grandchild]), []);
});

t.test(`with signal, the program sees each of ${ROTATIONS} versions in its file`, async (t) => {
  await using folder = await temporaryFolder();
  const [seen, file] = [join(folder.path, 'seen'), join(folder.path, 'token')];
  const app = join(folder.path, 'app.cjs');
  await writeFile(
    app,
    `const { appendFileSync, readFileSync } = require('node:fs');
    const see = () => appendFileSync('${seen}', readFileSync('${file}', 'utf8') + '\\n');
    process.on('SIGHUP', see).on('SIGTERM', () => process.exit(5));
    see();
    setInterval(see.bind, 1e6);`,
  );
  const config = join(folder.path, 'settings.yaml');
  await writeFile(
    config,
    `sinks: [{ name: app, type: file, path: ${file} }]\nchild: { on_rotation: signal, deliver: none }\n`,
  );
  await using vault = await vaultWithToken();
  const args = ['agent', '--config', config, '--', 'env', '-u', 'NODE_OPTIONS', 'node', app];
  await using agent = supervisorOf(vault, { args, env: eager });
  const url = await agent.url();
  await untilLines(seen, 1);
  await secondPasses();
  for (let version = 2; version <= ROTATIONS + 1; version += 1) {
    t.equal(await rotate(vault, url, version), 200, `version ${version} verifies`);
    await untilLines(seen, version);
  }
  t.strictSame(
    await linesOf(seen),
    Array.from({ length: ROTATIONS + 1 }, (_, at) => strong(`token-${at + 1}`)),
  );
  t.match((await agent.health()).sinks, { child: { ok: true, version: ROTATIONS + 1 } });
  agent.kill('SIGTERM');
  t.strictSame(await agent.ended, { code: 5, signal: null }, 'its own exit code');
});

const ends: readonly [
  name: string,
  script: string,
  options: readonly string[],
  code: number,
  starts: number,
][] = [
  ['0 is the end', 'exit 0', [], 0, 1],
  ['a code is ours', 'exit 7', ['child.restarts=0'], 7, 1],
  ['70 of the program is no bug of ours', 'exit 70', ['child.restarts=0'], 70, 1],
  ['a signal is 128 and its number', 'kill -9 $$', ['child.restarts=0'], 137, 1],
  ['a crash loop ends', 'exit 3', ['child.restarts=2'], 3, 3],
];
for (const [name, script, options, code, starts] of ends) {
  t.test(`the program ends: ${name}`, async (t) => {
    await using agent = simple(script, options);
    t.strictSame(await agent.ended, { code, signal: null });
    t.equal(agent.output.split('program started').length - 1, starts);
    t.match(agent.lines.at(-1), { event: 'agent_stopped', exit_code: code });
    t.notMatch(agent.output, /bug/);
  });
}

t.test('a program that is not there, may not be run, or was not named', async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'file');
  await writeFile(file, 'x', { mode: 0o600 });
  const rows: readonly [readonly string[], number, RegExp][] = [
    [['agent', '--', '/not/there'], 127, /write its whole path \(ENOENT\)/],
    [['agent', '--', file], 126, /make it executable \(EACCES\)/],
    [['agent', '--'], 2, /there is no program behind --/],
    [['check', '--', 'true'], 2, /check runs no program/],
  ];
  for (const [args, code, words] of rows) {
    await using agent = new AgentProcess({ args, env: { AGENT_TOKEN } });
    t.strictSame(await agent.ended, { code, signal: null }, args.join(' '));
    t.match(agent.output, words);
  }
});

const stops: readonly [
  name: string,
  script: string,
  options: readonly string[],
  signals: readonly NodeJS.Signals[],
  code: number,
][] = [
  ['SIGTERM, handled', "trap 'exit 3' TERM", [], ['SIGTERM'], 3],
  ['SIGINT is passed as such', "trap 'exit 4' INT; trap 'exit 3' TERM", [], ['SIGINT'], 4],
  ['not handled', ':', [], ['SIGINT'], 130],
  ['another signal', "trap 'exit 6' QUIT", ['child.stop_signal=SIGQUIT'], ['SIGTERM'], 6],
  ['ignored', "trap '' TERM", ['child.stop_timeout=300ms'], ['SIGTERM'], 137],
  ['a second signal', "trap '' TERM", ['child.stop_timeout=1h'], ['SIGTERM', 'SIGTERM'], 137],
];
for (const [name, script, options, signals, code] of stops) {
  t.test(`the agent is stopped: ${name}`, async (t) => {
    await using agent = simple(
      `sleep 300 & ${script}; echo up $$ $!; while :; do wait; sleep 0.05; done`,
      options,
    );
    const [, pid = '', grandchild = ''] = await agent.untilOutput(/up (\d+) (\d+)\n/);
    for (const signal of signals) {
      agent.kill(signal);
      await pause(100);
    }
    t.strictSame(await agent.ended, { code, signal: null });
    t.strictSame(await leftOf([pid, grandchild]), [], 'nothing is left');
  });
}

t.test('other signals are passed on; SIGHUP is ours', async (t) => {
  const traps = ['USR1', 'USR2', 'QUIT', 'WINCH', 'HUP'].map(
    (name) => `trap 'echo got-${name}' ${name}`,
  );
  await using agent = simple(`${traps.join('; ')}; echo up; while :; do sleep 0.05; done`);
  await agent.untilOutput(/^up$/m);
  for (const name of ['USR1', 'USR2', 'QUIT', 'WINCH'] as const) {
    agent.kill(`SIG${name}`);
    await agent.untilOutput(new RegExp(`got-${name}`));
  }
  agent.kill('SIGHUP');
  await agent.untilOutput(/settings reloaded/);
  t.notMatch(agent.output, 'got-HUP');
});

t.test('it is told first, and everything is served until it is gone', async (t) => {
  await using agent = simple(
    "trap 'echo told; sleep 1; exit 0' TERM; echo up; while :; do sleep 0.05; done",
  );
  await agent.untilOutput(/^up$/m);
  t.equal((await agent.get('/readyz')).status, 200);
  agent.kill('SIGTERM');
  await agent.untilOutput(/^told$/m);
  t.equal((await agent.get('/readyz')).status, 503);
  t.equal((await agent.get('/health')).status, 200);
  t.strictSame(await agent.ended, { code: 0, signal: null });
});

t.test(
  'it is given the token where the settings say, and our environment without secrets',
  async (t) => {
    const script = 'echo "[$APP_KEY] [$OTHER] [$AGENT_TOKEN] [$KEYTENDER_VAULT_AUTH_TOKEN]"';
    const env = { OTHER: 'kept', KEYTENDER_VAULT_AUTH_TOKEN: 'key-to-vault' };
    await using first = simple(script, ['child.token_env=APP_KEY'], env);
    await first.untilOutput(new RegExp(`^\\[${AGENT_TOKEN}\\] \\[kept\\] \\[\\] \\[\\]$`, 'm'));
    await using second = simple('cat <&3; echo', ['child.deliver=fd3', 'child.format=json'], env);
    await second.untilOutput(new RegExp(`"value": "${AGENT_TOKEN}"`));
    await using third = simple('cat; echo .', ['child.deliver=none'], env);
    await third.untilOutput(/^\.$/m);
    t.notMatch(third.output, AGENT_TOKEN);
  },
);

t.test('neither ps nor an environment shows a secret of the agent to its program', async (t) => {
  const names = ['AGENT_TOKEN', 'VAULT_TOKEN', 'VAULT_SECRET_ID', 'BAO_TOKEN', 'BAO_SECRET_ID'];
  names.push('KEYTENDER_TOKEN_INITIAL', 'KEYTENDER_VAULT_AUTH_TOKEN');
  names.push('KEYTENDER_VAULT_AUTH_SECRET_ID', 'KEYTENDER_VAULT_AUTH_SECRET_ID_WRAPPED');
  const secrets = names.map((name, at) => [name, strong(`canary-${at}`)] as const);
  const files = secrets.map(([name], at) => [`${name}_FILE`, `/canary-${at}`] as const);
  t.strictSame(environmentForChild(Object.fromEntries([...secrets, ...files, ['A', 'b']])), {
    A: 'b',
  });

  await using vault = await vaultWithToken();
  await using agent = supervisorOf(vault, {
    args: supervise(
      ['sh', '-c', 'read -r token || :; echo up $$; exec sleep 300'],
      ['child.on_rotation=none'],
    ),
    env: { AGENT_TOKEN: strong('canary'), VAULT_TOKEN: vault.rootToken },
  });
  const [, pid = ''] = await agent.untilOutput(/up (\d+)\n/);
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 1);
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  t.match(environment, 'VAULT_ADDR=', 'the rest of the environment is there');
  const list = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  for (const secret of [strong('canary'), strong('token-1'), vault.rootToken]) {
    t.notOk(environment.includes(secret));
    t.notOk(list.includes(secret));
  }
});

t.test('it waits for the first token', async (t) => {
  await using vault = await vaultWithToken();
  vault.seal();
  await using agent = supervisorOf(vault, { args: supervise(['sh', '-c', 'echo up; sleep 300']) });
  await agent.untilHealth(({ tokens }) => tokens['default']?.error?.class === 'vault_sealed');
  t.match((await agent.health()).sinks, {
    child: { ok: false, version: null, error: 'nothing was delivered yet' },
  });
  t.notMatch(agent.output, /^up$/m);
  vault.unseal();
  await agent.untilOutput(/^up$/m);
});

t.test('an interpreter that would take the token for its program is refused', async (t) => {
  for (const command of [['sh'], ['node', '-']]) {
    await using agent = new AgentProcess({ args: supervise(command), env: { AGENT_TOKEN } });
    t.strictSame(await agent.ended, { code: 2, signal: null }, command.join(' '));
    t.match(agent.output, /child\.deliver: is stdin, and .*; give it a script behind --, or write/);
  }
  await using other = new Supervisor({
    args: supervise(['sh'], ['child.deliver=fd3']),
    env: { AGENT_TOKEN },
  });
  t.strictSame(await other.ended, { code: 0, signal: null }, 'its input is ours, which is empty');
});

t.test('a name that is taken is refused', async (t) => {
  await using folder = await temporaryFolder();
  const config = join(folder.path, 'settings.yaml');
  await writeFile(config, 'sinks: [{ name: child, type: file, path: /x }]\n');
  const args = ['agent', '--config', config, '--', 'true'];
  await using agent = new AgentProcess({ args, env: { AGENT_TOKEN } });
  t.strictSame(await agent.ended, { code: 2, signal: null });
  t.match(agent.output, /sinks\[0\]\.name: child is the name of the supervised program/);
});

const programs = { setpriv: 'setpriv', unshare: 'unshare' };

/** What these programs can do here, others do elsewhere: a machine without them, or without the right, shows nothing. */
function works(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test(
  'an agent that is killed leaves the program, unless the kernel was asked not to',
  async (t) => {
    await using agent = simple('echo up $$; exec sleep 300');
    const [, pid = ''] = await agent.untilOutput(/up (\d+)\n/);
    agent.kill('SIGKILL');
    await pause(100);
    t.ok(isRunning(pid), 'which is why docs/sinks.md asks for an init');
    process.kill(Number(pid), 'SIGKILL');
    if (!works(programs.setpriv, '--pdeathsig', 'KILL', 'true')) return;
    // the program alone: what it had started would outlive it, and keep its output open
    const script = 'echo up $$; exec sleep 300';
    const command = [programs.setpriv, '--pdeathsig', 'KILL', 'sh', '-c', script];
    await using second = new AgentProcess({ args: supervise(command), env: { AGENT_TOKEN } });
    const [, other = ''] = await second.untilOutput(/up (\d+)\n/);
    second.kill('SIGKILL');
    t.strictSame(await leftOf([other]), []);
  },
);

t.test('as process 1 without an init it says so, and stops when told', async (t) => {
  const apart = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc'];
  if (!works(programs.unshare, ...apart, 'true')) {
    t.pass('may not make a process 1 here');
    return;
  }
  const bundle = new URL('../../dist/keytender.cjs', import.meta.url).pathname;
  const script = "trap 'exit 9' TERM; kill -TERM $PPID; while :; do sleep 0.05; done";
  const command = ['env', '-u', 'NODE_OPTIONS', process.execPath, bundle];
  const child = spawn(
    programs.unshare,
    [...apart, ...command, ...supervise(['sh', '-c', script])],
    {
      env: { PATH: process.env['PATH'], KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0', AGENT_TOKEN },
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.equal(code, 9, output);
  t.match(output, /running as process 1 without an init/);
});
