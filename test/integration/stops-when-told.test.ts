import { connect } from 'node:net';
import { once } from 'node:events';
import t from 'tap';
import { AgentProcess, pause } from '../fixtures/agent-process.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';

t.jobs = 4;

/** Longer than a stop may take, shorter than a stop that waits for something. */
const SOON_MS = 4_000;

async function endOf(agent: AgentProcess): Promise<{ code: number | null; signal: string | null }> {
  const late = pause(SOON_MS).then(() => ({ code: -1, signal: 'still running' }));
  return Promise.race([agent.ended, late]);
}

for (const delayMs of [10, 50, 200, 400]) {
  t.test(`SIGTERM ${delayMs} ms after exec ends it`, async (t) => {
    await using vault = await vaultWithToken();
    for (let round = 0; round < 2; round += 1) {
      await using agent = agentOf(vault);
      await pause(delayMs);
      agent.kill('SIGTERM');
      const { code, signal } = await endOf(agent);
      // before our first statement the system ends it by the signal; from then on it is 0
      t.ok(
        code === 0 || (code === null && signal === 'SIGTERM'),
        `${String(code)} ${String(signal)}`,
      );
    }
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} ends a running agent with 0`, async (t) => {
    await using vault = await vaultWithToken();
    await using agent = agentOf(vault);
    await agent.untilHealth(({ status }) => status === 'ok');
    agent.kill(signal);
    t.strictSame(await endOf(agent), { code: 0, signal: null });
    t.match(agent.lines.at(-1), { event: 'agent_stopped', exit_code: 0 });
  });
}

t.test('neither an idle nor a busy keep-alive connection holds it up', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  const port = Number(new URL(await agent.url()).port);
  const idle = connect(port, '127.0.0.1').on('error', () => undefined);
  idle.write(`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await once(idle, 'data');
  const busy = connect(port, '127.0.0.1').on('error', () => undefined);
  busy.write(`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
  await once(busy, 'connect');
  await using probing = { running: true, [Symbol.asyncDispose]: async () => undefined };
  void (async () => {
    while (probing.running) await agent.get('/health').catch(() => undefined);
  })();
  await pause(100);
  agent.kill('SIGTERM');
  // a request whose headers never end is cut at the timeout of 8 s
  const ended = await Promise.race([agent.ended, pause(11_000).then(() => 'still running')]);
  probing.running = false;
  t.strictSame(ended, { code: 0, signal: null });
});

t.test('during shutdown.delay everything is served, but it is not ready', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_SHUTDOWN_DELAY: '1s' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  const toldMs = performance.now();
  agent.kill('SIGTERM');
  await pause(200);
  t.equal((await agent.get('/readyz')).status, 503);
  t.equal((await agent.get('/health')).status, 200);
  t.strictSame(await endOf(agent), { code: 0, signal: null });
  t.ok(performance.now() - toldMs >= 1_000, 'not before the delay was over');
});

t.test('a second signal ends it at once', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_SHUTDOWN_DELAY: '60s' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  agent.kill('SIGTERM');
  await pause(200);
  agent.kill('SIGTERM');
  t.strictSame(await endOf(agent), { code: 0, signal: null });
});

t.test('it stops as quickly while Vault hangs', async (t) => {
  await using vault = await vaultWithToken();
  vault.faults.add({ kind: 'hang' });
  await using agent = agentOf(vault);
  await agent.url();
  await pause(100);
  agent.kill('SIGTERM');
  t.strictSame(await endOf(agent), { code: 0, signal: null });
});
