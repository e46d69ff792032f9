// Hundreds who wait for the token to change are all woken by one rotation, round after round, and leave nothing
// behind: no waiter, no listener, no memory. Who goes away while waiting is forgotten at once.
import { setMaxListeners } from 'node:events';
import t from 'tap';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { heapOf, INSPECTED } from './heap-of.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';

t.teardown(closeConnections);
const WAITERS = 500;
const ROUNDS = process.env['KEYTENDER_TEST_FULL'] === '1' ? 50 : 10;
/** The first rounds fill pools and compile code. */
const WARM_ROUNDS = 4;
/** Of the heap, a round, above what measuring a few rounds is off by. What a waiter needs is several kilobytes. */
const GROWTH_BYTES_MAX = (ROUNDS > 10 ? 64 : 256) * 1024;
/** Of the process, a round: pages come and go as the system likes. */
const MEMORY_GROWTH_BYTES_MAX = 4 * 2 ** 20;

async function metric(agent: AgentProcess, name: string): Promise<number> {
  const { body } = await agent.get('/metrics');
  return Number(new RegExp(`^(?:keytender_)?${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(body)?.[1]);
}

async function untilWaiting(agent: AgentProcess, isThere: (waiters: number) => boolean) {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const waiters = await metric(agent, 'watch_waiters');
    if (isThere(waiters)) return;
    if (performance.now() > endMs) throw new Error(`still ${waiters} waiters`);
    await pause(20);
  }
}

/** Growth by round, the least squares line through all of them. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0);
  return above / values.reduce((sum, _value, at) => sum + (at - middle) ** 2, 0);
}

t.test(`${ROUNDS} rounds of ${WAITERS} waiters, one rotation each`, async (t) => {
  if (ROUNDS > 10) t.setTimeout(1_200_000);
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    nodeArgs: INSPECTED,
    env: { RATE_LIMIT_PER_MIN: '1000000' },
  });
  await using heap = await heapOf(agent);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  let caller = { key: strong('token-1'), keyid: 'default' };
  const heapBytes: number[] = [];
  const memoryBytes: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const now = await signedCall(url, { ...caller, target: '/v1/tokens/default/watch' });
    const target = `/v1/tokens/default/watch?timeout=50&revision=${String(now.json.revision)}`;
    const waiting = Array.from({ length: WAITERS }, () => signedCall(url, { ...caller, target }));
    const gone = new AbortController();
    // one signal for all who leave: each request listens to it
    setMaxListeners(0, gone.signal);
    const leaving = Array.from({ length: 20 }, () =>
      signedCall(url, { ...caller, target, signal: gone.signal }).catch(() => 'left'),
    );
    await untilWaiting(agent, (waiters) => waiters === WAITERS + 20);
    gone.abort();
    t.same(new Set(await Promise.all(leaving)), new Set(['left']));
    await untilWaiting(agent, (waiters) => waiters === WAITERS);
    putToken(vault, `token-${round + 1}`);
    const answers = await Promise.all(waiting);
    const woken = answers.filter(
      ({ status, json }) => status === 200 && json.version === round + 1,
    );
    t.equal(woken.length, WAITERS, `round ${round}`);
    t.equal(await metric(agent, 'watch_waiters'), 0);
    caller = { key: strong(`token-${round + 1}`), keyid: 'default' };
    heapBytes.push(await heap.usedBytes());
    memoryBytes.push(await metric(agent, 'process_resident_memory_bytes'));
  }
  const growth = slope(heapBytes.slice(WARM_ROUNDS));
  const memoryGrowth = slope(memoryBytes.slice(WARM_ROUNDS));
  const mebibytes = (values: readonly number[]) => values.map((one) => (one / 2 ** 20).toFixed(1));
  t.comment({ heap: mebibytes(heapBytes), growth, memory: mebibytes(memoryBytes), memoryGrowth });
  t.ok(growth < GROWTH_BYTES_MAX, `the heap grows by ${growth} bytes a round of ${WAITERS}`);
  t.ok(
    memoryGrowth < MEMORY_GROWTH_BYTES_MAX,
    `the process grows by ${memoryGrowth} bytes a round`,
  );
  t.notMatch(agent.output, /MaxListeners|Warning/);
});

t.test(
  'a waiter answered at its timeout, and one whose connection was cut, leave nothing',
  async (t) => {
    await using vault = await vaultWithToken();
    await using agent = agentOf(vault, { env: { RATE_LIMIT_PER_MIN: '1000000' } });
    await agent.untilHealth(({ status }) => status === 'ok');
    await secondPasses();
    const url = await agent.url();
    const caller = { key: strong('token-1'), keyid: 'default' };
    const now = await signedCall(url, { ...caller, target: '/v1/tokens/default/watch' });
    const revision = String(now.json.revision);
    const opened = await metric(agent, 'process_open_fds');
    const short = `/v1/tokens/default/watch?timeout=0.5&revision=${revision}`;
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => signedCall(url, { ...caller, target: short })),
    );
    t.ok(answers.every(({ status, isSigned }) => status === 204 && isSigned));
    t.equal(await metric(agent, 'watch_waiters'), 0);
    const gone = new AbortController();
    setMaxListeners(0, gone.signal);
    const long = `/v1/tokens/default/watch?timeout=60&revision=${revision}`;
    const cut = Array.from({ length: 50 }, () =>
      signedCall(url, { ...caller, target: long, signal: gone.signal }).catch(() => 'left'),
    );
    await untilWaiting(agent, (waiters) => waiters === 50);
    gone.abort();
    await Promise.all(cut);
    await untilWaiting(agent, (waiters) => waiters === 0);
    closeConnections();
    const endMs = performance.now() + 10_000;
    while ((await metric(agent, 'process_open_fds')) > opened + 5 && performance.now() < endMs) {
      await pause(50);
    }
    t.ok((await metric(agent, 'process_open_fds')) <= opened + 5, 'nor a file descriptor');
  },
);
