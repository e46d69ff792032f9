// Strangers in numbers, from the same address as everybody else: bad signatures, key ids one above the held version,
// headers and bodies that drip, header bombs, connections that say nothing. Who is in order gets no 429 and no 401 and
// waits for nobody; no probe fails; the audit trail stays short.
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import {
  closeConnections,
  secondPasses,
  signedCall,
  signedRequest,
  type Received,
} from '../fixtures/signed-request.js';
import { headOf } from './raw-request.js';

t.teardown(closeConnections);
const WAIT_MS_MAX = 15_000;
/** An address may fail so often before it is braked: 60 a minute, all at once. */
const FAILURES = 60;
const holder = { key: strong('token-1'), keyid: 'default:1', target: '/v1/tokens' };

/** What the good callers and the probes were told while `flood` went on, one after another. */
class Bystanders {
  readonly statuses = new Map<string, number>();
  slowestMs = 0;
  readonly #agent: AgentProcess;
  readonly #url: string;
  readonly #probeUrl: string;

  constructor(agent: AgentProcess, url: string, probeUrl: string) {
    this.#agent = agent;
    this.#url = url;
    this.#probeUrl = probeUrl;
  }

  async during(flood: Promise<unknown>): Promise<void> {
    const state = { isOver: false };
    const end = flood.finally(() => (state.isOver = true));
    while (!state.isOver) {
      await this.#note('good', () => signedCall(this.#url, holder));
      await this.#note('readyz', () => this.#probe('/readyz'));
      await this.#note('livez', () => this.#probe('/livez'));
      await this.#note('metrics', () => this.#probe('/metrics'));
      await pause(50);
    }
    await end;
    await this.#note('api readyz', () => this.#agent.get('/readyz'));
  }

  async #probe(path: string): Promise<{ status: number }> {
    const response = await fetch(this.#probeUrl + path);
    await response.arrayBuffer();
    return response;
  }

  async #note(who: string, ask: () => Promise<{ status: number }>): Promise<void> {
    const startedMs = performance.now();
    const { status } = await ask();
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
    const key = `${who} ${status}`;
    this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
  }

  check(t: Test): void {
    t.comment({ ...Object.fromEntries(this.statuses), slowestMs: this.slowestMs });
    t.same(
      [...this.statuses.keys()].filter((key) => !key.endsWith(' 200')),
      [],
    );
    t.ok((this.statuses.get('good 200') ?? 0) > 0 && this.slowestMs < WAIT_MS_MAX);
  }
}

interface Scene {
  readonly agent: AgentProcess;
  readonly url: string;
  readonly bystanders: Bystanders;
}

async function begin(agent: AgentProcess): Promise<Scene> {
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const [, probeUrl = ''] = await agent.untilOutput(/"probe":"(http[^"]+)"/);
  return { agent, url, bystanders: new Bystanders(agent, url, probeUrl) };
}

const env = { KEYTENDER_LISTEN_PROBE_ADDRESS: '127.0.0.1:0', RATE_LIMIT_PER_MIN: '100000' };

function count(answers: readonly Received[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function badSignatures(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using running = agentOf(vault, { env });
  const { agent, url, bystanders } = await begin(running);
  const answers: Received[] = [];
  const flood = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) {
      const bad = { ...holder, key: strong(`bad-${round}`) };
      answers.push(...(await Promise.all(Array.from({ length: 50 }, () => signedCall(url, bad)))));
    }
  };
  await bystanders.during(flood());
  bystanders.check(t);
  t.comment(count(answers));
  t.ok((count(answers)[401] ?? 0) >= FAILURES);
  t.ok((count(answers)[429] ?? 0) > 500, 'the stranger is braked');
  t.ok(answers.every(({ status }) => status === 401 || status === 429));
  const failures = agent.lines.filter(({ event }) => event === 'auth_failure');
  t.equal(failures.length, 10, 'ten lines a minute, the rest is counted');
  t.ok(agent.lines.length < 60, 'nor is anything else of the log longer for it');
}

/** Each of them would have Vault asked; so would the good caller who has the next token already. */
async function oneAboveTheHeld(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using running = agentOf(vault, { env: { ...env, KEYTENDER_REFRESH_INTERVAL: '5s' } });
  const { url, bystanders } = await begin(running);
  const before = vault.requests.length;
  const answers: Received[] = [];
  let isOver = false;
  const stranger = async (): Promise<void> => {
    const bad = { ...holder, key: strong('bad'), keyid: 'default:2' };
    while (!isOver) answers.push(await signedCall(url, bad));
  };
  const newcomer: Received[] = [];
  let waitedMs = 0;
  const flood = async (): Promise<void> => {
    const strangers = Array.from({ length: 300 }, stranger);
    await pause(3_000);
    putToken(vault, 'token-2');
    const startedMs = performance.now();
    const next = { ...holder, key: strong('token-2'), keyid: 'default:2' };
    while (newcomer.at(-1)?.status !== 200 && waitedMs < WAIT_MS_MAX) {
      const told = await signedCall(url, next);
      newcomer.push(told);
      if (told.status !== 200) await pause(Number(told.headers['retry-after']) * 1000);
      waitedMs = performance.now() - startedMs;
    }
    isOver = true;
    await Promise.all(strangers);
  };
  await bystanders.during(flood());
  bystanders.check(t);
  t.comment({
    strangers: count(answers),
    newcomer: newcomer.map(({ status }) => status),
    waitedMs,
  });
  t.ok(answers.every(({ status }) => [401, 429, 503].includes(status)));
  t.ok(
    newcomer.every(({ status }) => [200, 503].includes(status)),
    'told when to come again at most',
  );
  t.equal(newcomer.at(-1)?.status, 200, 'and served when it does');
  t.ok(waitedMs < WAIT_MS_MAX, `${waitedMs} ms in all`);
  const spent = vault.requests.length - before;
  t.ok(spent < 100, `Vault was asked ${spent} times`);
}

/** Opens, writes, and goes on writing a byte at a time until it is cut; the answer, if there was one. */
async function drip(url: string, first: string, everyMs: number): Promise<string> {
  const socket = await dial(url);
  socket.write(first);
  const timer = setInterval(() => socket.write('a'), everyMs);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  return text;
}

async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

/** Headers and bodies that drip, header bombs, and connections that never say anything, all at once. */
async function slowAndMany(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using running = agentOf(vault, { env });
  const { agent, url, bystanders } = await begin(running);
  const authority = new URL(url).host;
  const silent: Socket[] = [];
  const unsigned = `POST /v1/tokens/default/verify HTTP/1.1\r\nHost: ${authority}\r\n`;
  const flood = async (): Promise<void> => {
    const headers = Array.from({ length: 100 }, () => drip(url, `${unsigned}X: `, 500));
    // a stranger's body is not waited for
    const bodies = Array.from({ length: 100 }, () =>
      drip(url, `${unsigned}Content-Length: 100000\r\n\r\n`, 500),
    );
    const bombs = Array.from({ length: 50 }, () =>
      drip(url, `${unsigned}X: ${'x'.repeat(64 * 1024)}`, 500),
    );
    for (let round = 0; round < 15; round += 1) {
      silent.push(...(await Promise.all(Array.from({ length: 100 }, () => dial(url)))));
      await pause(100);
    }
    // cut at the latest when the time for a header is over: 10 s; that of a request: 30 s
    const cut = await Promise.all(headers);
    const told = cut.filter((text) => text !== '');
    t.ok(
      told.every((text) => /^HTTP\/1\.1 408 .*request_timeout/s.test(text)),
      'headers: 408 or cut',
    );
    const bombed = await Promise.all(bombs);
    t.ok(
      bombed.every((text) => /^(HTTP\/1\.1 431 |$)/.test(text)),
      'bombs: 431 or cut',
    );
    // most are through long before; on a machine that is busy elsewhere some are not
    const unread = await Promise.all(bodies);
    t.ok(
      unread.every((text) => /^(HTTP\/1\.1 (401|429) |$)/.test(text)),
      'bodies: refused unread',
    );
  };
  await bystanders.during(flood());
  bystanders.check(t);
  for (const socket of silent) socket.destroy();
  t.ok(agent.lines.length < 80, `${agent.lines.length} lines`);
}

/** A holder's own body that does not come: 408 after the time for a request. */
async function holdersBodyDrips(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using running = agentOf(vault, { env });
  const { url, bystanders } = await begin(running);
  const sent = signedRequest(url, {
    ...{ ...holder, method: 'POST', target: '/v1/tokens/default/verify' },
    body: 'x'.repeat(1_000),
  });
  const flood = Promise.all(
    Array.from({ length: 50 }, () => drip(url, `${headOf(sent)}\r\n`, 200)),
  );
  await bystanders.during(flood);
  bystanders.check(t);
  const told = await flood;
  t.ok(told.every((text) => /^HTTP\/1\.1 408 .*request_timeout/s.test(text)));
}

t.test('floods', { jobs: 4 }, async (t) => {
  await Promise.all([
    t.test('of bad signatures', badSignatures),
    t.test('of key ids one above the held version', oneAboveTheHeld),
    t.test('of drips, bombs and silent connections', slowAndMany),
    ...(process.env['KEYTENDER_TEST_FULL'] === '1'
      ? [t.test("of a holder's bodies that do not come", holdersBodyDrips)]
      : []),
  ]);
});
