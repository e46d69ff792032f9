import { createServer } from 'node:net';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { agentOf, emptyVault, SECRET_PATH, vaultWithToken } from '../fixtures/scene.js';

// Bad input, each with its own sentence and the fix: settings end the program with 2, what is wrong in Vault is told
// while it runs.
t.jobs = 4;

const vault = { VAULT_ADDR: 'http://127.0.0.1:9', VAULT_TOKEN: 'root' };

interface BadSetting {
  readonly what: string;
  readonly env: Readonly<Record<string, string>>;
  readonly says: readonly RegExp[];
}

const badSettings: readonly BadSetting[] = [
  {
    what: 'no source of a token',
    env: {},
    says: [/vault\.address|VAULT_ADDR/, /token\.initial|AGENT_TOKEN/],
  },
  {
    what: 'an unknown name',
    env: { ...vault, KEYTENDER_REFRESH_INTERVALL: '1s' },
    says: [/KEYTENDER_REFRESH_INTERVALL/, /KEYTENDER_REFRESH_INTERVAL\b/],
  },
  {
    what: 'a prefix with /data/ in it',
    env: { ...vault, KEYTENDER_VAULT_PATH_PREFIX: 'secret/data/keytender' },
    says: [/VAULT_PATH_PREFIX/, /data/],
  },
  {
    what: 'plain HTTP off loopback',
    env: { ...vault, VAULT_ADDR: 'http://vault.example:8200' },
    says: [/VAULT_ADDR/, /https/],
  },
  {
    what: 'a jitter above the interval',
    env: { ...vault, KEYTENDER_REFRESH_INTERVAL: '10s', KEYTENDER_REFRESH_JITTER: '20s' },
    says: [/JITTER/, /INTERVAL|interval/],
  },
  {
    what: 'a grace below three intervals',
    env: { ...vault, KEYTENDER_REFRESH_INTERVAL: '60s', KEYTENDER_TOKEN_GRACE: '60s' },
    says: [/GRACE/, /INTERVAL|interval/],
  },
  {
    what: 'a budget below the steady need',
    env: {
      ...vault,
      KEYTENDER_REFRESH_INTERVAL: '1s',
      KEYTENDER_VAULT_REQUESTS_PER_MINUTE: '10',
    },
    says: [/REQUESTS_PER_MINUTE/],
  },
  {
    what: 'skipping TLS verification',
    env: { ...vault, VAULT_SKIP_VERIFY: 'true' },
    says: [/VAULT_SKIP_VERIFY/, /ca_cert|VAULT_CACERT/],
  },
  { what: 'a short static token', env: { AGENT_TOKEN: 'short' }, says: [/AGENT_TOKEN/, /16/] },
  {
    what: 'two names with two values',
    env: { ...vault, BAO_ADDR: 'http://127.0.0.1:10' },
    says: [/VAULT_ADDR/, /BAO_ADDR/],
  },
];

for (const { what, env, says } of badSettings) {
  t.test(`${what} ends it with 2 and a sentence`, async (t) => {
    await using agent = new AgentProcess({ env });
    t.match(await agent.ended, { code: 2 });
    for (const pattern of says) t.match(agent.output, pattern);
    t.notMatch(agent.output, /\n\s+at /, 'no stack');
  });
}

t.test('all mistakes are told at once', async (t) => {
  await using agent = new AgentProcess({
    env: {
      ...vault,
      KEYTENDER_REFRESH_JITTER: 'soon',
      KEYTENDER_LOG_LEVEL: 'loud',
      KEYTENDER_X: '1',
    },
  });
  t.match(await agent.ended, { code: 2 });
  for (const name of ['JITTER', 'LOG_LEVEL', 'KEYTENDER_X']) t.ok(agent.output.includes(name));
});

t.test('names that Kubernetes makes for a service are no settings', async (t) => {
  await using vaultThere = await vaultWithToken();
  await using agent = agentOf(vaultThere, {
    env: {
      KEYTENDER_PORT: 'tcp://10.0.0.1:8210',
      KEYTENDER_SERVICE_HOST: '10.0.0.1',
      KEYTENDER_SERVICE_PORT_HTTP: '8210',
      KEYTENDER_PORT_8210_TCP_ADDR: '10.0.0.1',
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  t.notMatch(agent.output, /KEYTENDER_PORT/);
});

t.test('a world-readable token file is refused', async (t) => {
  const folder = await mkdtemp(join(process.cwd(), '.tap-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'vault-token');
  await writeFile(file, 'root');
  await chmod(file, 0o644);
  await using agent = new AgentProcess({
    env: { VAULT_ADDR: vault.VAULT_ADDR, VAULT_TOKEN_FILE: file },
  });
  t.match(await agent.ended, { code: 2 });
  t.match(agent.output, /VAULT_TOKEN_FILE/);
  t.match(agent.output, /chmod/);
});

t.test('a port in use is a sentence and a fix', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  await using agent = new AgentProcess({
    env: { ...vault, KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${port}` },
  });
  t.match(await agent.ended, { code: 1 });
  t.match(agent.output, /listen\.address/);
  t.notMatch(agent.output, /\n\s+at /);
});

t.test('a settings file that is not there is a sentence', async (t) => {
  const file = join(tmpdir(), 'no-such-settings.yaml');
  await using agent = new AgentProcess({ args: ['agent', '--config', file], env: vault });
  t.match(await agent.ended, { code: 2 });
  t.ok(agent.output.includes('no-such-settings.yaml'));
});

t.test('what is wrong in Vault is named with the fix', async (t) => {
  await using there = await emptyVault();
  const root = { 'x-vault-token': there.rootToken };
  const post = (path: string, body: object) =>
    fetch(`${there.address}/v1/${path}`, {
      method: 'POST',
      headers: root,
      body: JSON.stringify(body),
    });
  await post('sys/mounts/old', { type: 'kv', options: { version: '1' } });
  await post('old/keytender/default/token', { token: 'x'.repeat(32) });
  there.policy('blind', 'path "other/*" { capabilities = ["read"] }');
  const blind = there.token({ policies: ['blind'] });
  const cases = [
    { env: { KEYTENDER_VAULT_PATH_PREFIX: 'old/keytender' }, says: /kv version 1/ },
    { env: { KEYTENDER_VAULT_PATH_PREFIX: 'nowhere/keytender' }, says: /nothing is mounted/ },
    { env: {}, says: /no secret at/ },
    { env: { VAULT_TOKEN: blind.token }, says: /policy/ },
  ];
  for (const { env, says } of cases) {
    await using agent = agentOf(there, { env });
    await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
    const { error } = (await agent.health()).tokens['default']!;
    t.match(error?.message, says);
  }
  for (const [token, says] of [
    ['', /empty/],
    ['short', /too short/],
    ['with\u0007a-control-character-in-it-all', /control/],
    ['written-with-echo-and-a-line-break\n', /line break/],
  ] as const) {
    there.kv.put(SECRET_PATH, { token });
    await using agent = agentOf(there);
    const health = await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
    t.match(health.tokens['default']?.error?.message, says);
  }
});
