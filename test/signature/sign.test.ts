import t from 'tap';
import { sign, signResponse } from '../../src/signature/index.js';
import type { AnswerParameters, SigningParameters } from '../../src/signature/index.js';
import { componentOf, componentText, parseComponent } from '../../src/signature/component.js';
import { signMessage, viewRequest, viewResponse } from '../../src/signature/index.js';
import { signatureOf } from './interop-tasks.js';
import { keyOf, requestOf, responseOf, vectors } from './vector-file.js';

const parameters: SigningParameters = {
  key: 'sign-token-0123456789abcdef012345678',
  keyid: 'default:7',
  created: 1_735_689_600,
  nonce: 'nonce-0123456789',
  tag: 'keytender-service',
};
const body = Buffer.from('{"a":1}');
const digest = 'sha-256=:AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=:';
const get = { method: 'GET', url: 'https://api.example/a?b', headers: {} };
const post = { ...get, method: 'POST', headers: { 'Content-Type': 'application/json' } };

t.test('our signer makes the signature of every vector', async (t) => {
  for (const vector of vectors.accepted) {
    const { input } = signatureOf(vector);
    const request = viewRequest(requestOf(vector));
    const response = responseOf(vector);
    const view = response === undefined ? request : viewResponse(response, request);
    const components = input.items.map((item) => componentOf(item)!);
    const made = signMessage(view, components, input.parameters, keyOf(vector.key));
    t.match(made, { ok: true, base: vector.base }, vector.name);
    t.ok(made.ok && made.headers.signature.endsWith(`=:${vector.mac}:`), vector.name);
  }
});

t.test('a request is covered by method, target, content and type', async (t) => {
  t.match(sign(get, parameters).headers, {
    'content-digest': undefined,
    'signature-input':
      'keytender=("@method" "@authority" "@path" "@query");created=1735689600;' +
      'nonce="nonce-0123456789";keyid="default:7";tag="keytender-service"',
  });
  const { headers, base } = sign({ ...post, body }, parameters);
  t.match(
    headers['signature-input'],
    /^keytender=\("@method" "@authority" "@path" "@query" "content-digest" "content-type"\);/,
  );
  t.match(headers['content-digest'], /^sha-256=:.{44}:$/);
  t.match(
    base,
    `"content-digest": ${headers['content-digest'] ?? ''}\n"content-type": application/json\n`,
  );
  const strong = sign({ ...post, body }, { ...parameters, digestAlgorithm: 'sha-512' });
  t.match(strong.headers['content-digest'], /^sha-512=:.{88}:$/);
});

t.test('parameters and components can be added', async (t) => {
  const { headers, base } = sign(
    { ...get, headers: { Date: 'today' } },
    {
      ...parameters,
      expires: 1_735_689_660,
      includeAlg: true,
      components: ['date', '@method', '@scheme'],
      label: 'mine',
    },
  );
  t.match(
    headers['signature-input'],
    /^mine=\("@method" "@authority" "@path" "@query" "date" "@scheme"\)/,
  );
  t.match(
    headers['signature-input'],
    ';expires=1735689660;nonce="nonce-0123456789";alg="hmac-sha256";keyid=',
  );
  t.match(base, '"date": today\n"@scheme": https\n');
});

t.test('signatures that are there already stay, under labels of their own', async (t) => {
  const first = sign(get, parameters).headers;
  const second = sign({ ...get, headers: { ...first } }, { ...parameters, tag: 'orders' }).headers;
  t.ok(second['signature-input'].startsWith(`${first['signature-input']}, keytender2=(`));
  t.ok(second.signature.startsWith(`${first.signature}, keytender2=:`));
  const third = sign({ ...get, headers: { ...second } }, parameters).headers;
  t.match(third.signature, /keytender3=:/);
  const broken = { ...get, headers: { 'signature-input': '((', signature: 'x=:AA==:' } };
  t.throws(() => sign(broken, parameters), { code: 'malformed_request' });
});

t.test('a digest that is there is covered as it is, once it fits', async (t) => {
  const streamed = {
    ...post,
    headers: { ...post.headers, 'Content-Digest': digest, 'Transfer-Encoding': 'chunked' },
  };
  const { headers, base } = sign(streamed, parameters);
  t.equal(headers['content-digest'], undefined);
  t.equal(sign({ ...streamed, body }, parameters).headers['content-digest'], undefined);
  t.match(base, `"content-digest": ${digest}\n`);
  for (const [field, content] of [
    [digest, Buffer.from('other')],
    ['md5=:Sd/dVLAcvNLSq16eXua5uQ==:', undefined],
    ['nonsense(', undefined],
  ] as const) {
    const request = {
      ...post,
      headers: { 'content-digest': field },
      ...(content && { body: content }),
    };
    t.throws(() => sign(request, parameters), { code: 'malformed_request' }, field);
  }
});

t.test('empty content has no digest, framed content must have one', async (t) => {
  t.equal(
    sign({ ...post, body: Buffer.alloc(0) }, parameters).headers['content-digest'],
    undefined,
  );
  const chunked = { ...post, headers: { 'transfer-encoding': 'chunked' } };
  t.throws(() => sign(chunked, parameters), { code: 'malformed_request' });
  t.match(sign({ ...chunked, body: Buffer.alloc(0) }, parameters).headers, {
    'content-digest': /^sha-256=:47DEQ/,
  });
});

t.test('a fragment is not sent, and not signed', async (t) => {
  const { base } = sign({ ...get, url: 'https://api.example/a?b#c?d' }, parameters);
  t.match(base, '"@query": ?b\n');
});

t.test('what cannot be signed as it is meant is thrown', async (t) => {
  const rows: [string, object, Partial<SigningParameters>][] = [
    ['malformed_request', { method: 'GET /' }, {}],
    ['malformed_request', { method: '' }, {}],
    ['malformed_request', { url: 'api.example/a' }, {}],
    ['malformed_request', { url: 'https://api.example/a b' }, {}],
    ['malformed_request', { url: 'https://api.example/é' }, {}],
    ['malformed_request', { url: 'https://api.example\\a' }, {}],
    ['malformed_request', { url: 'https://user:pw@api.example/' }, {}],
    ['malformed_request', { url: '/a' }, {}],
    ['malformed_request', { url: '' }, {}],
    ['malformed_request', {}, { components: ['date'] }],
    ['malformed_request', {}, { components: ['@status'] }],
    ['malformed_request', { headers: { 'x-name': 'é' } }, { components: ['x-name'] }],
    ['malformed_request', {}, { components: ['(('] }],
    ['malformed_value', {}, { components: ['"a'] }],
    ['malformed_value', {}, { nonce: 'short' }],
    ['malformed_value', {}, { nonce: 'n'.repeat(129) }],
    ['malformed_value', {}, { nonce: 'nonce-0123456789-é' }],
    ['malformed_value', {}, { created: 1.5 }],
    ['malformed_value', {}, { created: Number.NaN }],
    ['malformed_value', {}, { keyid: 'a\nb' }],
    ['malformed_value', {}, { tag: 'é' }],
    ['malformed_value', {}, { label: 'Big' }],
    ['empty_key', {}, { key: '' }],
  ];
  for (const [code, message, changes] of rows) {
    const attempt = () => sign({ ...get, ...message }, { ...parameters, ...changes });
    t.throws(attempt, { code }, JSON.stringify([message, changes]));
  }
});

t.test('an error names the rule and never the key or the content', async (t) => {
  const secret = 'very-secret-0123456789';
  for (const request of [
    { ...get, url: `/${secret}` },
    { ...get, method: `${secret} ` },
  ]) {
    try {
      sign(request, { ...parameters, key: secret });
      t.fail('must throw');
    } catch (error) {
      t.notMatch(`${String(error)} ${String((error as Error).stack)}`, secret);
    }
  }
});

t.test('an answer covers its status, content and type, and all of the request', async (t) => {
  const asked = {
    ...post,
    body,
    headers: {
      ...post.headers,
      ...sign({ ...post, body }, { ...parameters, tag: 'keytender-api' }).headers,
    },
  };
  const answer: AnswerParameters = { ...parameters, tag: 'keytender-answer' };
  const response = {
    status: 201,
    headers: { 'content-type': 'text/plain' },
    body: Buffer.from('ok'),
  };
  const { headers } = signResponse(response, asked, answer);
  t.match(
    headers['signature-input'],
    'keytender=("@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "@query";req ' +
      '"content-digest";req "content-type";req);created=1735689600;nonce="nonce-0123456789";keyid="default:7";tag="keytender-answer"',
  );
  const empty = signResponse({ status: 204, headers: {} }, asked, answer);
  t.match(empty.headers['content-digest'], /^sha-256=:47DEQ/);
  t.throws(
    () => signResponse(response, post, answer),
    { code: 'malformed_request' },
    'an unsigned request',
  );
  const twice = {
    ...asked,
    headers: {
      ...asked.headers,
      ...sign(asked, { ...parameters, nonce: 'another-nonce-0001' }).headers,
    },
  };
  t.throws(
    () => signResponse(response, twice, answer),
    { code: 'malformed_request' },
    'two signatures',
  );
  const chosen = signResponse(response, twice, { ...answer, requestTag: 'keytender-api' });
  t.match(chosen.headers['signature-input'], 'nonce="nonce-0123456789"');
  const given = {
    components: [parseComponent('@method')],
    nonce: 'nonce-of-the-request',
    keyid: 'default',
  };
  const parsed = signResponse(response, twice, { ...answer, requestSignature: given });
  t.match(
    parsed.headers['signature-input'],
    '("@status" "content-digest" "content-type" "@method";req)',
  );
  const nameless = { ...given, nonce: undefined };
  t.throws(() => signResponse(response, twice, { ...answer, requestSignature: nameless }), {
    code: 'malformed_request',
  });
});

t.test('a component is written as it is read', async (t) => {
  for (const text of ['"@method"', '"@path";req', '"x";key="a\\"b"', '"x";bs;tr'])
    t.equal(componentText(parseComponent(text)), text);
  t.equal(componentText(parseComponent('@query-param;name="a b"')), '"@query-param";name="a b"');
});
