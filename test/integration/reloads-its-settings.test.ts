import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { pause } from '../fixtures/agent-process.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';

async function settingsFile(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  const path = join(folder, 'settings.yaml');
  await writeFile(path, text);
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
