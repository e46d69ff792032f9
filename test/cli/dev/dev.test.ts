// `keytender dev` as a process, and what it prints pasted into a shell.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { fakeAgent } from '../fake-agent.js';
import { start, type Program } from '../program.js';

const exec = promisify(execFile);
const freePorts = { KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0' };
const anyVault = ['--vault-address', '127.0.0.1:0'];

interface Started {
  readonly program: Program;
  readonly agent: string;
  readonly vault: string;
}

async function startDev(
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const program = start(['dev', ...anyVault, ...argv], { ...freePorts, ...env });
  const agent = (await program.untilOut(/agent {6}(http:\S+)/))[1] ?? '';
  const vault = (await program.untilOut(/dev Vault {2}(http:\S+)/))[1] ?? '';
  return { program, agent, vault };
}

async function versionAt(agent: string): Promise<number> {
  const health = (await (await fetch(`${agent}/health`)).json()) as {
    tokens: { default: { version: number } };
  };
  return health.tokens.default.version;
}

async function until(is: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const endsAt = Date.now() + withinMs;
  while (!(await is())) {
    if (Date.now() > endsAt) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

t.test('what it prints, pasted, shows the token, rotates it and shows it again', async (t) => {
  const { program, agent } = await startDev(['--set', 'refresh.interval=1s']);
  t.teardown(() => program[Symbol.asyncDispose]());
  await program.untilOut(/See it again[^\n]*\n[^\n]*\n/);
  await until(async () => (await versionAt(agent)) === 1);
  const commands = program
    .out()
    .split('\n')
    .filter((line) => /^ {2}(curl|export)/.test(line));
  t.equal(commands.length, 5);
  const { stdout } = await exec('sh', ['-euc', commands.slice(0, 4).join('\n')]);
  t.match(stdout, /"state":"fresh"/);
  t.match(stdout, /"name":"default","value":"[\w+/]{43}="/, 'by socket, without a key');
  t.match(stdout, /"version":2/, 'as Vault answers a write');
  await until(async () => (await versionAt(agent)) === 2);
  const again = await exec('sh', ['-euc', commands[4] ?? 'false']);
  t.match(again.stdout, /"version":2,/);
});

t.test('its socket is for this user alone, and gone at the end', async (t) => {
  const { program } = await startDev();
  const [, socket = ''] = await program.untilOut(/socket {5}(\S+)/);
  t.equal(statSync(dirname(socket)).mode & 0o777, 0o700);
  program.child.kill('SIGTERM');
  t.match(await program.ended, { code: 0 });
  t.notOk(existsSync(dirname(socket)));
});

t.test('where the path of temporary files is too long for a socket there is none', async (t) => {
  const folder = join(t.testdir({}), 'x'.repeat(100));
  mkdirSync(folder);
  const { program, agent } = await startDev([], { TMPDIR: folder });
  t.teardown(() => program[Symbol.asyncDispose]());
  await until(async () => (await versionAt(agent)) === 1);
  t.notMatch(program.out(), /unix-socket/);
});

t.test('it says at once that it is not for production', async (t) => {
  const { program } = await startDev();
  t.match(program.out(), /^keytender \S+ dev: for trying out, not for production\n/);
  program.child.kill('SIGTERM');
  t.match(await program.ended, { code: 0 });
});

t.test('--rotate-every rotates by itself', async (t) => {
  const { program, agent } = await startDev([
    '--rotate-every',
    '1s',
    '--set',
    'refresh.interval=1s',
  ]);
  t.teardown(() => program[Symbol.asyncDispose]());
  await until(async () => (await versionAt(agent)) >= 3);
});

t.test('the environment of a real Vault is not followed', async (t) => {
  let asked = 0;
  await using real = await fakeAgent((_request, response) => {
    asked += 1;
    response.end('{}');
  });
  const { program, agent } = await startDev([], {
    VAULT_ADDR: real.url,
    VAULT_TOKEN: 'canary-real-token',
    VAULT_NAMESPACE: 'real',
    BAO_ADDR: real.url,
    AGENT_TOKEN: 'canary-initial-token-of-thirty-two',
  });
  t.teardown(() => program[Symbol.asyncDispose]());
  await until(async () => (await versionAt(agent)) === 1);
  t.equal(asked, 0);
  t.notMatch(program.out() + program.err(), /canary/);
});

t.test('settings by flag and environment still apply', async (t) => {
  const { program, agent, vault } = await startDev(['--set', 'deployment=blue'], {
    KEYTENDER_VAULT_MOUNT: 'kv',
    KEYTENDER_VAULT_PATH_PREFIX: 'apps',
    AGENT_ID: 'dev-1',
  });
  t.teardown(() => program[Symbol.asyncDispose]());
  await until(async () => (await versionAt(agent)) === 1);
  t.match(program.out(), `"$VAULT_ADDR/v1/kv/data/apps/blue/token"`);
  t.match(await (await fetch(`${agent}/health`)).json(), { agent_id: 'dev-1' });
  t.match(vault, /127\.0\.0\.1/);
});

t.test('--vault-only is a Vault and no agent', async (t) => {
  const program = start(['dev', '--vault-only', ...anyVault, '--root-token', 'mine']);
  t.teardown(() => program[Symbol.asyncDispose]());
  const vault = (await program.untilOut(/dev Vault {2}(http:\S+)/))[1] ?? '';
  t.match(program.out(), /not a Vault for production/);
  const answer = await fetch(`${vault}/v1/secret/data/keytender/default/token`, {
    headers: { 'X-Vault-Token': 'mine' },
  });
  t.equal(answer.status, 200);
  program.child.kill('SIGINT');
  t.match(await program.ended, { code: 0 });
});

t.test('a hangup of its terminal ends it', async (t) => {
  const { program } = await startDev();
  program.child.kill('SIGHUP');
  t.match(await program.ended, { code: 0 });
});

t.test('a port in use is 1, with a sentence and the fix', async (t) => {
  await using other = await fakeAgent((_request, response) => response.end());
  const taken = `127.0.0.1:${other.port}`;
  const agent = await start(['dev', ...anyVault], { KEYTENDER_LISTEN_ADDRESS: taken }).ended;
  t.match(agent, {
    code: 1,
    err: /^keytender: cannot listen on .*set listen\.address to a free port\n$/,
  });
  const vault = await start(['dev', '--vault-address', taken], freePorts).ended;
  t.match(vault, { code: 1, err: /already listens on .*--vault-address 127\.0\.0\.1:0\n$/ });
});

t.test('a Vault address that is none, or not on loopback, is 2', async (t) => {
  for (const address of ['8200', 'localhost', '0.0.0.0:8200', '10.0.0.1:8200']) {
    const ended = await start(['dev', '--vault-address', address], freePorts).ended;
    t.match(ended, { code: 2, err: /^keytender: --vault-address: / }, address);
  }
});
