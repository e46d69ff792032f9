// Express, Fastify and undici for real: only what is signed gets through, bodies arrive at parsers as if nobody had read
// them, an interceptor signs each try anew.
import express from 'express';
import Fastify from 'fastify';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { Agent as UndiciAgent, fetch as undiciFetch, interceptors, request } from 'undici';
import { connect, KeytenderError, sign } from '../../src/client/index.js';
import {
  requireSignature as forExpress,
  type SignedExpressRequest,
} from '../../src/client/express.js';
import {
  requireSignature as forFastify,
  type SignedFastifyRequest,
} from '../../src/client/fastify.js';
import { signing } from '../../src/client/undici.js';
import { FakeAgent, valueOf } from './fake-agent.js';

const AUDIENCE = 'shop.example';

async function setUp(t: Test) {
  const fake = await FakeAgent.onSocket();
  const agent = connect({ socket: fake.socket });
  t.teardown(async () => {
    await agent.close();
    await fake[Symbol.asyncDispose]();
  });
  return { fake, agent, service: agent.service({ audience: AUDIENCE }) };
}

async function listening(t: Test, server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Sending {
  readonly method?: string;
  readonly body?: string;
  readonly key?: string;
  readonly sent?: string;
  readonly type?: string;
}

/** A request signed for `AUDIENCE`; `sent`: what is sent instead of the content that was signed. */
async function send(base: string, path: string, options: Sending = {}) {
  const { method = 'POST', body, key = valueOf(1), type = 'application/json' } = options;
  const created = Math.floor(Date.now() / 1000) + 1;
  const content = body === undefined ? {} : { body };
  const plain = { host: AUDIENCE, ...(body === undefined ? {} : { 'content-type': type }) };
  const message = { method, url: `http://${AUDIENCE}${path}`, headers: plain, ...content };
  const { headers } = await sign(message, { key, keyid: 'default:1', created });
  const sent = options.sent ?? body;
  const answer = await request(base + path, {
    method: method as 'POST',
    headers: { ...plain, ...headers },
    ...(sent === undefined ? {} : { body: sent }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

async function unsigned(base: string, path: string) {
  const answer = await request(base + path, { method: 'POST', body: 'x'.repeat(100_000) });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

t.test('express: before the body parsers, by the original target', async (t) => {
  const { fake, service } = await setUp(t);
  const refused: string[] = [];
  const app = express();
  const guard = forExpress({
    service,
    bodyBytesMax: 200_000,
    onRefused: (why) => refused.push(why instanceof KeytenderError ? why.code : String(why.reason)),
  });
  app.use('/api', guard, express.json({ limit: '1mb' }), (incoming, response) => {
    const { rawBody, keytender, body } = incoming as typeof incoming & SignedExpressRequest;
    response.json({
      url: incoming.url,
      body: body as unknown,
      raw: rawBody?.toString(),
      keyid: keytender?.keyid,
    });
  });
  const base = await listening(t, app.listen(0, '127.0.0.1'));

  const big = JSON.stringify({ text: 'ü'.repeat(70_000) });
  for (const body of ['{"a":1}', big]) {
    const answer = await send(base, '/api/x?y=z', { body });
    t.equal(answer.status, 200);
    t.same(JSON.parse(answer.text), {
      url: '/x?y=z',
      body: JSON.parse(body),
      raw: body,
      keyid: 'default:1',
    });
  }
  t.equal((await send(base, '/api/x', { method: 'GET' })).status, 200, 'without content');
  const none = await unsigned(base, '/api/x');
  t.equal(none.status, 401);
  t.match(none.headers, {
    'content-type': 'application/problem+json',
    'www-authenticate': /^Signature/,
  });
  const wrong = await send(base, '/api/x', { body: '{"a":1}', sent: '{"a":2}' });
  t.equal(wrong.status, 401);
  t.equal(wrong.text, none.text, 'which does not show why');
  t.equal((await send(base, '/api/x', { body: '"1"', key: valueOf(5) })).status, 401);
  t.equal((await send(base, '/api/x', { body: `"${'x'.repeat(200_000)}"` })).status, 413);
  await fake.stop();
  const options = {
    key: valueOf(2),
    keyid: 'default:2',
    created: Math.floor(Date.now() / 1000) + 1,
  };
  const { headers } = await sign({ method: 'GET', url: `http://${AUDIENCE}/api/x` }, options);
  const unknown = await request(`${base}/api/x`, { headers: { host: AUDIENCE, ...headers } });
  await unknown.body.dump();
  t.equal(unknown.statusCode, 503, 'when it cannot be told');
  t.equal(unknown.headers['retry-after'], '1');
  t.same(refused, [
    'missing_signature',
    'digest_mismatch',
    'signature_mismatch',
    'agent_unreachable',
  ]);
});

t.test('express: behind a body parser it says so', async (t) => {
  const { service } = await setUp(t);
  const app = express();
  app.use(express.json(), forExpress({ service }));
  let message = '';
  app.use((error: Error, _request: unknown, response: express.Response, _next: unknown) => {
    message = error.message;
    response.status(500).end();
  });
  const base = await listening(t, app.listen(0, '127.0.0.1'));
  t.equal((await send(base, '/x', { body: '{}' })).status, 500);
  t.match(message, /verify before body parsers/);
});

t.test('fastify: the scope that registers it, before parsing', async (t) => {
  const { service } = await setUp(t);
  const app = Fastify();
  t.teardown(() => app.close());
  app.get('/open', () => 'open');
  await app.register(async (scope) => {
    await scope.register(forFastify, { service, bodyBytesMax: 200_000 });
    scope.post('/x', (incoming) => {
      const { rawBody, keytender } = incoming as typeof incoming & SignedFastifyRequest;
      return { body: incoming.body, raw: rawBody?.toString(), keyid: keytender?.keyid };
    });
    scope.get('/x', () => 'signed');
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const base = await listening(t, app.server);
  const body = JSON.stringify({ text: 'ü'.repeat(70_000) });
  const answer = await send(base, '/x?y=z', { body });
  t.equal(answer.status, 200);
  t.same(JSON.parse(answer.text), { body: JSON.parse(body), raw: body, keyid: 'default:1' });
  t.equal((await send(base, '/x', { method: 'GET' })).text, 'signed');
  t.equal((await send(base, '/x', { body: '{}', sent: '[]' })).status, 401);
  const none = await unsigned(base, '/x');
  t.equal(none.status, 401);
  t.match(none.headers, {
    'content-type': 'application/problem+json',
    'www-authenticate': /^Signature/,
  });
  t.equal((await send(base, '/x', { body: `"${'x'.repeat(200_000)}"` })).status, 413);
  t.equal(await (await fetch(`${base}/open`)).text(), 'open');
});

t.test('undici: each try is signed anew, a 401 is healed inside', async (t) => {
  const { fake, agent } = await setUp(t);
  const accepted = { version: 1 };
  const seen: { readonly nonce: string; readonly body: unknown; readonly url: string }[] = [];
  let failures = 0;
  const app = express();
  const { verify } = await import('../../src/client/index.js');
  app.use(express.text({ type: () => true }), (incoming, response) => {
    const { method, url, rawHeaders: headers } = incoming;
    const body = typeof incoming.body === 'string' ? incoming.body : '';
    const message = { method, url, headers, scheme: 'http', body };
    const ring = [{ name: 'default', key: valueOf(accepted.version) }];
    void verify(message, ring).then((verdict) => {
      seen.push({ nonce: verdict.ok ? String(verdict.nonce) : '', body, url });
      failures -= 1;
      response.status(!verdict.ok ? 401 : failures >= 0 ? 503 : 200).end(`got ${body}`);
    });
  });
  const base = await listening(t, app.listen(0, '127.0.0.1'));
  const service = agent.service({});
  const retry = interceptors.retry({ minTimeout: 1, maxTimeout: 1, timeoutFactor: 1 });
  const dispatcher = new UndiciAgent().compose(signing({ service, origins: [base] }), retry);
  t.teardown(() => dispatcher.close());

  failures = 2;
  const first = await request(`${base}/a?b=c`, {
    method: 'PUT',
    body: 'one',
    dispatcher,
  });
  t.equal(first.statusCode, 200);
  t.equal(await first.body.text(), 'got one');
  t.equal(new Set(seen.map(({ nonce }) => nonce)).size, 3, 'three tries, three nonces');

  accepted.version = fake.nextVersion = 2;
  const healed = await request(base, {
    method: 'POST',
    body: Buffer.from('two'),
    query: { q: 'a b' },
    dispatcher,
  });
  t.equal(healed.statusCode, 200);
  t.equal(await healed.body.text(), 'got two');
  t.equal(seen.at(-1)?.url, '/?q=a%20b');

  const fetched = await undiciFetch(`${base}/f`, { method: 'POST', body: 'three', dispatcher });
  t.equal(fetched.status, 200);
  t.equal(await fetched.text(), 'got three');

  accepted.version = 9;
  const refused = await request(base, { method: 'POST', body: 'four', dispatcher });
  t.equal(refused.statusCode, 401);
  await refused.body.dump();
  await t.rejects(request('http://127.0.0.1:1/', { dispatcher }), { code: 'origin_not_allowed' });
  const long = { method: 'POST' as const, body: Buffer.alloc(2 ** 20 + 1), dispatcher };
  await t.rejects(request(base, long), { code: 'body_too_large' });
});
