// A connection to an agent: who it is to it, what it believes of its answers, what it does when it is away.
import { writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { join } from 'node:path';
import t from 'tap';
import { connect, KeytenderError, type Token } from '../../src/client/index.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { FakeAgent, valueOf } from './fake-agent.js';

const clientKey = 'client-key-0123456789abcdef0123456789';

function withClient(): Promise<FakeAgent> {
  return FakeAgent.onPort([{ client: 'shop', key: clientKey }]);
}

async function keyFileOf(fake: FakeAgent): Promise<string> {
  const keyFile = join(fake.folder, 'key');
  await writeFile(keyFile, `${clientKey}\n`);
  return keyFile;
}

t.test('by socket the token is read, and its value is not printed by accident', async (t) => {
  await using fake = await FakeAgent.onSocket();
  fake.version = 7;
  await using agent = connect({ socket: fake.socket });
  const token = await agent.token();
  t.equal(token.value, valueOf(7));
  t.match(token, { name: 'default', version: 7, state: 'fresh', pending: null });
  t.equal(token.superseded[0]?.value, valueOf(6));
  t.ok(token.createdAt instanceof Date);
  t.notMatch(inspect(token, { depth: 9 }) + JSON.stringify(token), /token-\d/);
  t.match(fake.asked[0]?.headers, { 'keytender-request': 'true', host: 'localhost' });
  t.notOk('signature' in (fake.asked[0]?.headers ?? {}));
});

t.test('a refusal is an error with the agent’s code, status and time to wait', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  fake.script = () => ({
    status: 503,
    body: { code: 'token_unavailable' },
    headers: { 'retry-after': '5' },
  });
  const refusal = await agent.token().catch((error: unknown) => error);
  t.ok(refusal instanceof KeytenderError);
  t.match(refusal, { code: 'token_unavailable', status: 503, retryAfter: 5 });
  for (const [body, status] of [
    [{ name: 'default' }, 200],
    [[], 200],
    ['x', 200],
    [{ ...fake.view(), version: 'x' }, 200],
    [{ ...fake.view(), superseded: [{}] }, 200],
    [{ ...fake.view(), value: 1 }, 200],
    [{ code: 'Not A Code\n' }, 500],
  ] as const) {
    fake.script = () => ({ status, body });
    await t.rejects(agent.token(), { code: 'malformed_answer', status });
  }
});

t.test('what cannot be an agent or a name is refused before anything is sent', async (t) => {
  for (const options of [
    {},
    { socket: '' },
    { socket: 'x'.repeat(108) },
    { url: 'ftp://a', tokenFile: 'b' },
    { url: 'http://a/path', tokenFile: 'b' },
    { url: 'http://u:p@a', tokenFile: 'b' },
    { url: 'http://a', client: 'A', keyFile: 'b' },
    { url: 'http://a', tokenFile: 'b', name: 'client' },
    { socket: 'a', name: 'No' },
  ]) {
    t.throws(() => connect(options as never), { code: 'malformed_value' }, inspect(options));
  }
  await using agent = connect({ socket: '/nowhere' });
  await t.rejects(agent.token('../x'), { code: 'malformed_value' });
  await t.rejects(agent.fetch('v1'), { code: 'malformed_request' });
  await t.rejects(agent.fetch('/v1\r\nx: y'), { code: 'malformed_request' });
  await t.rejects(agent.token(), { code: 'agent_unreachable', cause: { code: 'ENOENT' } });
});

t.test('a client signs, and believes only answers that are signed for its request', async (t) => {
  await using fake = await withClient();
  const keyFile = await keyFileOf(fake);
  await using agent = connect({ url: fake.url, client: 'shop', keyFile });
  t.equal((await agent.token()).value, valueOf(1));
  t.match(fake.asked[0]?.headers['signature-input'], /keyid="client:shop";tag="keytender-api"/);
  const response = await agent.fetch('/v1/tokens?x=1', { headers: { 'x-more': 'y' } });
  t.equal(response.status, 200);
  t.match(await response.json(), { tokens: [{ name: 'default' }] });
  t.equal(fake.asked[1]?.url, '/v1/tokens?x=1');

  for (const status of [200, 204, 403, 404, 409, 500]) {
    fake.script = () => ({ status, isUnsigned: true });
    await t.rejects(agent.fetch('/v1/tokens'), { code: 'unverified_answer', status });
  }
  await using other = await withClient();
  await using elsewhere = connect({ url: other.url, client: 'shop', keyFile });
  fake.script = async () => {
    // an answer that was signed for another request
    const before = await elsewhere.fetch('/v1/tokens');
    return {
      status: 200,
      body: await before.json(),
      headers: Object.fromEntries(before.headers),
      isUnsigned: true,
    };
  };
  await t.rejects(agent.fetch('/v1/tokens'), { code: 'unverified_answer' });
});

t.test('an unsigned refusal is tried once more, and its body is never looked at', async (t) => {
  await using fake = await withClient();
  const keyFile = await keyFileOf(fake);
  await using agent = connect({ url: fake.url, client: 'shop', keyFile });
  for (const [status, code] of [
    [401, 'unauthenticated'],
    [408, 'request_timeout'],
    [421, 'misdirected_request'],
    [429, 'rate_limited'],
    [503, 'agent_unavailable'],
  ] as const) {
    fake.asked.length = 0;
    fake.script = () => ({
      status,
      isUnsigned: true,
      body: { code: 'canary' },
      headers: { 'retry-after': '0' },
    });
    const response = await agent.fetch('/v1/tokens');
    t.equal(response.status, status);
    t.equal(await response.text(), '');
    t.equal(fake.asked.length, 2, `${status} is tried once more`);
    const nonces = fake.asked.map(
      ({ headers }) => /nonce="(.*?)"/.exec(String(headers['signature-input']))?.[1],
    );
    t.not(nonces[0], nonces[1], 'with a new nonce');
    await t.rejects(agent.token(), { code, status });
  }
  fake.asked.length = 0;
  fake.script = () => ({ status: 503, isUnsigned: true, headers: { 'retry-after': '60' } });
  await t.rejects(agent.token(), { code: 'agent_unavailable', retryAfter: 60 });
  t.equal(fake.asked.length, 1, 'a long wait is for the caller to decide');
});

t.test('a key that was changed in its file is read again on a 401', async (t) => {
  await using fake = await withClient();
  const keyFile = await keyFileOf(fake);
  await using agent = connect({ url: fake.url, client: 'shop', keyFile });
  await agent.token();
  const newKey = 'client-key-2-123456789abcdef0123456789';
  let isFirst = true;
  fake.script = () => {
    if (!isFirst) return undefined;
    isFirst = false;
    fake.keys = [{ client: 'shop', key: newKey }];
    return writeFile(keyFile, newKey).then(() => ({ status: 401, isUnsigned: true }));
  };
  t.equal((await agent.token()).version, 1);
});

t.test('probes are neither signed nor verified', async (t) => {
  await using fake = await withClient();
  const keyFile = await keyFileOf(fake);
  await using agent = connect({ url: fake.url, client: 'shop', keyFile });
  t.match(await (await agent.fetch('/readyz')).json(), { status: 'ok' });
  t.notOk('signature' in (fake.asked[0]?.headers ?? {}));
});

t.test('an answer that does not come, or does not end, is an error', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket, timeoutMs: 50 });
  fake.script = () => new Promise(() => undefined);
  await t.rejects(agent.token(), { code: 'agent_timeout' });
  const gone = new AbortController();
  const asked = agent.fetch('/v1/tokens', { signal: gone.signal });
  gone.abort(new Error('enough'));
  await t.rejects(asked, { message: 'enough' });
  await using patient = connect({ socket: fake.socket });
  fake.script = () => ({ status: 200, body: 'x'.repeat(9 * 1024 * 1024) });
  await t.rejects(patient.token(), { code: 'answer_too_large' });
});

t.test(
  'watch tells the token, then each change, and meets an agent again that restarted',
  async (t) => {
    await using fake = await FakeAgent.onSocket();
    await using agent = connect({ socket: fake.socket, random: () => 0 });
    const over = new AbortController();
    const seen: Token[] = [];
    const reading = (async () => {
      for await (const token of agent.watch('default', { signal: over.signal })) {
        seen.push(token);
        if (token.version === 2)
          void fake
            .stop()
            .then(() => fake.start())
            .then(() => {
              fake.rotate();
            });
        if (token.version === 1)
          setImmediate(() => {
            fake.rotate();
          });
        if (token.version === 3) over.abort();
      }
    })();
    await reading;
    t.same(
      seen.map(({ version }) => version),
      [1, 2, 3],
    );
    t.equal(seen[2]?.value, valueOf(3));
  },
);

t.test('watch ends when the connection is closed, and throws what no waiting mends', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  fake.script = () => ({ status: 404, body: { code: 'not_found' } });
  await t.rejects(agent.watch().next(), { code: 'not_found' });
  fake.script = () => undefined;
  const watching = agent.watch();
  t.equal((await watching.next()).value?.version, 1);
  const next = watching.next();
  await agent.close();
  t.same(await next, { done: true, value: undefined });
  await t.rejects(agent.token(), { code: 'closed' });
});

t.test('where waiting is refused, tokens are read every so often', async (t) => {
  await using fake = await FakeAgent.onSocket();
  const clock = new FakeClock();
  await using agent = connect({ socket: fake.socket, clock, pollMs: 7000 });
  fake.script = ({ url }) =>
    url.includes('/watch')
      ? { status: 403, body: { code: 'insufficient_scope' } }
      : url === '/v1/tokens/default'
        ? { status: 403, body: { code: 'insufficient_scope' } }
        : undefined;
  const watching = agent.watch();
  const first = (await watching.next()).value as Token;
  t.match(first, { version: 1, value: undefined }, 'as the list has it');
  const next = watching.next();
  while (!clock.sleeping.includes(7000)) await clock.untilSleeping();
  fake.rotate();
  await clock.advance(7000);
  t.match((await next).value, { version: 2 });
  t.equal(fake.paths().filter((path) => path.endsWith('/watch')).length, 1);
});

t.test('where waiting is cut off again and again while reads pass, it reads', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket, random: () => 0, pollMs: 10 });
  fake.script = ({ url }) => (url.includes('/watch') ? { status: 502, body: {} } : undefined);
  const watching = agent.watch();
  t.match((await watching.next()).value, { version: 1 });
  fake.rotate();
  t.match((await watching.next()).value, { version: 2 });
  t.equal(fake.paths().filter((path) => path.endsWith('/watch')).length, 3);
});

t.test(
  'an agent that is away is asked with a growing pause, and when it wants to be',
  async (t) => {
    const clock = new FakeClock();
    await using fake = await FakeAgent.onSocket();
    await using agent = connect({ socket: fake.socket, clock, random: () => 1 });
    fake.script = () => ({ status: 500, body: { code: 'internal_error' } });
    const over = new AbortController();
    const watching = agent.watch('default', { signal: over.signal }).next();
    const pauses: number[] = [];
    for (let at = 0; at < 7; at += 1) {
      let pause: number | undefined;
      while (pause === undefined) {
        await clock.untilSleeping();
        // requests have a deadline of 30 s or more
        pause = clock.sleeping.find((ms) => ms <= 10_000);
        if (pause === undefined) await new Promise((resolve) => setImmediate(resolve));
      }
      pauses.push(pause);
      await clock.advance(pause);
    }
    t.same(pauses, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    over.abort();
    t.same(await watching, { done: true, value: undefined });
  },
);

t.test('rotations are told to listeners, until they have enough', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const told = new Promise<[Token, Token]>((resolve) => {
    const end = agent.on('rotated', (token, previous) => {
      end();
      resolve([token, previous]);
    });
  });
  while (!fake.asked.some(({ url }) => url.includes('revision=r1'))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  fake.rotate();
  t.match(await told, [{ version: 2 }, { version: 1 }]);
  t.throws(() => agent.on('other' as never, () => undefined), { code: 'malformed_value' });
});

t.test('ready waits for an agent that is not there yet, but not for ever', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket, random: () => 0 });
  let tries = 0;
  fake.script = () => {
    tries += 1;
    return tries < 3 ? { status: 503, body: { code: 'shutting_down' } } : undefined;
  };
  await agent.ready({ signal: AbortSignal.timeout(10_000) });
  t.equal(tries, 3);
  await fake.stop();
  await t.rejects(agent.ready({ signal: AbortSignal.timeout(30) }), {
    code: 'not_ready',
    message: /does not answer/,
    cause: { code: 'agent_unreachable' },
  });
});

t.test('with a token file: read at each use, watched, refreshed from it', async (t) => {
  await using fake = await FakeAgent.onPort([{ name: 'default', key: valueOf(1) }]);
  const tokenFile = join(fake.folder, 'token');
  await writeFile(tokenFile, valueOf(1));
  const clock = new FakeClock(new Date().toISOString());
  await using agent = connect({ url: fake.url, tokenFile, clock, name: 'default' });
  t.match(await agent.token(), { value: valueOf(1), version: null, state: 'file' });
  await agent.ready();
  await t.rejects(agent.token('other'), { code: 'malformed_value' });

  t.match(await agent.refresh(), { changed: false, outcome: 'unchanged' });
  t.match(fake.asked.at(-1)?.headers['signature-input'], /keyid="default";/);
  const watching = agent.watch();
  t.equal((await watching.next()).value?.value, valueOf(1));
  const next = watching.next();
  await clock.untilSleeping();
  fake.asked.length = 0;
  await writeFile(tokenFile, valueOf(2));
  t.match(await agent.refresh(), { changed: true, outcome: 'rotated' });
  t.equal(fake.asked.length, 0, 'the file told');
  const progress = { isDone: false };
  void next.then(() => {
    progress.isDone = true;
  });
  while (!progress.isDone) await clock.advance(1000);
  t.equal((await next).value?.value, valueOf(2));

  await writeFile(tokenFile, '');
  await t.rejects(agent.token(), { code: 'empty_key' });
  await using none = connect({ url: fake.url, tokenFile: '/no/such/file' });
  await t.rejects(none.token(), { code: 'file_unreadable' });
});
