import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AgentProcess, pause } from '../fixtures/agent-process.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { vaultServer } from '../fixtures/vault-server.js';

async function settingsFile(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  const path = join(folder, 'settings.yaml');
  await writeFile(path, text, { mode: 0o600 });
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

t.test('SIGHUP with a broken file keeps the old settings and says so', async (t) => {
  await using file = await settingsFile('refresh:\n  interval: 1s\n');
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    args: ['agent', '--config', file.path],
    env: { KEYTENDER_REFRESH_INTERVAL: undefined },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await writeFile(file.path, 'refresh:\n  intervall: 5s\n');
  agent.kill('SIGHUP');
  const match = await agent.untilOutput(/"event":"config_reloaded".*"outcome":"refused".*/);
  t.match(match[0], /intervall/, 'names the key');
  t.match(match[0], /interval/, 'and what was meant');
  t.match((await agent.get('/metrics')).body, /config_last_reload_successful 0/);
  putToken(vault, 'token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2, 5_000);

  await writeFile(
    file.path,
    'refresh:\n  interval: 1s\ntoken:\n  grace: 600s\nlog:\n  level: debug\n',
  );
  agent.kill('SIGHUP');
  const taken = await agent.untilOutput(/"event":"config_reloaded".*"outcome":"ok".*/);
  t.match(taken[0], /token\.grace/);
  t.match((await agent.get('/metrics')).body, /config_last_reload_successful 1/);
  putToken(vault, 'token-3');
  const health = await agent.untilHealth(({ tokens }) => tokens['default']?.version === 3);
  const until = Date.parse(health.tokens['default']!.superseded[0]!.usable_until);
  t.ok(until - Date.now() > 500_000, 'the new grace is in force');
});

t.test('what needs a restart is named and keeps its old value', async (t) => {
  await using file = await settingsFile('listen:\n  address: 127.0.0.1:0\n');
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    args: ['agent', '--config', file.path],
    env: { KEYTENDER_LISTEN_ADDRESS: undefined },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await writeFile(file.path, 'listen:\n  address: 127.0.0.1:9\n');
  agent.kill('SIGHUP');
  const match = await agent.untilOutput(/.*need a restart.*/);
  t.match(match[0], /listen\.address/);
  t.equal((await agent.get('/livez')).status, 200);
});

t.test('many SIGHUPs at once harm nothing', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  for (let count = 0; count < 50; count += 1) agent.kill('SIGHUP');
  await pause(300);
  t.equal((await agent.get('/health')).status, 200);
});

/** An agent whose settings are all in a file, `vault` in any case with an interval of a second. */
async function agentWith(settings: object) {
  const text = (next: object): string =>
    JSON.stringify({ refresh: { interval: '1s' }, listen: { address: '127.0.0.1:0' }, ...next });
  const file = await settingsFile(text(settings));
  const agent = new AgentProcess({
    args: ['agent', '--config', file.path],
    env: { KEYTENDER_LISTEN_ADDRESS: undefined },
  });
  let reloads = 0;
  return {
    agent,
    /** Resolves with the line of the audit trail. */
    async reload(next: object): Promise<string> {
      await writeFile(file.path, text(next));
      agent.kill('SIGHUP');
      reloads += 1;
      const lines = `(?:"event":"config_reloaded"[^]*?){${reloads - 1}}("event":"config_reloaded".*)`;
      return (await agent.untilOutput(new RegExp(lines)))[1] ?? '';
    },
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await file[Symbol.asyncDispose]();
    },
  };
}

t.test('another address of Vault is read from after SIGHUP, no refresh fails for it', async (t) => {
  await using one = await vaultWithToken();
  await using two = await vaultWithToken();
  const vault = (address: string, token: string): object => ({
    vault: { address, auth: { token } },
  });
  await using it = await agentWith(vault(one.address, one.rootToken));
  const { agent } = it;
  await agent.untilHealth(({ status }) => status === 'ok');
  t.match(await it.reload(vault(two.address, two.rootToken)), /vault\.address.*vault\.auth\.token/);
  t.notMatch(agent.output, /need a restart/);
  const created = new Date(two.kv.get('keytender/default/token')!.created_time).toISOString();
  await agent.untilHealth(({ tokens }) => tokens['default']?.created_at === created);
  await pause(1_500);
  one.clearRequests();
  putToken(two, 'token-2');
  const health = await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  t.match(health, { status: 'ok', vault: { address: two.address, authenticated: true } });
  t.same(
    one.requests.map(({ path }) => path).filter((path) => path !== 'auth/token/revoke-self'),
    [],
  );
  const { body } = await agent.get('/metrics');
  const failures = [...body.matchAll(/refresh_attempts_total\{.*outcome="(\w+)"\} [1-9]/g)];
  t.same(
    failures.map(([, outcome]) => outcome),
    ['ok'],
  );
});

t.test('another way to log in is taken; one that is refused costs nothing', async (t) => {
  await using vault = await vaultServer();
  const mount = await vault.enableAuth('approle');
  await vault.api('POST', `auth/${mount}/role/sidecar`, {
    token_policies: [vault.policy],
    token_ttl: '1h',
  });
  const roleId = await vault.api('GET', `auth/${mount}/role/sidecar/role-id`);
  const secretId = await vault.api('POST', `auth/${mount}/role/sidecar/secret-id`, {});
  const given = await vault.api('POST', 'auth/token/create', { policies: [vault.policy] });
  const settings = (auth: object): object => ({
    vault: { address: vault.address, mount: vault.mount, auth },
  });
  const approle = {
    method: 'approle',
    mount,
    role_id: roleId.data?.['role_id'],
    secret_id: secretId.data?.['secret_id'],
  };
  await using it = await agentWith(settings({ token: given.auth?.['client_token'] }));
  const { agent } = it;
  await agent.untilHealth(({ status }) => status === 'ok');
  const line = await it.reload(settings(approle));
  for (const key of ['method', 'role_id', 'secret_id']) t.match(line, `vault.auth.${key}`);
  await agent.untilOutput(/"event":"vault_login".*"mode":"approle"/);
  const { vault: told } = await agent.untilHealth(
    ({ vault: it }) => typeof it?.login_expires_at === 'string',
  );
  const endsAt = Date.parse(told?.login_expires_at ?? '');
  t.ok(Math.abs(endsAt - Date.now() - 3_600_000) < 60_000, told?.login_expires_at ?? '');
  const metric = /^keytender_vault_login_expiry_timestamp_seconds (\S+)$/m;
  const seconds = Number(metric.exec((await agent.get('/metrics')).body)?.[1]);
  t.ok(Math.abs(seconds - endsAt / 1_000) < 1, `${seconds}, as in /health`);
  await vault.api('POST', 'auth/token/revoke', { token: given.auth?.['client_token'] });
  const before = Date.now();
  await agent.untilHealth(
    ({ status, tokens }) =>
      status === 'ok' && Date.parse(tokens['default']?.last_success_at ?? '') > before,
  );

  await it.reload(settings({ ...approle, secret_id: 'not-one' }));
  const asked = async (): Promise<string> => (await agent.get('/metrics')).body;
  while (
    !/vault_requests_total\{operation="login",outcome="vault_login_failed"\} [1-9]/.test(
      await asked(),
    )
  ) {
    await pause(50);
  }
  await vault.put('token-2');
  const health = await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  t.match(health.vault, { authenticated: true }, 'the login that lives is used on');
});

t.test('what did not change is not made anew: an unwrapped secret id', async (t) => {
  await using vault = await vaultServer();
  const mount = await vault.enableAuth('approle');
  await vault.api('POST', `auth/${mount}/role/sidecar`, { token_policies: [vault.policy] });
  const roleId = await vault.api('GET', `auth/${mount}/role/sidecar/role-id`);
  const headers = { 'X-Vault-Wrap-TTL': '120s' };
  const path = `auth/${mount}/role/sidecar/secret-id`;
  const wrapped = await vault.api('POST', path, {}, { headers });
  const settings = (more: object): object => ({
    vault: {
      address: vault.address,
      mount: vault.mount,
      auth: {
        method: 'approle',
        mount,
        role_id: roleId.data?.['role_id'],
        secret_id_wrapped: wrapped.wrap_info?.['token'],
      },
      ...more,
    },
  });
  await using it = await agentWith(settings({}));
  const { agent } = it;
  await agent.untilHealth(({ status }) => status === 'ok');
  t.match(await it.reload(settings({ timeout: '3s', requests_per_minute: 900 })), /vault\.timeout/);
  await vault.put('token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  const { body } = await agent.get('/metrics');
  t.match(body, /vault_requests_total\{operation="unwrap",outcome="ok"\} 1\n/);
  t.match(body, /vault_requests_total\{operation="login",outcome="ok"\} 1\n/);
});

t.test('certificates that cannot be used are refused, and where the secret is waits', async (t) => {
  await using vault = await vaultWithToken();
  await using pem = await settingsFile('no certificate');
  const settings = (more: object): object => ({
    vault: { address: vault.address, auth: { token: vault.rootToken }, ...more },
  });
  await using it = await agentWith(settings({}));
  const { agent } = it;
  await agent.untilHealth(({ status }) => status === 'ok');
  const refused = await it.reload(settings({ ca_cert: pem.path }));
  t.match(refused, /"outcome":"refused".*vault\.ca_cert/);
  t.match(await it.reload(settings({ mount: 'elsewhere' })), /"outcome":"ok".*vault\.mount/);
  await agent.untilOutput(/vault\.mount.*these changes need a restart/);
  putToken(vault, 'token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
});
