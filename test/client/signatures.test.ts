import t from 'tap';
import {
  KeytenderError,
  Keyring,
  keytenderPolicy,
  ReplayPartition,
  sign,
  signResponse,
  verify,
  verifyResponse,
} from '../../src/client/index.js';

const key = 'library-token-0123456789abcdef012345';
const keyring = [{ key, name: 'default', versions: [7] }];
const order = { method: 'POST', url: 'https://orders.example/v1/orders?dry=1', body: '{"ü":1}' };
const options = { key, keyid: 'default:7' };

t.test('a plain request, signed and verified with nothing but a key', async (t) => {
  const { headers } = await sign(order, options);
  const verdict = await verify({ ...order, headers }, keyring);
  t.match(verdict, {
    ok: true,
    key: 'current',
    version: 7,
    keyid: 'default:7',
    tag: 'keytender-service',
  });
  t.same(verdict.ok && verdict.covered, [
    '@method',
    '@authority',
    '@path',
    '@query',
    'content-digest',
  ]);
  const changed = { ...order, headers, body: '{"ü":2}' };
  t.same(await verify(changed, new Keyring(keyring)), { ok: false, reason: 'digest_mismatch' });
});

t.test(
  'a body is text or bytes, in whatever view; anything else is said, never signed as nothing',
  async (t) => {
    const bytes = Buffer.from('0123456789abcdef');
    const { buffer } = new Uint8Array(bytes);
    const { headers } = await sign({ ...order, body: bytes }, options);
    for (const body of [buffer, new Uint16Array(buffer), new DataView(buffer)] as ArrayBuffer[]) {
      t.match(await verify({ ...order, headers, body }, keyring), { ok: true });
    }
    for (const body of [new ReadableStream(), new Blob(['x']), { length: 1 }, [1], 5]) {
      await t.rejects(sign({ ...order, body: body as never }, options), {
        code: 'malformed_request',
        message: 'a body must be text or bytes',
      });
    }
  },
);

t.test('every signature has a nonce of its own', async (t) => {
  const nonces = new Set<string | undefined>();
  for (let i = 0; i < 100; i += 1) {
    const { headers } = await sign(order, options);
    nonces.add(/;nonce="([A-Za-z0-9_-]{24})"/.exec(headers['signature-input'])?.[1]);
  }
  t.equal(nonces.size, 100);
  t.notOk(nonces.has(undefined));
});

t.test('a Request is signed, sent on and verified without being used up', async (t) => {
  const request = new Request(order.url, { method: 'POST', body: order.body });
  const { headers } = await sign(request, options);
  for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
  t.match(await verify(request, keyring), {
    ok: true,
    covered: [/@method/, /@authority/, /@path/, /@query/, 'content-digest', 'content-type'],
  });
  t.equal(await request.text(), order.body);
  await t.rejects(verify(request, keyring), { code: 'malformed_request' });
  t.match(await verify(new Request(order.url), keyring), { reason: 'missing_signature' });
});

t.test('an answer, signed and verified, as Response and plain', async (t) => {
  const { headers } = await sign(order, { ...options, tag: 'keytender-api' });
  const asked = { ...order, headers };
  const response = new Response('{"ok":true}', {
    status: 201,
    headers: { 'content-type': 'application/json' },
  });
  const signed = await signResponse(response, asked, options);
  for (const [name, value] of Object.entries(signed.headers)) response.headers.set(name, value);
  t.match(await verifyResponse(response, asked, keyring), { ok: true, tag: 'keytender-answer' });
  const plain = {
    status: 201,
    headers: response.headers,
    body: new TextEncoder().encode('{"ok":true}'),
  };
  t.match(await verifyResponse(plain, asked, keyring), { ok: true });
  t.match(await verifyResponse({ ...plain, status: 200 }, asked, keyring), {
    reason: 'signature_mismatch',
  });
  const another = { ...order, headers: { ...(await sign(order, options)).headers } };
  t.match(await verifyResponse(plain, another, keyring), { reason: 'replay' });
  t.match(
    await verifyResponse({ ...plain, body: plain.body.buffer }, asked, new Keyring(keyring)),
    { ok: true },
  );
});

t.test('policy, clock and replay guard are arguments', async (t) => {
  const { headers } = await sign(order, {
    ...options,
    created: 1000,
    nonce: 'nonce-0123456789',
    tag: 'orders',
  });
  const request = { ...order, headers };
  const policy = { ...keytenderPolicy, tag: 'orders', audience: ['orders.example'] };
  t.match(await verify(request, keyring, policy), { reason: 'too_old' });
  const replay = new ReplayPartition({
    capacity: 10,
    maxSkewSeconds: 300,
    aheadSeconds: 30,
    salt: 'test',
  });
  t.match(await verify(request, keyring, policy, { nowSeconds: 1100, replay }), { ok: true });
  t.match(await verify(request, keyring, policy, { nowSeconds: 1100, replay }), {
    reason: 'replay',
  });
  t.match(await verify(request, keyring, policy, { nowSeconds: 1100, notBeforeSeconds: 1000 }), {
    reason: 'before_start',
  });
});

t.test('a server verifies what node has: raw target, raw headers', async (t) => {
  const { headers } = await sign({ ...order, url: 'http://orders.example/a/../%61?x' }, options);
  const rawHeaders = ['Host', 'Orders.Example:80', ...Object.entries(headers).flat()].map(String);
  const request = {
    method: 'POST',
    url: '/a/../%61?x',
    scheme: 'http',
    headers: rawHeaders,
    body: order.body,
  };
  t.match(await verify(request, keyring), { ok: true });
  t.match(await verify({ ...request, url: '/%61?x' }, keyring), { reason: 'signature_mismatch' });
});

t.test('a mistake of the caller is a KeytenderError with its cause', async (t) => {
  for (const [attempt, code] of [
    [sign(order, { ...options, key: '' }), 'empty_key'],
    [sign({ ...order, url: 'nowhere' }, options), 'malformed_request'],
    [verify(order, [{ key: '', name: 'default' }]), 'empty_key'],
    [verifyResponse({ status: 200 }, order, [{ key }]), 'malformed_value'],
    [signResponse({ status: 200 }, order, options), 'malformed_request'],
  ] as [Promise<unknown>, string][]) {
    await t.rejects(attempt, { name: 'KeytenderError', code, cause: { code } });
    await attempt.catch((error: unknown) => t.ok(error instanceof KeytenderError));
  }
  const refusal = new KeytenderError('refresh_busy', 'asked too often', {
    status: 503,
    retryAfter: 2,
  });
  t.match(refusal, { code: 'refresh_busy', status: 503, retryAfter: 2, cause: undefined });
});

t.test('a URL object is taken as its text', async (t) => {
  const { headers } = await sign({ ...order, url: new URL(order.url) }, options);
  t.match(await verify({ ...order, headers }, keyring), { ok: true });
});
