import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { emptyVault, putToken } from '../fixtures/scene.js';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

t.test('without Vault it serves at once, is not ready, and heals by itself', async (t) => {
  const port = await freePort();
  await using agent = new AgentProcess({
    env: {
      VAULT_ADDR: `http://127.0.0.1:${port}`,
      VAULT_TOKEN: 'root',
      KEYTENDER_REFRESH_INTERVAL: '1s',
    },
  });
  const health = await agent.untilHealth(({ status }) => status !== 'starting');
  t.match(health, {
    status: 'unavailable',
    token_age_seconds: null,
    last_refresh_ok: false,
    tokens: { default: { state: 'absent', usable: false, error: { class: 'vault_unreachable' } } },
  });
  t.equal((await agent.get('/health')).status, 503);
  t.equal((await agent.get('/readyz')).status, 503);
  t.equal((await agent.get('/startupz')).status, 503);
  t.equal((await agent.get('/livez')).status, 200, 'waiting for Vault is no reason to be killed');

  await using vault = await emptyVault({ address: `127.0.0.1:${port}`, rootToken: 'root' });
  putToken(vault, 'token-1');
  await agent.untilHealth(({ status }) => status === 'ok');
  t.equal((await agent.get('/readyz')).status, 200);
  t.equal((await agent.get('/startupz')).status, 200);
});

t.test('the initial token is used until the first good read', async (t) => {
  await using vault = await emptyVault();
  await using agent = new AgentProcess({
    env: {
      VAULT_ADDR: vault.address,
      VAULT_TOKEN: vault.rootToken,
      KEYTENDER_REFRESH_INTERVAL: '1s',
      AGENT_TOKEN: 'an-initial-token-of-enough-bytes!',
    },
  });
  const waiting = await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
  t.match(waiting, {
    status: 'degraded',
    tokens: { default: { state: 'initial', usable: true, source: 'initial', version: null } },
  });
  t.equal((await agent.get('/readyz')).status, 200);
  putToken(vault, 'token-1');
  const loaded = await agent.untilHealth(({ tokens }) => tokens['default']?.source === 'vault');
  t.match(loaded.tokens['default'], { state: 'fresh', version: 1 });
  t.match(loaded.tokens['default']?.superseded, [{ version: null }], 'it keeps a grace');
});

t.test('static mode: the token of the settings alone', async (t) => {
  await using agent = new AgentProcess({
    env: { AGENT_TOKEN: 'a-static-token-of-enough-bytes!!!' },
  });
  const health = await agent.untilHealth(({ status }) => status === 'ok');
  t.match(health, {
    mode: 'static',
    last_refresh_ok: null,
    vault: null,
    tokens: { default: { state: 'static', source: 'static', version: null, created_at: null } },
  });
  t.equal((await agent.get('/readyz')).status, 200);
});

t.test('static mode follows its file, and keeps the last good token', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'token');
  await writeFile(file, 'the-first-static-token-of-a-file!\n', { mode: 0o600 });
  await using agent = new AgentProcess({
    env: { AGENT_TOKEN_FILE: file, KEYTENDER_REFRESH_INTERVAL: '1s' },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await writeFile(file, 'short\n');
  await agent.untilOutput(/shorter than 16 bytes/);
  t.equal((await agent.get('/readyz')).status, 200, 'the last good token is kept');
  await writeFile(file, 'the-second-static-token-of-a-file\n');
  const health = await agent.untilHealth(
    ({ tokens }) => tokens['default']?.superseded.length === 1,
  );
  t.equal(health.tokens['default']?.state, 'static');
  t.ok(health.token_age_seconds! < 4, 'its age is that of the file');
  // lines are written beside answers, and may come later
  await agent.untilOutput(/"event":"token_rotated"/);
});
