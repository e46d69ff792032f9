// What is told to who is in order when there is no room for him now: problems with a Retry-After, never a 401. Each is
// brought about on the built program.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';
import { answersIn } from './raw-request.js';

t.teardown(closeConnections);
const holder = { key: strong('token-1'), keyid: 'default:1', target: '/v1/tokens' };
const WAITERS_MAX = 256;
const REQUESTS = 300;

/** Of three permits a minute one is to be had at once, and it is spent: the others wait 10 s, those beyond 256 not at all. */
async function refreshBusy(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: {
      KEYTENDER_REFRESH_INTERVAL: '1h',
      KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '3',
      RATE_LIMIT_PER_MIN: '100000',
      KEYTENDER_LIMITS_FAILURES_PER_MINUTE: '100000',
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const ahead = { ...holder, key: strong('token-2'), keyid: 'default:2' };
  const first = signedCall(url, ahead);
  await pause(200);
  const startedMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, order) => {
      const answer = await signedCall(url, ahead);
      return { ...answer, order, afterMs: performance.now() - startedMs };
    }),
  );
  t.ok([401, 503].includes((await first).status), 'not found, or let go as one of too many');
  t.ok(answers.every(({ status, json }) => status === 503 && json.code === 'refresh_busy'));
  t.ok(answers.every(({ headers }) => Number(headers['retry-after']) >= 1));
  const sorted = answers.toSorted((a, b) => a.afterMs - b.afterMs);
  const letGo = sorted.slice(0, REQUESTS - WAITERS_MAX);
  // the very first may be among those who are let go, or not
  const others = sorted.slice(REQUESTS - WAITERS_MAX + 1);
  // the newest who may wait came with the last who was let go, however long all took to arrive: 10 s are between them
  t.ok((letGo.at(-1)?.afterMs ?? 0) < (others.at(-1)?.afterMs ?? 0) - 2_000, 'those at once');
  t.ok((others[0]?.afterMs ?? 0) > 7_000, 'the others when their time was over');
  const newest = letGo.filter(({ order }) => order >= WAITERS_MAX).length;
  t.ok(newest < letGo.length, `at random, not the newest: ${newest} of ${letGo.length}`);
  t.equal((await signedCall(url, holder)).status, 200, 'who has a key we hold waits for nothing');
}

/** Room for nonces goes with the allowance; lowering it forgets none that is live. */
async function replayGuardFull(t: Test): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const config = join(folder, 'config.json');
  const allow = (perMinute: number): Promise<void> =>
    writeFile(
      config,
      JSON.stringify({
        limits: { requests_per_minute: perMinute, crypto_requests_per_minute: perMinute },
      }),
    );
  await allow(100_000);
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { args: ['agent', '--config', config] });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const served = await Promise.all(Array.from({ length: 60 }, () => signedCall(url, holder)));
  t.ok(served.every(({ status }) => status === 200));
  await allow(1);
  agent.kill('SIGHUP');
  await agent.untilOutput(/"config_reloaded"/);
  await pause(100);
  const full = await signedCall(url, holder);
  t.match(full, { status: 503, json: { code: 'replay_guard_full' }, isSigned: true });
  t.ok(Number(full.headers['retry-after']) >= 1);
}

/** What signs and verifies for services has an allowance of its own: neither uses up the other. */
async function allowancesApart(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: { RATE_LIMIT_PER_MIN: '3', KEYTENDER_LIMITS_CRYPTO_REQUESTS_PER_MINUTE: '5' },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const verify = {
    ...{ ...holder, target: '/v1/tokens/default/verify', method: 'POST' },
    body: '{"method":"GET","url":"/","headers":{}}',
  };
  const asked = async (call: typeof holder, times: number): Promise<number> => {
    const answers = await Promise.all(Array.from({ length: times }, () => signedCall(url, call)));
    const limited = answers.filter(({ status }) => status === 429);
    t.ok(limited.every(({ json, isSigned }) => json.code === 'rate_limited' && isSigned));
    t.equal(answers.filter(({ status }) => status === 200).length + limited.length, times);
    return limited.length;
  };
  t.ok((await asked(holder, 10)) > 0);
  t.equal(await asked(verify, 5), 0, 'the others are spent, these are not');
  t.ok((await asked(verify, 10)) > 0, 'and have a limit too');
  const { body } = await agent.get('/metrics');
  t.match(body, /^keytender_rate_limited_total\{by="key"\} [1-9]/m);
}

/** A header that never ends. */
async function requestTimeout(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  const { port, host } = new URL(await agent.url());
  const startedMs = performance.now();
  const text = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    let received = '';
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
    socket.once('close', () => {
      resolve(received);
    });
    socket.write(`GET /v1/tokens HTTP/1.1\r\nHost: ${host}\r\nSignature: `);
  });
  const [answer] = answersIn(text);
  t.equal(answer?.status, 408);
  t.match(JSON.parse(answer?.text ?? '{}'), { code: 'request_timeout' });
  t.ok(performance.now() - startedMs > 8_000);
  const { body } = await agent.get('/metrics');
  t.match(body, /http_requests_total\{route="unmatched",method="other",status="408"\} 1\n/);
}

t.test('no room now', { jobs: 4 }, async (t) => {
  await Promise.all([
    t.test('the allowance for asking Vault is spent', refreshBusy),
    t.test('no nonce can be remembered', replayGuardFull),
    t.test('a request that does not arrive', requestTimeout),
    t.test('one of two allowances is spent', allowancesApart),
  ]);
});
