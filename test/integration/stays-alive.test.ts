import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type AgentProcess, pause } from '../fixtures/agent-process.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';

// Liveness: a loop that waits, however long it was told to, is alive; a loop that is stuck is not. In real time, so the
// cases run beside each other.
t.jobs = 6;

/** Longer than the watchdog waits for a late loop (60 s). */
const LONG_MS = 100_000;

async function staysLive(t: Test, agent: AgentProcess, forMs: number): Promise<void> {
  const endMs = performance.now() + forMs;
  const statuses = new Set<number>();
  while (performance.now() < endMs) {
    statuses.add((await agent.get('/livez')).status);
    await pause(1_000);
  }
  t.strictSame([...statuses], [200]);
}

t.test('told by Retry-After to wait two minutes, it is alive and asks nothing', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  const headers = { 'retry-after': '120' };
  vault.faults.add({ kind: 'status', path: 'secret/data/*', status: 429, headers });
  await agent.untilHealth(({ status }) => status === 'degraded');
  // each of the two secrets it polls is told once: the token and the named clients
  const isTold = (secret: string): boolean =>
    vault.requests.some(({ path, status }) => path.endsWith(`/${secret}`) && status === 429);
  while (!isTold('token') || !isTold('clients')) await pause(100);
  vault.clearRequests();
  await staysLive(t, agent, LONG_MS);
  t.equal(vault.requests.length, 0);
});

t.test('a Vault that hangs is no reason to be killed', async (t) => {
  await using vault = await vaultWithToken();
  vault.faults.add({ kind: 'hang' });
  await using agent = agentOf(vault);
  await agent.url();
  await staysLive(t, agent, LONG_MS);
  t.match((await agent.health()).tokens['default'], { error: { class: 'vault_timeout' } });
});

t.test('suspended for 150 s, it is alive at once and goes on', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  agent.kill('SIGSTOP');
  await pause(150_000);
  const asked = agent.get('/livez');
  await pause(100);
  agent.kill('SIGCONT');
  t.equal((await asked).status, 200, 'also for who asked while it was suspended');
  t.equal((await agent.get('/livez')).status, 200);
  await agent.untilHealth(
    ({ status, tokens }) =>
      status === 'ok' && Date.now() - Date.parse(tokens['default']!.last_success_at!) < 2_000,
  );
});

/** Code that the process loads before the program, to spoil what the program stands on. */
async function preload(code: string) {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  const path = join(folder, 'preload.cjs');
  await writeFile(path, code);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

t.test('a loop stopped by a promise that never settles fails /livez', async (t) => {
  // name resolution that never calls back, and a request's timers lost with it
  await using script = await preload(`
    const dns = require('node:dns');
    const lookup = dns.lookup;
    dns.lookup = (name, ...rest) => (name === 'localhost' ? undefined : lookup(name, ...rest));
    const real = globalThis.setTimeout;
    globalThis.setTimeout = (run, ms, ...rest) =>
      ms >= 400 && ms <= 600 ? { unref() {}, ref() {} } : real(run, ms, ...rest);
  `);
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    nodeArgs: ['--require', script.path],
    env: {
      VAULT_ADDR: vault.address.replace('127.0.0.1', 'localhost'),
      KEYTENDER_VAULT_TIMEOUT: '500ms',
    },
  });
  t.equal((await agent.get('/livez')).status, 200);
  await pause(25_000);
  t.equal((await agent.get('/livez')).status, 200, 'not yet: 30 s beyond its deadline');
  await pause(10_000);
  const { status, body } = await agent.get('/livez');
  t.equal(status, 503);
  t.match(body, /beyond its deadline/);
});

t.test('a blocked event loop answers no probe', async (t) => {
  await using script = await preload(`process.on('SIGUSR2', () => { for (;;); });`);
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { nodeArgs: ['--require', script.path] });
  const url = await agent.url();
  t.equal((await agent.get('/livez')).status, 200);
  agent.kill('SIGUSR2');
  await pause(100);
  await t.rejects(fetch(`${url}/livez`, { signal: AbortSignal.timeout(3_000) }));
});
