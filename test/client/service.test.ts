// What a service sends and receives: signed with the freshest token, healed on a 401, verified here or by the agent.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { connect, sign, type ServiceVerdict } from '../../src/client/index.js';
import { contentDigest, Keyring, keytenderPolicy, verify } from '../../src/signature/index.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { FakeAgent, valueOf, type Asked } from './fake-agent.js';

interface Callee {
  readonly origin: string;
  readonly seen: {
    readonly request: IncomingMessage;
    readonly body: Buffer;
    readonly version: number | null;
  }[];
  /** Versions whose signatures are accepted; others are answered 401. */
  accepted: readonly number[];
  answer: (attempt: number) => { status: number; headers?: Record<string, string> } | undefined;
}

async function callee(t: Test): Promise<Callee> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      const entries = it.accepted.map((version) => ({
        name: 'default',
        key: valueOf(version),
        versions: [version],
      }));
      const { method = '', url = '', rawHeaders: headers } = request;
      const verdict = verify(
        { method, url, headers, scheme: 'http', body },
        new Keyring(entries),
        keytenderPolicy,
        {
          nowSeconds: Date.now() / 1000,
        },
      );
      it.seen.push({ request, body, version: verdict.ok ? verdict.version : null });
      const scripted = it.answer(it.seen.length);
      const { status, headers: more = {} } = scripted ?? { status: verdict.ok ? 200 : 401 };
      response.writeHead(status, more).end(`answer ${it.seen.length}`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const it: Callee = { origin, seen: [], accepted: [1], answer: () => undefined };
  return it;
}

t.test('a request is signed with the current token, its content covered', async (t) => {
  const other = await callee(t);
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ origins: [other.origin] });
  const response = await service.fetch(`${other.origin}/a/%2e%2e/b?c=d#e`, {
    method: 'POST',
    body: JSON.stringify({ ü: 1 }),
    headers: { 'content-type': 'application/json', 'x-more': 'y' },
  });
  t.equal(response.status, 200);
  t.equal(await response.text(), 'answer 1');
  const [first] = other.seen;
  t.equal(first?.version, 1);
  t.match(first?.request.headers, { 'x-more': 'y', 'content-digest': /^sha-256=/ });
  t.match(
    String(first?.request.headers['signature-input']),
    /"content-type"\);created=\d+;nonce="[^"]+";keyid="default:1";tag="keytender-service"/,
  );
  for (const body of [
    new URLSearchParams({ a: 'b' }),
    new Blob(['x']),
    Buffer.from('y'),
    'z',
    '',
    null,
  ]) {
    const sent = await service.fetch(other.origin, { method: 'PUT', body });
    t.equal(sent.status, 200);
  }
  const sent = await service.fetch(
    new Request(other.origin, { method: 'POST', body: 'of a Request' }),
  );
  t.equal(sent.status, 200);
  t.equal(other.seen.at(-1)?.body.toString(), 'of a Request');
  t.equal(fake.paths().filter((path) => path === 'GET /v1/tokens/default').length, 1, 'read once');
});

t.test('only the named origins are asked, and no redirect is followed', async (t) => {
  const other = await callee(t);
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ origins: [other.origin] });
  for (const url of [
    'http://127.0.0.1:1/',
    other.origin.replace('http', 'https'),
    'https://a.example/',
  ]) {
    await t.rejects(service.fetch(url), { code: 'origin_not_allowed' }, url);
  }
  await t.rejects(agent.service({}).fetch(other.origin), { code: 'origin_not_allowed' });
  await t.rejects(service.fetch('not a url'), { code: 'malformed_request' });
  t.equal(other.seen.length, 0);
  other.answer = () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } });
  t.equal((await service.fetch(other.origin)).status, 302);
  for (const origins of [['*'], ['http://a/path'], ['ftp://a'], ['a.example']]) {
    t.throws(() => agent.service({ origins }), { code: 'malformed_value' });
  }
  t.throws(() => agent.service({ tag: 'keytender-api' }), { code: 'malformed_value' });
  t.throws(() => agent.service({ audience: [] }), { code: 'malformed_value' });
  t.throws(() => agent.service({ audience: 'http://a' }), { code: 'malformed_value' });
});

t.test(
  'a 401 brings the new token, once for all who were refused, and each is sent once more',
  async (t) => {
    const other = await callee(t);
    await using fake = await FakeAgent.onSocket();
    await using agent = connect({ socket: fake.socket });
    const service = agent.service({ origins: [other.origin] });
    t.equal((await service.fetch(other.origin)).status, 200);
    // Vault has a new one, which nobody told the agent; the callee has it and takes no other
    fake.nextVersion = 2;
    other.accepted = [2];
    const bodies = Array.from({ length: 20 }, (_, at) => `body ${at}`);
    const answers = await Promise.all(
      bodies.map((body) => service.fetch(other.origin, { method: 'POST', body })),
    );
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]));
    t.equal(fake.paths().filter((path) => path.endsWith('/refresh')).length, 1);
    t.same(
      other.seen
        .filter(({ version }) => version === 2)
        .map(({ body }) => String(body))
        .sort(),
      bodies.sort(),
    );
  },
);

t.test('what stays refused is refused, after one try more in a later second', async (t) => {
  const other = await callee(t);
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ origins: [other.origin] });
  other.accepted = [9];
  const response = await service.fetch(other.origin, { method: 'POST', body: 'x' });
  t.equal(response.status, 401);
  t.equal(await response.text(), 'answer 2');
  t.equal(other.seen.length, 2);
  const input = other.seen.map(({ request }) => String(request.headers['signature-input']));
  const created = input.map((text) => Number(/created=(\d+)/.exec(text)?.[1]));
  t.ok(created[1]! > created[0]!, 'a verifier refuses what was signed in the second of its start');
  t.not(/nonce="(.*?)"/.exec(input[0]!)?.[1], /nonce="(.*?)"/.exec(input[1]!)?.[1]);
});

t.test('told to come again soon, what may be repeated is sent once more', async (t) => {
  const other = await callee(t);
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ origins: [other.origin] });
  const soon = { 'retry-after': '0' };
  for (const [method, status, headers, tries] of [
    ['GET', 503, soon, 2],
    ['PUT', 429, soon, 2],
    ['DELETE', 408, soon, 2],
    ['GET', 421, soon, 2],
    ['POST', 503, soon, 1],
    ['GET', 503, {}, 1],
    ['GET', 503, { 'retry-after': '60' }, 1],
    ['GET', 500, soon, 1],
  ] as const) {
    other.seen.length = 0;
    other.answer = () => ({ status, headers });
    t.equal((await service.fetch(other.origin, { method })).status, status);
    t.equal(other.seen.length, tries, `${method} ${status} ${JSON.stringify(headers)}`);
  }
});

t.test('a stream is sent once, with the digest it was given; a body has a limit', async (t) => {
  const other = await callee(t);
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ origins: [other.origin], bodyBytesMax: 10 });
  const stream = () =>
    Readable.toWeb(Readable.from([Buffer.from('a'), Buffer.from('b')])) as ReadableStream;
  const digest = contentDigest(Buffer.from('ab'));
  const init = { method: 'POST', body: stream() };
  await t.rejects(service.fetch(other.origin, init), { code: 'digest_required' });
  const sent = await service.fetch(other.origin, {
    method: 'POST',
    body: stream(),
    contentDigest: digest,
  });
  t.equal(sent.status, 200);
  t.equal(other.seen[0]?.body.toString(), 'ab');
  fake.nextVersion = 2;
  other.accepted = [2];
  const refused = await service.fetch(other.origin, {
    method: 'POST',
    body: stream(),
    contentDigest: digest,
  });
  t.equal(refused.status, 401);
  const next = await service.fetch(other.origin, {
    method: 'POST',
    body: stream(),
    contentDigest: digest,
  });
  t.equal(next.status, 200, 'but the next one has the new token');
  await t.rejects(service.fetch(other.origin, { method: 'POST', body: 'x'.repeat(11) }), {
    code: 'body_too_large',
  });
});

t.test('where the value is not to be read, the agent signs', async (t) => {
  const other = await callee(t);
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ origins: [other.origin], tag: 'shop' });
  const described: unknown[] = [];
  fake.script = async ({ method, url, body }) => {
    if (method === 'GET') return { status: 403, body: { code: 'insufficient_scope' } };
    if (!url.endsWith('/sign')) return undefined;
    const message = JSON.parse(body.toString()) as {
      url: string;
      body?: string;
      headers: Record<string, string[]>;
    };
    described.push(message);
    const content = message.body === undefined ? {} : { body: Buffer.from(message.body, 'base64') };
    const request = { method: 'POST', url: message.url, headers: message.headers, ...content };
    const { headers } = await sign(request, { key: valueOf(1), keyid: 'default:1' });
    return { status: 200, body: { headers, version: 1, created: 1 } };
  };
  const response = await service.fetch(`${other.origin}/x`, { method: 'POST', body: 'hello' });
  t.equal(response.status, 200);
  t.match(described, [{ method: 'POST', url: `${other.origin}/x`, tag: 'shop', body: 'aGVsbG8=' }]);
});

t.test('an agent that has just started and read nothing yet takes no token away', async (t) => {
  const clock = new FakeClock(new Date().toISOString());
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket, clock, maxStaleMs: 60_000 });
  const service = agent.service({});
  const request = { method: 'GET', url: 'http://127.0.0.1:1/' };
  await service.sign(request);
  while (!fake.asked.some(({ url }) => url.includes('revision=r1'))) await clock.advance(1);
  const blank = { ...fake.view(false), version: null, revision: 'blank', state: 'absent' };
  fake.script = ({ url }) =>
    url.includes('revision=blank') ? new Promise(() => undefined) : { status: 200, body: blank };
  fake.rotate();
  while (!fake.asked.some(({ url }) => url.includes('revision=blank'))) await clock.advance(1);
  // the waiter that was there still heard of version 2
  t.equal((await service.sign(request)).version, 2);
  await fake.stop();
  await clock.advance(61_000);
  await t.rejects(service.sign(request), { code: 'agent_unreachable' }, 'but not for ever');
});

t.test('a token that is gone signs nothing', async (t) => {
  const clock = new FakeClock(new Date().toISOString());
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket, clock, maxStaleMs: 60_000 });
  const service = agent.service({ origins: ['http://127.0.0.1:1'] });
  const request = { method: 'GET', url: 'http://127.0.0.1:1/' };
  t.equal((await service.sign(request)).version, 1);
  while (!fake.asked.some(({ url }) => url.includes('revision=r1'))) await clock.advance(1);
  fake.script = () => ({
    status: 200,
    body: { ...fake.view(false), revision: 'gone', state: 'revoked' },
  });
  fake.rotate();
  for (;;) {
    const code = await service.sign(request).then(
      () => null,
      (error: unknown) => (error as { code: string }).code,
    );
    if (code !== null) {
      t.equal(code, 'token_unavailable');
      break;
    }
    await clock.advance(1);
  }
});

t.test(
  'an agent that is away for longer than allowed: what is held is not used any more',
  async (t) => {
    const clock = new FakeClock(new Date().toISOString());
    await using fake = await FakeAgent.onSocket();
    await using agent = connect({ socket: fake.socket, clock, maxStaleMs: 60_000 });
    const service = agent.service({});
    const request = { method: 'GET', url: 'http://127.0.0.1:1/' };
    await service.sign(request);
    await fake.stop();
    await clock.advance(59_000);
    await t.resolves(service.sign(request));
    await clock.advance(2000);
    await t.rejects(service.sign(request), { code: 'agent_unreachable' });
  },
);

const received = { method: 'POST', url: 'http://127.0.0.1:1/x', body: 'y' };

async function signedBy(version: number, created = Math.floor(Date.now() / 1000) + 1) {
  const options = { key: valueOf(version), keyid: `default:${version}`, created };
  const { headers } = await sign(received, options);
  return { ...received, headers: { ...headers, cookie: 'canary' } };
}

t.test('what is received is verified here, each request once', async (t) => {
  await using fake = await FakeAgent.onSocket();
  fake.version = 2;
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ audience: '127.0.0.1:1' });
  const message = await signedBy(2);
  t.match(await service.verify(message), {
    ok: true,
    reason: null,
    keyid: 'default:2',
    version: 2,
    key: 'current',
    covered: ['@method', '@authority', '@path', '@query', 'content-digest'],
  });
  const refusal = (reason: string) => ({
    ok: false,
    reason,
    keyid: null,
    version: null,
    covered: [],
  });
  t.same(await service.verify(message), refusal('replay'));
  t.match(await service.verify(await signedBy(1)), { ok: true, key: 'superseded', version: 1 });
  t.same(await service.verify({ ...(await signedBy(2)), body: 'z' }), refusal('digest_mismatch'));
  t.same(
    await service.verify({ ...(await signedBy(2)), method: 'GET' }),
    refusal('signature_mismatch'),
  );
  t.same(await service.verify(await signedBy(2, 1)), refusal('too_old'));
  t.same(await service.verify(received), refusal('missing_signature'));
  const before = Math.floor(Date.now() / 1000) - 5;
  t.same(await service.verify(await signedBy(2, before)), refusal('before_start'));
  const elsewhere = agent.service({ audience: ['a.example', 'b.example'] });
  t.same(await elsewhere.verify(await signedBy(2)), refusal('wrong_audience'));
  await t.rejects(agent.service({}).verify(message), { code: 'malformed_value' });
  t.notOk(fake.paths().some((path) => path.endsWith('/verify')));
});

t.test(
  'a version that is not held here is looked for by the agent before anybody is refused',
  async (t) => {
    await using fake = await FakeAgent.onSocket();
    await using agent = connect({ socket: fake.socket });
    const service = agent.service({ audience: '127.0.0.1:1' });
    t.equal((await service.verify(await signedBy(1))).ok, true);
    const asked: Asked[] = [];
    fake.script = (request) => {
      if (!request.url.endsWith('/verify')) return undefined;
      asked.push(request);
      fake.version = 2;
      return {
        status: 200,
        body: { verified: true, key: 'current', version: 2, keyid: 'default:2' },
      };
    };
    const message = await signedBy(2);
    t.match(await service.verify(message), { ok: true, version: 2, key: 'current' });
    t.match(JSON.parse(asked[0]!.body.toString()), {
      url: received.url,
      audience: ['127.0.0.1:1'],
      replay: false,
      content_digest_verified: true,
    });
    t.notMatch(asked[0]!.body.toString(), /canary|"body"/, 'cookies and content stay here');
    t.match(
      await service.verify(message),
      { reason: 'replay' },
      'and the nonce is remembered here',
    );
    t.match(await service.verify(await signedBy(2)), { ok: true, version: 2 });
    t.equal(asked.length, 1, 'now it is held');

    fake.script = ({ url }) =>
      url.endsWith('/verify')
        ? { status: 200, body: { verified: false, reason: 'unknown_key' } }
        : undefined;
    t.match(await service.verify(await signedBy(3)), { ok: false, reason: 'unknown_key' });
    fake.script = () => ({
      status: 503,
      body: { code: 'refresh_busy' },
      headers: { 'retry-after': '5' },
    });
    await t.rejects(service.verify(await signedBy(3)), { code: 'refresh_busy', retryAfter: 5 });
    await fake.stop();
    await t.rejects(service.verify(await signedBy(3)), { code: 'agent_unreachable' });
    t.equal((await service.verify(await signedBy(2))).ok, true, 'what is held needs no agent');
  },
);

t.test('where the keys are not to be read, the agent verifies', async (t) => {
  await using fake = await FakeAgent.onSocket();
  await using agent = connect({ socket: fake.socket });
  const service = agent.service({ audience: '127.0.0.1:1' });
  let verdict: unknown = { verified: true, key: 'superseded', version: 1, keyid: 'default:1' };
  const asked: unknown[] = [];
  fake.script = ({ method, body }) => {
    if (method === 'GET') return { status: 403, body: { code: 'insufficient_scope' } };
    asked.push(JSON.parse(body.toString()));
    return { status: 200, body: verdict };
  };
  const verdicts: ServiceVerdict[] = [await service.verify(await signedBy(1))];
  t.match(verdicts, [{ ok: true, key: 'superseded', version: 1, keyid: 'default:1' }]);
  t.match(asked, [{ replay: true }]);
  t.match(await service.verify({ ...(await signedBy(1)), body: 'z' }), {
    reason: 'digest_mismatch',
  });
  t.match(await service.verify(received), { reason: 'missing_signature' });
  t.equal(asked.length, 1, 'what is wrong already is not asked');
  verdict = { verified: false, reason: 'replay' };
  t.match(await service.verify(await signedBy(1)), { ok: false, reason: 'replay' });
  verdict = { verified: false, reason: 'because' };
  await t.rejects(service.verify(await signedBy(1)), { code: 'malformed_answer' });
});
