// deploy/vault/setup.sh and rotate.sh against a dev Vault, or the real server that TEST_VAULT_ADDR and TEST_VAULT_TOKEN
// name: the policies, logins and tokens they leave are those that the agent runs with.
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { vaultServer, type VaultServer } from '../fixtures/vault-server.js';

t.jobs = 3;

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(script: string, args: readonly string[], env: Record<string, string>): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 60_000 };
    execFile(`deploy/vault/${script}`, args, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

interface Scene {
  readonly vault: VaultServer;
  readonly folder: string;
  /** A mount, a policy and a role that are this test's alone. */
  readonly own: readonly string[];
  readonly mount: string;
  readonly setup: (...more: string[]) => Promise<Run>;
  readonly rotate: (...more: string[]) => Promise<Run>;
  readonly agent: (env: Record<string, string>) => AgentProcess;
}

async function scene(t: Test): Promise<Scene> {
  const vault = await vaultServer();
  const folder = mkdtempSync(join(tmpdir(), 'kt-'));
  const mount = `kt-${randomBytes(4).toString('hex')}`;
  const own = ['--mount', mount, '--policy', mount, '--role', mount];
  const env = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
  t.teardown(async () => {
    const paths = [
      `sys/mounts/${mount}`,
      `sys/policies/acl/${mount}`,
      `sys/policies/acl/${mount}-rotate`,
    ];
    const undone = paths.map((path) => vault.api('DELETE', path).catch(() => undefined));
    await Promise.all(undone);
    await vault[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  return {
    vault,
    folder,
    own,
    mount,
    setup: (...more) => run('setup.sh', [...own, ...more], env),
    rotate: (...more) => run('rotate.sh', ['--mount', mount, ...more], env),
    agent: (more) =>
      new AgentProcess({
        env: {
          VAULT_ADDR: vault.address,
          KEYTENDER_VAULT_MOUNT: mount,
          KEYTENDER_REFRESH_INTERVAL: '1s',
          ...more,
        },
      }),
  };
}

t.test('setup.sh: mount, policies and a first token; a second run changes nothing', async (t) => {
  const { vault, mount, setup } = await scene(t);
  const first = await setup();
  t.strictSame([first.code, first.err], [0, '']);
  t.match(first.out, /mount .*: made\n.*written\n.*written\ntoken: the first one is written/);
  const path = `${mount}/data/keytender/default/token`;
  const token = (await vault.api('GET', path)).data?.['data'] as { token: string };
  t.equal(Buffer.from(token.token, 'base64').length, 32);
  t.notMatch(first.out, token.token);
  const again = await setup();
  t.strictSame([again.code, again.err], [0, '']);
  t.match(again.out, /mount .*: is there\n[^]*token: is there/);
  t.strictSame((await vault.api('GET', path)).data?.['data'], token);
});

t.test('the policies: agents read, whoever rotates writes, and neither more', async (t) => {
  const { vault, mount, setup } = await scene(t);
  await setup();
  const statusOf = async (policy: string, method: string, path: string): Promise<string> => {
    const made = await vault.api('POST', 'auth/token/create', { policies: [policy] });
    const token = String(made.auth?.['client_token']);
    const body = method === 'GET' ? undefined : { data: { token: 'x'.repeat(32) } };
    const asked = vault.api(method, `${mount}/${path}`, body, { token });
    return asked.then(
      () => 'may',
      (error: unknown) => (/: 403/.test(String(error)) ? 'may not' : String(error)),
    );
  };
  const data = 'data/keytender/default/token';
  const metadata = 'metadata/keytender/default/token';
  t.equal(await statusOf(mount, 'GET', data), 'may');
  t.equal(await statusOf(mount, 'POST', data), 'may not');
  t.equal(await statusOf(mount, 'GET', 'data/keytender/other/token'), 'may not');
  t.equal(await statusOf(`${mount}-rotate`, 'POST', data), 'may');
  t.equal(await statusOf(`${mount}-rotate`, 'GET', data), 'may not');
  t.equal(await statusOf(`${mount}-rotate`, 'GET', metadata), 'may');
});

t.test(
  'setup.sh --approle: an agent logs in, rotate.sh waits until it shows the version',
  async (t) => {
    const { vault, folder, mount, setup, rotate, agent } = await scene(t);
    const made = await setup('--approle');
    t.strictSame([made.code, made.err], [0, '']);
    const roleId = /^role id: (\S+)$/m.exec(made.out)?.[1] ?? '';
    const role = `auth/approle/role/${mount}`;
    const { data } = await vault.api('POST', `${role}/secret-id`, {});
    writeFileSync(join(folder, 'secret-id'), String(data?.['secret_id']), { mode: 0o600 });
    const socket = join(folder, 'api.sock');
    await using sidecar = agent({
      VAULT_ROLE_ID: roleId,
      VAULT_SECRET_ID_FILE: join(folder, 'secret-id'),
      KEYTENDER_LISTEN_SOCKET: socket,
    });
    await sidecar.untilHealth(({ tokens }) => tokens['default']?.version === 1);
    const url = await sidecar.url();
    const rotated = await rotate(url, `unix:${socket}`);
    t.strictSame([rotated.code, rotated.err], [0, '']);
    // the socket is asked later in each round: on a busy machine it may be the first that has it
    const [written, ...shown] = rotated.out.trimEnd().split('\n');
    t.equal(written, 'version 2 is written');
    t.same(new Set(shown), new Set([`${url} shows version 2`, `unix:${socket} shows version 2`]));
    t.equal(shown.length, 2);
    const health = await sidecar.health();
    t.match(health.tokens['default'], { version: 2, superseded: [{ version: 1 }] });
    const ended = await rotate('--grace', '0', url);
    t.equal(ended.code, 0);
    t.strictSame(
      (await sidecar.health()).tokens['default']?.superseded,
      [],
      'which ends older ones',
    );

    const cas = await rotate('--cas', '1', url);
    t.equal(cas.code, 1, 'somebody else was first');
    t.match(cas.err, /not rotated: 400/);
    const late = await rotate('--wait', '6', url, 'http://127.0.0.1:1');
    t.equal(late.code, 3);
    t.match(late.err, /http:\/\/127\.0\.0\.1:1 shows version none\n.*1 of 2 agents/);
    await vault.api('DELETE', role);
  },
);

t.test('setup.sh --jwt: a token of that subject logs in, another does not', async (t) => {
  const { folder, mount, vault, setup, agent } = await scene(t);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'keys.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const made = await setup('--jwt', 'app', '--jwt-keys', join(folder, 'keys.pem'));
  t.strictSame([made.code, made.err], [0, '']);
  const issue = (sub: string): string => {
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub, aud: 'vault', iat: now, exp: now + 600 })}`;
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  };
  const stateOf = async (sub: string): Promise<string | undefined> => {
    const file = join(folder, sub);
    writeFileSync(file, issue(sub), { mode: 0o600 });
    const login = { KEYTENDER_VAULT_AUTH_JWT_FILE: file, KEYTENDER_VAULT_AUTH_ROLE: mount };
    await using sidecar = agent({ ...login, KEYTENDER_VAULT_AUTH_METHOD: 'jwt' });
    const { tokens } = await sidecar.untilHealth(({ status }) => status !== 'starting');
    return tokens['default']?.error?.class ?? tokens['default']?.state;
  };
  t.equal(await stateOf('app'), 'fresh');
  t.equal(await stateOf('other'), 'vault_login_failed');
  await vault.api('DELETE', `auth/jwt/role/${mount}`);
});

t.test(
  'setup.sh --kubernetes: the role is for that account, that audience, and not for ever',
  async (t) => {
    const { mount, vault, setup } = await scene(t);
    const ca = [
      '--kubernetes-ca',
      'test/vault/tls/ca.pem',
      '--kubernetes-host',
      'https://10.0.0.1',
    ];
    const made = await setup('--kubernetes', 'prod/app', ...ca);
    t.strictSame([made.code, made.err], [0, '']);
    const { data } = await vault.api('GET', `auth/kubernetes/role/${mount}`);
    t.match(data, {
      bound_service_account_namespaces: ['prod'],
      bound_service_account_names: ['app'],
      audience: 'vault',
      token_policies: [mount],
      token_ttl: 3600,
      token_num_uses: 0,
    });
    await vault.api('DELETE', `auth/kubernetes/role/${mount}`);
  },
);

const mistakes: readonly (readonly [script: string, args: readonly string[], says: RegExp])[] = [
  ['setup.sh', ['--nothing', 'x'], /no such option: --nothing/],
  ['setup.sh', ['--mount'], /--mount needs a value/],
  ['setup.sh', ['--prefix', 'a"b'], /not a name/],
  ['setup.sh', ['--kubernetes', 'app'], /NAMESPACE\/NAME/],
  ['setup.sh', ['--jwt', 'app'], /--jwt needs/],
  ['rotate.sh', ['--wait', 'long'], /not a number: 'long'/],
  ['rotate.sh', ['somewhere'], /somewhere needs a value, or is no agent/],
];

for (const [script, args, says] of mistakes) {
  t.test(`${script} ${args.join(' ')} is refused before anything is asked`, async (t) => {
    const env = { VAULT_ADDR: 'http://127.0.0.1:1', VAULT_TOKEN: 'x' };
    const { code, err } = await run(script, args, env);
    t.equal(code, 2);
    t.match(err, says);
  });
}

t.test('no Vault, no token: said, and nothing is rotated', async (t) => {
  const nowhere = await run('rotate.sh', [], {
    VAULT_ADDR: 'http://127.0.0.1:1',
    VAULT_TOKEN: 'x',
  });
  t.equal(nowhere.code, 1);
  t.match(nowhere.err, /no answer from http:\/\/127\.0\.0\.1:1/);
  t.equal((await run('rotate.sh', [], { VAULT_TOKEN: 'x' })).code, 2);
  const noToken = await run('rotate.sh', [], {
    VAULT_ADDR: 'http://127.0.0.1:1',
    HOME: '/nowhere',
  });
  t.match(noToken, { code: 2, err: /set VAULT_TOKEN/ });
});

t.test('no secret is ever on a command line', async (t) => {
  await using server = await vaultServer();
  const env = { VAULT_ADDR: server.address, VAULT_TOKEN: server.rootToken };
  const running = { is: true };
  const seen = new Set<string>();
  const watch = (async () => {
    while (running.is) {
      for (const line of commandLines()) seen.add(line);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const { code } = await run('rotate.sh', ['--mount', server.mount], env);
  running.is = false;
  await watch;
  t.equal(code, 0);
  const { data } = await server.api('GET', `${server.mount}/data/keytender/default/token`);
  const written = (data?.['data'] as { token: string }).token;
  const ours = [...seen].filter((line) => /^(?:curl|base64|awk|sed) |rotate\.sh/.test(line));
  t.ok(
    ours.some((line) => line.startsWith('curl')),
    'curl was seen running',
  );
  for (const secret of [server.rootToken, written]) {
    t.notOk(ours.some((line) => line.includes(secret)));
  }
});

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    });
}
