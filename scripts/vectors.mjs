// Writes docs/vectors.json: signed messages that must be accepted, and messages that must be refused, for whoever
// implements the scheme. Shares no code with src/: every line of every signature base is written out by hand below,
// and the MAC is node's. Run it after a change (`node scripts/vectors.mjs`); `--check` fails when the file differs.
import { createHash, createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../docs/vectors.json', import.meta.url);
/** In the past, so that implementations with a clock of their own can be tried too. */
const NOW = 1735689600;

const keys = {
  current: {
    name: 'default',
    role: 'current',
    versions: [7],
    text: 'example-token-seven-0123456789abcdef',
  },
  pending: {
    name: 'default',
    role: 'pending',
    versions: [8],
    text: 'example-token-eight-0123456789abcdef',
  },
  superseded: {
    name: 'default',
    role: 'superseded',
    versions: [6, 5],
    text: 'example-token-six-0123456789abcdef01',
  },
  retired: {
    name: 'default',
    role: 'superseded',
    versions: [4],
    text: 'example-token-four-0123456789abcdef0',
    usable_until: NOW - 1,
  },
  base64_looking: {
    name: 'looks-like-base64',
    role: 'current',
    versions: [1],
    text: 'c2hvcnQgdGV4dCB0aGF0IGxvb2tzIGVuY29kZWQhISE=',
  },
  utf8: {
    name: 'utf8',
    role: 'current',
    versions: [1],
    text: 'ein-Schlüssel-mit-Umlauten-und-日本語',
  },
  client: {
    client: 'billing',
    role: 'current',
    versions: [3],
    text: 'example-client-key-0123456789abcdef0',
  },
  'test-shared-secret': {
    name: 'test-shared-secret',
    role: 'current',
    versions: [],
    base64:
      'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  },
};

const accepted = [];
const refused = [];
let count = 0;

const keyBytes = ({ text, base64 }) =>
  text === undefined ? Buffer.from(base64, 'base64') : Buffer.from(text, 'utf8');
const hmac = (key, base) => createHmac('sha256', key).update(base, 'latin1').digest();
const sha256 = (bytes) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
const sha512 = (bytes) => `sha-512=:${createHash('sha512').update(bytes).digest('base64')}:`;
const string = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const identifier = (id) => (id.startsWith('"') ? id : `"${id}"`);
const nextNonce = () => `vector-nonce-${String((count += 1)).padStart(4, '0')}`;

/** The parameters of our signer, in its order; `changes` replaces, adds, or (undefined) removes raw texts. */
function parameters(changes = {}) {
  const all = {
    created: String(NOW),
    nonce: string(nextNonce()),
    keyid: '"default:7"',
    tag: '"keytender-service"',
    ...changes,
  };
  return Object.entries(all).filter(([, value]) => value !== undefined);
}

const parametersText = (list) =>
  list.map(([name, value]) => (value === '' ? `;${name}` : `;${name}=${value}`)).join('');

/** Signs lines `[identifier, value]` and the parameters, as RFC 9421 §2.5 writes them. */
function signLines(lines, list, key) {
  const ids = lines.map(([id]) => identifier(id));
  const signatureParams = `(${ids.join(' ')})${parametersText(list)}`;
  const base = [
    ...lines.map(([id, value]) => `${identifier(id)}: ${value}`),
    `"@signature-params": ${signatureParams}`,
  ].join('\n');
  return { base, signatureParams, mac: hmac(keyBytes(key), base).toString('base64') };
}

/** A signed request. What is covered is told by `lines`, what is sent by the rest; nothing is derived. */
function signedRequest({
  method = 'GET',
  url,
  headers = [],
  body = null,
  lines,
  params = parameters(),
  key = 'current',
  label = 'keytender',
}) {
  const signed = signLines(lines, params, keys[key]);
  const fields = [
    ...headers,
    ['Signature-Input', `${label}=${signed.signatureParams}`],
    ['Signature', `${label}=:${signed.mac}:`],
  ];
  return { ...signed, key, request: { method, url, headers: fields, body: encoded(body) } };
}

const encoded = (body) => (body === null ? null : Buffer.from(body).toString('base64'));

const servicePolicy = { profile: 'keytender', tag: 'keytender-service' };
const apiPolicy = { profile: 'keytender', tag: 'keytender-api' };
const answerPolicy = { profile: 'keytender-answer', tag: 'keytender-answer' };
const rfcPolicy = { profile: 'rfc9421' };

function accept(name, signed, { policy = servicePolicy, now = NOW, ...rest } = {}) {
  const { role, versions } = keys[signed.key];
  const result = { key: role, version: versions[0] ?? null };
  const { request, response, base, mac, key } = signed;
  const message = response === undefined ? { request } : { request, response };
  accepted.push({ name, policy, now, ...rest, ...message, key, base, mac, result });
}

function refuse(reason, name, message, { policy = servicePolicy, now = NOW, ...rest } = {}) {
  const { request, response } = message;
  const parts = response === undefined ? { request } : { request, response };
  refused.push({ name, reason, policy, now, ...rest, ...parts });
}

// ---------------------------------------------------------------------------------------- requests, accepted

const target = (method, authority, path, query) => [
  ['@method', method],
  ['@authority', authority],
  ['@path', path],
  ['@query', query],
];
const get = (url, authority, path, query, more = {}) =>
  signedRequest({ url, lines: target('GET', authority, path, query), ...more });

accept('a query', get('https://api.example/items?page=2', 'api.example', '/items', '?page=2'));
accept('no query', get('https://api.example/items', 'api.example', '/items', '?'));
accept('an empty query', get('https://api.example/items?', 'api.example', '/items', '?'));
accept('no path', get('https://api.example', 'api.example', '/', '?'));
accept('no path but a query', get('https://api.example?a=1', 'api.example', '/', '?a=1'));
accept(
  'a query that has question marks',
  get('https://api.example/a?b?c=d?', 'api.example', '/a', '?b?c=d?'),
);
accept(
  'a query with plus, percent and repeated names',
  get('https://api.example/s?q=a+b%20c&q=%C3%A9&x', 'api.example', '/s', '?q=a+b%20c&q=%C3%A9&x'),
);
accept(
  'an encoded slash stays encoded',
  get('https://api.example/a%2Fb', 'api.example', '/a%2Fb', '?'),
);
accept(
  'percent-encoding keeps its case',
  get('https://api.example/%e2%82%AC', 'api.example', '/%e2%82%AC', '?'),
);
accept(
  'an encoded letter is not decoded',
  get('https://api.example/%61', 'api.example', '/%61', '?'),
);
accept(
  'encoded dots are no dot segments',
  get('https://api.example/a/%2e%2e/b', 'api.example', '/a/%2e%2e/b', '?'),
);
accept(
  'dot segments are not removed',
  get('https://api.example/a/../b/./c', 'api.example', '/a/../b/./c', '?'),
);
accept(
  'empty path segments stay',
  get('https://api.example//a///b/', 'api.example', '//a///b/', '?'),
);
accept(
  'sub-delimiters in the path',
  get("https://api.example/a;b=c,d:@!$&'()*", 'api.example', "/a;b=c,d:@!$&'()*", '?'),
);
accept('the host in lower case', get('https://API.Example/x', 'api.example', '/x', '?'));
accept(
  'the default port of https is left out',
  get('https://api.example:443/x', 'api.example', '/x', '?'),
);
accept(
  'the default port of http is left out',
  get('http://api.example:80/x', 'api.example', '/x', '?'),
);
accept('an empty port is left out', get('https://api.example:/x', 'api.example', '/x', '?'));
accept('another port stays', get('https://api.example:8443/x', 'api.example:8443', '/x', '?'));
accept(
  '443 is not the default port of http',
  get('http://api.example:443/x', 'api.example:443', '/x', '?'),
);
accept('an IPv4 authority', get('http://127.0.0.1:8210/x', '127.0.0.1:8210', '/x', '?'));
accept('an IPv6 authority', get('http://[::1]:8210/x', '[::1]:8210', '/x', '?'));
accept(
  'an IPv6 authority in lower case, its default port left out',
  get('https://[2001:DB8::A]:443/x', '[2001:db8::a]', '/x', '?'),
);
accept(
  'a method of its own',
  signedRequest({
    method: 'PURGE',
    url: 'https://api.example/x',
    lines: target('PURGE', 'api.example', '/x', '?'),
  }),
);
accept(
  'the origin-form with Host',
  signedRequest({
    url: '/x?y=1',
    headers: [['Host', 'Api.Example:8443']],
    lines: target('GET', 'api.example:8443', '/x', '?y=1'),
  }),
);

const json = '{"hello": "world"}';
function post(more = {}) {
  const { body = json, digest = sha256(Buffer.from(body ?? '')), type = 'application/json' } = more;
  return signedRequest({
    method: 'POST',
    url: 'https://api.example/orders',
    headers: [
      ['Content-Type', type],
      ['Content-Length', String(Buffer.byteLength(body ?? ''))],
      ['Content-Digest', digest],
    ],
    body,
    lines: [
      ...target('POST', 'api.example', '/orders', '?'),
      ['content-digest', digest],
      ['content-type', type],
    ],
    ...more,
  });
}

const binary = Buffer.from([0, 255, 13, 10, 0, 128, 34]);
accept('content with a sha-256 digest', post());
accept('content with a sha-512 digest', post({ digest: sha512(Buffer.from(json)) }));
accept(
  'content with both digests',
  post({ digest: `${sha256(Buffer.from(json))}, ${sha512(Buffer.from(json))}` }),
);
accept(
  'a digest of an unknown algorithm beside a known one',
  post({ digest: `md5=:Sd/dVLAcvNLSq16eXua5uQ==:, ${sha256(Buffer.from(json))}` }),
);
accept(
  'content that is not text',
  post({ body: binary, digest: sha256(binary), type: 'application/octet-stream' }),
);
accept('content in UTF-8', post({ body: '{"name":"Zoë 日本"}' }));
accept('empty content with its digest', post({ body: '' }));
accept(
  'empty content without a digest',
  signedRequest({
    method: 'POST',
    url: 'https://api.example/orders',
    headers: [['Content-Length', '0']],
    body: '',
    lines: target('POST', 'api.example', '/orders', '?'),
  }),
);
accept(
  'content-type not covered',
  post({
    lines: [
      ...target('POST', 'api.example', '/orders', '?'),
      ['content-digest', sha256(Buffer.from(json))],
    ],
  }),
);
accept(
  'chunked content with its digest',
  signedRequest({
    method: 'PUT',
    url: 'https://api.example/blob',
    headers: [
      ['Transfer-Encoding', 'chunked'],
      ['Content-Digest', sha256(Buffer.from('chunks'))],
    ],
    body: 'chunks',
    lines: [
      ...target('PUT', 'api.example', '/blob', '?'),
      ['content-digest', sha256(Buffer.from('chunks'))],
    ],
  }),
);

const url = 'https://api.example/items?page=2';
const plain = target('GET', 'api.example', '/items', '?page=2');
const simple = (more = {}) => signedRequest({ url, lines: plain, ...more });
const service = { tag: '"keytender-service"' };

accept('components in another order', simple({ lines: [...plain].reverse() }));
accept('parameters in another order', simple({ params: parameters().reverse() }));
accept('alg, when it is hmac-sha256', simple({ params: parameters({ alg: '"hmac-sha256"' }) }));
accept('expires in the future', simple({ params: parameters({ expires: String(NOW + 60) }) }));
accept('expires now', simple({ params: parameters({ expires: String(NOW) }) }));
accept(
  'a parameter that nobody knows',
  simple({ params: parameters({ 'x-trace': '"abc"', flag: '' }) }),
);
accept('keyid without a version', simple({ params: parameters({ keyid: '"default"' }) }));
accept('keyid of another held version', simple({ params: parameters({ keyid: '"default:6"' }) }));
accept(
  'a client with a key of its own',
  simple({ key: 'client', params: parameters({ keyid: '"client:billing:3"' }) }),
);
accept(
  'a superseded key',
  simple({ key: 'superseded', params: parameters({ keyid: '"default:5"' }) }),
);
accept('a pending key', simple({ key: 'pending', params: parameters({ keyid: '"default:8"' }) }));
accept(
  'a token that looks like base64 is text',
  simple({ key: 'base64_looking', params: parameters({ keyid: '"looks-like-base64:1"' }) }),
);
accept(
  'a token that is not ASCII is its UTF-8 bytes',
  simple({ key: 'utf8', params: parameters({ keyid: '"utf8"' }) }),
);
accept(
  'a key of raw bytes',
  simple({ key: 'test-shared-secret', params: parameters({ keyid: '"test-shared-secret"' }) }),
);
accept(
  'created exactly as old as allowed',
  simple({ params: parameters({ created: String(NOW - 300) }) }),
);
accept(
  'created exactly as far ahead as allowed',
  simple({ params: parameters({ created: String(NOW + 30) }) }),
);
accept('the shortest nonce', simple({ params: parameters({ nonce: string('0123456789abcdef') }) }));
accept('the longest nonce', simple({ params: parameters({ nonce: string('n'.repeat(128)) }) }));
accept(
  'a nonce with quotes and backslashes',
  simple({ params: parameters({ nonce: string('a"b\\c"d\\e"f\\g"h\\') }) }),
);
accept('any label', simple({ label: '*l-0.b_l' }));
accept("the agent's API", simple({ params: parameters({ tag: '"keytender-api"' }) }), {
  policy: apiPolicy,
});
accept('a tag of its own', simple({ params: parameters({ tag: '"orders"' }) }), {
  policy: { ...servicePolicy, tag: 'orders' },
});
accept('an audience that is one of several', simple(), {
  policy: { ...servicePolicy, audience: ['other.example', 'api.example'] },
});

const dated = ['Date', 'Tue, 20 Apr 2021 02:07:55 GMT'];
accept(
  'another covered field',
  simple({ headers: [dated], lines: [...plain, ['date', dated[1]]] }),
);
accept(
  'a covered field on two lines',
  simple({
    headers: [
      ['Accept', 'application/json'],
      ['Accept', '*/*'],
    ],
    lines: [...plain, ['accept', 'application/json, */*']],
  }),
);
accept(
  'white space around a covered field',
  simple({
    headers: [['X-Pad', ' \t inner  space \t']],
    lines: [...plain, ['x-pad', 'inner  space']],
  }),
);
accept(
  'an empty covered field',
  simple({ headers: [['X-Empty', '']], lines: [...plain, ['x-empty', '']] }),
);
accept(
  'a folded covered field',
  simple({
    headers: [['X-Fold', 'Obsolete\r\n    line folding.']],
    lines: [...plain, ['x-fold', 'Obsolete line folding.']],
  }),
);
accept('a field that is not ASCII, not covered', simple({ headers: [['X-Name', 'Zo\u00eb']] }));
accept(
  'scheme, target URI and request target',
  simple({
    lines: [
      ...plain,
      ['@scheme', 'https'],
      ['@target-uri', url],
      ['@request-target', '/items?page=2'],
    ],
  }),
);
const many = Array.from({ length: 32 }, (_, i) => [`x-extra-${i}`, `value ${i}`]);
accept('32 extra components', simple({ headers: many, lines: [...plain, ...many] }));

/** Changes the two signature fields after signing. */
function rewrite(signed, change) {
  const text = Object.fromEntries(signed.request.headers);
  const kept = signed.request.headers.filter(([name]) => !/^signature/i.test(name));
  const fields = change(text['Signature-Input'], text.Signature);
  return { ...signed, request: { ...signed.request, headers: [...kept, ...fields] } };
}
const fields = (input, signature) => [
  ['Signature-Input', input],
  ['Signature', signature],
];

accept(
  'white space that the strict serialisation does not have',
  rewrite(simple(), (input, signature) =>
    fields(
      `  ${input.replace('("@method" ', '(  "@method"   ').replace(';nonce', ';  nonce').replace(')', '  )')} `,
      ` ${signature}  `,
    ),
  ),
);
accept(
  'a number with leading zeros',
  rewrite(simple(), (input, signature) =>
    fields(input.replace('created=', 'created=00'), signature),
  ),
);
accept(
  'a signature without base64 padding',
  rewrite(simple(), (input, signature) =>
    fields(input, signature.replace('=:', ':').replace('keytender:', 'keytender=:')),
  ),
);
const other = () =>
  simple({
    label: 'other',
    params: parameters({ tag: '"somebody-else"', keyid: '"elsewhere"' }),
    key: 'client',
  });
const textOf = (signed) => Object.fromEntries(signed.request.headers);
accept(
  'several signatures, one with our tag',
  rewrite(simple(), (input, signature) => {
    const second = textOf(other());
    return fields(`${second['Signature-Input']}, ${input}`, `${second.Signature},\t ${signature}`);
  }),
);
accept(
  'several signatures on several lines',
  rewrite(simple(), (input, signature) => {
    const second = textOf(other());
    return [...fields(input, signature), ...fields(second['Signature-Input'], second.Signature)];
  }),
);

// -------------------------------------------------------------------------------- RFC 9421 itself, accepted

const rfcBody = '{"hello": "world"}';
const rfcDigest =
  'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:';
const rfcRequest = {
  method: 'POST',
  url: 'https://example.com/foo?param=Value&Pet=dog',
  headers: [
    ['Host', 'example.com'],
    ['Date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
    ['Content-Type', 'application/json'],
    ['Content-Digest', rfcDigest],
    ['Content-Length', '18'],
  ],
  body: rfcBody,
  key: 'test-shared-secret',
};
const rfcParams = [
  ['created', '1618884473'],
  ['keyid', '"test-shared-secret"'],
];
const rfcSigned = (lines, params = rfcParams) =>
  signedRequest({ ...rfcRequest, lines, params, label: 'sig-b25' });
accept(
  'RFC 9421 B.2.5',
  rfcSigned([
    ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
    ['@authority', 'example.com'],
    ['content-type', 'application/json'],
  ]),
  { policy: rfcPolicy },
);
accept(
  'RFC 9421 B.2.1 with our algorithm: nothing covered',
  rfcSigned([], [...rfcParams, ['nonce', '"b3k2pp5k7z-50gnwp.yemd"']]),
  { policy: rfcPolicy },
);
accept(
  'RFC 9421 B.2.2 with our algorithm: a query parameter',
  rfcSigned(
    [
      ['@authority', 'example.com'],
      ['content-digest', rfcDigest],
      ['"@query-param";name="Pet"', 'dog'],
    ],
    [...rfcParams, ['tag', '"header-example"']],
  ),
  { policy: rfcPolicy },
);
accept(
  'RFC 9421 B.2.3 with our algorithm: full coverage',
  rfcSigned([
    ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
    ['@method', 'POST'],
    ['@path', '/foo'],
    ['@query', '?param=Value&Pet=dog'],
    ['@authority', 'example.com'],
    ['content-type', 'application/json'],
    ['content-digest', rfcDigest],
    ['content-length', '18'],
  ]),
  { policy: rfcPolicy },
);
accept(
  'a field that is not ASCII, as a byte sequence',
  signedRequest({
    url,
    headers: [['X-Name', 'Zo\u00eb']],
    lines: [
      ['@method', 'GET'],
      ['"x-name";bs', ':Wm/r:'],
    ],
    params: rfcParams,
    key: 'test-shared-secret',
  }),
  { policy: rfcPolicy },
);
accept(
  'a dictionary member',
  signedRequest({
    url,
    headers: [['Example-Dict', 'a=1,   b=2;x=1;y=2, c=(a   b    c), d']],
    lines: [
      ['"example-dict";key="a"', '1'],
      ['"example-dict";key="d"', '?1'],
      ['"example-dict";key="b"', '2;x=1;y=2'],
      ['"example-dict";key="c"', '(a b c)'],
    ],
    params: rfcParams,
    key: 'test-shared-secret',
  }),
  { policy: rfcPolicy },
);

// ------------------------------------------------------------------------------------------ answers, accepted

/** A signed answer to a signed request. */
function answer(
  question,
  { status = 200, type = 'application/json', body = '{"ok":true}', ...more } = {},
) {
  const digest = more.digest ?? sha256(Buffer.from(body));
  const { lines: asked } = question;
  const own = [
    ['@status', String(status)],
    ['content-digest', digest],
    ...(type === null ? [] : [['content-type', type]]),
  ];
  const bound = asked.map(([id, value]) => [`${identifier(id)};req`, value]);
  const lines = more.lines?.(own, bound) ?? [...own, ...bound];
  const nonce = more.nonce ?? question.nonce;
  const params =
    more.params ??
    [
      ['created', String(NOW)],
      ['nonce', nonce],
      ['keyid', more.keyid ?? '"default:7"'],
      ['tag', more.tag ?? '"keytender-answer"'],
    ].filter(([, value]) => value !== undefined);
  const key = more.key ?? 'current';
  const signed = signLines(lines, params, keys[key]);
  const headers = [
    ...(type === null ? [] : [['Content-Type', type]]),
    ['Content-Digest', digest],
    ['Signature-Input', `keytender=${signed.signatureParams}`],
    ['Signature', `keytender=:${signed.mac}:`],
  ];
  return {
    ...signed,
    key,
    request: question.request,
    response: { status, headers, body: encoded(body) },
  };
}

/** A request with what its answer repeats of it. */
function question(make, lines, params = parameters({ tag: '"keytender-api"' })) {
  return { ...make({ lines, params }), lines, nonce: Object.fromEntries(params).nonce };
}
const asked = () => question(simple, plain);
const postLines = [
  ...target('POST', 'api.example', '/orders', '?'),
  ['content-digest', sha256(Buffer.from(json))],
  ['content-type', 'application/json'],
];
const answered = { policy: answerPolicy };

accept('an answer', answer(asked()), answered);
accept(
  'an answer without content',
  answer(asked(), { status: 204, type: null, body: '' }),
  answered,
);
accept(
  'an answer that is an error',
  answer(asked(), {
    status: 409,
    type: 'application/problem+json',
    body: '{"code":"replay_detected"}',
  }),
  answered,
);
accept('an answer to content', answer(question(post, postLines)), answered);
accept(
  'an answer with a sha-512 digest',
  answer(asked(), { digest: sha512(Buffer.from('{"ok":true}')) }),
  answered,
);
accept(
  'an answer under a superseded key',
  answer(asked(), { key: 'superseded', keyid: '"default:6"' }),
  answered,
);
accept(
  'an answer with components in another order',
  answer(asked(), { lines: (own, bound) => [...bound, ...own] }),
  answered,
);
accept(
  'an answer to one of several signatures',
  (() => {
    const ask = asked();
    const second = textOf(other());
    const both = rewrite(ask, (input, signature) =>
      fields(`${second['Signature-Input']}, ${input}`, `${second.Signature}, ${signature}`),
    );
    return answer({ ...ask, request: both.request });
  })(),
  answered,
);
accept('an answer under a tag of its own', answer(asked(), { tag: '"orders"' }), {
  policy: { ...answerPolicy, tag: 'orders' },
});
accept(
  'RFC 9421 2.4 with our algorithm: an answer to an unsigned request',
  (() => {
    const body = '{"busy": true, "message": "Your call is very important to us"}';
    const digest =
      'sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:';
    const signed = signLines(
      [
        ['@status', '503'],
        ['content-digest', digest],
        ['content-type', 'application/json'],
        ['"@authority";req', 'example.com'],
        ['"@method";req', 'POST'],
        ['"@path";req', '/foo'],
        ['"content-digest";req', rfcDigest],
      ],
      [
        ['created', '1618884479'],
        ['keyid', '"test-shared-secret"'],
      ],
      keys['test-shared-secret'],
    );
    const { method, url: to, headers } = rfcRequest;
    return {
      ...signed,
      key: 'test-shared-secret',
      request: { method, url: to, headers, body: encoded(rfcBody) },
      response: {
        status: 503,
        headers: [
          ['Date', 'Tue, 20 Apr 2021 02:07:56 GMT'],
          ['Content-Type', 'application/json'],
          ['Content-Length', '62'],
          ['Content-Digest', digest],
          ['Signature-Input', `reqres=${signed.signatureParams}`],
          ['Signature', `reqres=:${signed.mac}:`],
        ],
        body: encoded(body),
      },
    };
  })(),
  { policy: rfcPolicy },
);

// ------------------------------------------------------------------------------------------ requests, refused

const unsigned = { request: { method: 'GET', url, headers: [], body: null } };
refuse('missing_signature', 'no signature', unsigned);
refuse('missing_signature', 'another scheme', {
  request: { ...unsigned.request, headers: [['Authorization', 'Bearer x']] },
});

const broken = (name, change, options) =>
  refuse('malformed_signature', name, rewrite(simple(), change), options);
broken('Signature-Input without Signature', (input) => [['Signature-Input', input]]);
broken('Signature without Signature-Input', (_, signature) => [['Signature', signature]]);
broken('an empty Signature-Input', (_, signature) => fields('', signature));
broken('labels that differ', (input, signature) =>
  fields(input, signature.replace('keytender', 'sig1')),
);
broken('a label in one field only', (input, signature) => fields(`${input}, more=()`, signature));
broken('a label twice', (input, signature) => fields(`${input}, ${input}`, signature));
broken('a label twice, on two lines', (input, signature) => [
  ...fields(input, signature),
  ['Signature-Input', input],
]);
broken('a label twice in Signature', (input, signature) =>
  fields(input, `${signature}, ${signature}`),
);
broken('a trailing comma', (input, signature) => fields(`${input},`, signature));
broken('a label in capitals', (input, signature) =>
  fields(input.replace('keytender', 'Keytender'), signature.replace('keytender', 'Keytender')),
);
broken('no dictionary', (input, signature) => fields(input.slice('keytender='.length), signature));
broken('a string instead of a list', (_, signature) => fields('keytender="@method"', signature));
broken('an unclosed list', (input, signature) => fields(input.replace(')', ''), signature));
broken('components without a space between', (input, signature) =>
  fields(input.replace('" "', '""'), signature),
);
broken('a component that is a token', (input, signature) =>
  fields(input.replace('"@query"', 'query'), signature),
);
broken('a character that is not ASCII', (input, signature) =>
  fields(input.replace('default', 'd\u00e9fault'), signature),
);
broken('created twice', (input, signature) => fields(`${input};created=${NOW}`, signature));
broken('tag twice', (input, signature) => fields(`${input};tag="keytender-service"`, signature));
broken('a signature that is a string', (input, signature) =>
  fields(input, signature.replace(/=:(.*):$/, '="$1"')),
);
broken('a signature that is no base64', (input, signature) =>
  fields(input, signature.replace(/=:./, '=:!')),
);
broken('a signature of 31 bytes', (input) =>
  fields(input, `keytender=:${Buffer.alloc(31).toString('base64')}:`),
);
broken('a signature of 64 bytes', (input) =>
  fields(input, `keytender=:${Buffer.alloc(64).toString('base64')}:`),
);
broken('an empty signature', (input) => fields(input, 'keytender=::'));
broken('two signatures with our tag', (input, signature) =>
  fields(
    `${input}, again=${input.slice('keytender='.length)}`,
    `${signature}, again=${signature.slice('keytender='.length)}`,
  ),
);
broken('five signatures', (input, signature) => {
  const more = ['a', 'b', 'c', 'd'];
  return fields(
    [input, ...more.map((label) => `${label}=()`)].join(', '),
    [signature, ...more.map((label) => `${label}=:AA==:`)].join(', '),
  );
});
broken('a field of more than 8192 characters', (input, signature) =>
  fields(`${input};pad="${'x'.repeat(8192)}"`, signature),
);

const badParameter = (reason, name, changes, options) =>
  refuse(reason, name, simple({ params: parameters(changes) }), options);
badParameter('malformed_signature', 'no created', { created: undefined });
badParameter('malformed_signature', 'created as a string', { created: `"${NOW}"` });
badParameter('malformed_signature', 'created as a decimal', { created: `${NOW}.0` });
badParameter('malformed_signature', 'created as a date', { created: `@${NOW}` });
badParameter('malformed_signature', 'expires as a string', { expires: `"${NOW}"` });
badParameter('malformed_signature', 'no nonce', { nonce: undefined });
badParameter('malformed_signature', 'a nonce of 15 characters', { nonce: '"0123456789abcde"' });
badParameter('malformed_signature', 'a nonce of 129 characters', {
  nonce: string('n'.repeat(129)),
});
badParameter('malformed_signature', 'a nonce that is a token', { nonce: 'abcdefghijklmnopqrst' });
badParameter('malformed_signature', 'no keyid', { keyid: undefined });
badParameter('malformed_signature', 'keyid as a token', { keyid: 'default' });
badParameter('unsupported_algorithm', 'alg hmac-sha512', { alg: '"hmac-sha512"' });
badParameter('unsupported_algorithm', 'alg ed25519', { alg: '"ed25519"' });
badParameter('unsupported_algorithm', 'alg none', { alg: '"none"' });
badParameter('unsupported_algorithm', 'alg in capitals', { alg: '"HMAC-SHA256"' });
badParameter('malformed_signature', 'alg as a token', { alg: 'hmac-sha256' });
badParameter('wrong_tag', 'no tag', { tag: undefined });
badParameter('wrong_tag', 'another tag', { tag: '"orders"' });
badParameter('wrong_tag', 'the tag in capitals', { tag: '"Keytender-Service"' });
badParameter('wrong_tag', 'the tag as a token', { tag: 'keytender-service' });
badParameter('wrong_tag', 'a request between services, played to the API', service, {
  policy: apiPolicy,
});
badParameter(
  'wrong_tag',
  'an answer, played as a request',
  { tag: '"keytender-answer"' },
  { policy: apiPolicy },
);
badParameter('unknown_key', 'an unknown name', { keyid: '"nobody:7"' });
badParameter('signature_mismatch', 'the key of another name', { keyid: '"utf8:1"' });
badParameter('unknown_key', 'an unknown client', { keyid: '"client:nobody:1"' });
badParameter('unknown_key', 'a name for a client', { keyid: '"billing:3"' });
badParameter('unknown_key', 'a name in capitals', { keyid: '"Default:7"' });
badParameter('unknown_key', 'a version with a leading zero', { keyid: '"default:07"' });
badParameter('unknown_key', 'an empty keyid', { keyid: '""' });
badParameter('created_in_future', 'created 31 s ahead', { created: String(NOW + 31) });
badParameter('too_old', 'created 301 s ago', { created: String(NOW - 301) });
badParameter('too_old', 'created before 1970', { created: '-1' });
badParameter('too_old', 'expires does not make it younger', {
  created: String(NOW - 301),
  expires: String(NOW + 60),
});
badParameter(
  'before_start',
  'created in the second of the start',
  { created: String(NOW - 10) },
  { not_before: NOW - 10 + 0.9 },
);
badParameter('expired', 'expired a second ago', { expires: String(NOW - 1) });
refuse(
  'unknown_key',
  'a version that is not held, under a key that is not held',
  simple({ key: 'client', params: parameters({ keyid: '"default:9"' }) }),
);
refuse(
  'signature_mismatch',
  'the key of a client under the name of the token',
  simple({ key: 'client' }),
);
refuse(
  'retired_key',
  'a key whose grace is over',
  simple({ key: 'retired', params: parameters({ keyid: '"default:4"' }) }),
);
refuse('wrong_audience', 'another audience', simple(), {
  policy: { ...servicePolicy, audience: ['other.example', 'api.example:8443'] },
});

const cover = (reason, name, lines, more = {}, options) =>
  refuse(reason, name, simple({ lines, ...more }), options);
const without = (name) => plain.filter(([id]) => id !== name);
for (const [id] of plain) cover('missing_component', `${id} not covered`, without(id));
cover('missing_component', 'nothing covered', []);
cover('missing_component', 'a covered field that is not there', [...plain, ['date', 'x']]);
cover('unsupported_component', 'a component twice', [...plain, plain[0]]);
cover('unsupported_component', '@status of a request', [...plain, ['@status', '200']]);
cover('unsupported_component', 'a derived component nobody knows', [...plain, ['@foo', 'x']]);
cover('unsupported_component', '@signature-params as a component', [
  ...plain,
  ['@signature-params', 'x'],
]);
cover('unsupported_component', '@method;req instead of @method', [
  ...without('@method'),
  ['"@method";req', 'GET'],
]);
cover(
  'unsupported_component',
  'a component of the request in a request',
  [...plain, ['"date";req', dated[1]]],
  { headers: [dated] },
);
cover('unsupported_component', 'a field with ;sf', [...plain, ['"priority";sf', 'u=1']], {
  headers: [['Priority', 'u=1']],
});
cover(
  'unsupported_component',
  'a field with ;bs',
  [...plain, ['"date";bs', `:${encoded(dated[1])}:`]],
  { headers: [dated] },
);
cover('unsupported_component', 'a field with ;key', [...plain, ['"priority";key="u"', '1']], {
  headers: [['Priority', 'u=1']],
});
cover('unsupported_component', 'a trailer', [...plain, ['"date";tr', dated[1]]], {
  headers: [dated],
});
cover(
  'unsupported_component',
  'a component parameter nobody knows',
  [...plain, ['"date";x', dated[1]]],
  { headers: [dated] },
);
cover('unsupported_component', 'a query parameter', [
  ...plain,
  ['"@query-param";name="page"', '2'],
]);
cover('unsupported_component', 'a field name in capitals', [...plain, ['Date', dated[1]]], {
  headers: [dated],
});
cover(
  'unsupported_component',
  'a covered field that is not ASCII',
  [...plain, ['x-name', 'Zo\u00eb']],
  { headers: [['X-Name', 'Zo\u00eb']] },
);
cover(
  'unsupported_component',
  'a control character in a covered field',
  [...plain, ['x-name', 'a\u0000b']],
  { headers: [['X-Name', 'a\u0000b']] },
);
cover(
  'unsupported_component',
  'a line break in a covered field',
  [...plain, ['x-name', 'a\n"x": b']],
  { headers: [['X-Name', 'a\n"x": b']] },
);
cover(
  'unsupported_component',
  '33 extra components',
  [...plain, ...many, dated.map((text, i) => (i === 0 ? 'date' : text))],
  { headers: [...many, dated] },
);

const contents = (reason, name, more) => refuse(reason, name, post(more));
const swapped = (signed, body) => ({
  ...signed,
  request: { ...signed.request, body: encoded(body) },
});
const noDigestLines = [
  ...target('POST', 'api.example', '/orders', '?'),
  ['content-type', 'application/json'],
];
contents('missing_component', 'content whose digest is not covered', { lines: noDigestLines });
contents('missing_component', 'content without a digest', {
  headers: [['Content-Type', 'application/json']],
  lines: noDigestLines,
});
contents('missing_component', 'a covered digest that is not there', {
  headers: [['Content-Type', 'application/json']],
});
contents('missing_component', 'chunked content without a digest', {
  headers: [
    ['Content-Type', 'application/json'],
    ['Transfer-Encoding', 'chunked'],
  ],
  body: '',
  lines: noDigestLines,
});
contents('missing_component', 'a length without a digest', {
  headers: [
    ['Content-Type', 'application/json'],
    ['Content-Length', '5'],
  ],
  body: null,
  lines: noDigestLines,
});
contents('unsupported_component', 'the digest with ;sf', {
  lines: [...noDigestLines, ['"content-digest";sf', sha256(Buffer.from(json))]],
});
contents('unsupported_component', 'the digest as a trailer', {
  lines: [...noDigestLines, ['"content-digest";tr', sha256(Buffer.from(json))]],
});
contents('unsupported_algorithm', 'a digest of another algorithm alone', {
  digest: 'md5=:Sd/dVLAcvNLSq16eXua5uQ==:',
});
contents('unsupported_algorithm', 'an empty digest field', { digest: '' });
contents('digest_mismatch', 'a digest that is no dictionary', { digest: '"sha-256"' });
contents('digest_mismatch', 'a digest that is a string', {
  digest: 'sha-256="X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="',
});
contents('digest_mismatch', 'a digest of 31 bytes', {
  digest: `sha-256=:${Buffer.alloc(31).toString('base64')}:`,
});
contents('digest_mismatch', 'the same digest algorithm twice', {
  digest: `${sha256(Buffer.from(json))}, ${sha256(Buffer.from(json))}`,
});
contents('digest_mismatch', 'two digests of which one is wrong', {
  digest: `${sha256(Buffer.from(json))}, ${sha512(Buffer.from('other'))}`,
});
contents('digest_mismatch', 'the digest of the content before its coding', {
  body: Buffer.from([0x1f, 0x8b, 8, 0]),
  digest: sha256(Buffer.from(json)),
});
refuse(
  'digest_mismatch',
  'other content under the same signature',
  swapped(post(), '{"hello": "World"}'),
);
refuse('digest_mismatch', 'content taken away', swapped(post(), ''));
refuse('digest_mismatch', 'content added to a digest of nothing', swapped(post({ body: '' }), 'x'));
refuse('missing_component', 'content added to a request without any', swapped(simple(), 'x'));

const tampered = (name, change) => {
  const signed = simple();
  refuse('signature_mismatch', name, { request: { ...signed.request, ...change } });
};
tampered('another method', { method: 'DELETE' });
tampered('the method in lower case', { method: 'get' });
tampered('another path', { url: 'https://api.example/item?page=2' });
tampered('a slash at the end of the path', { url: 'https://api.example/items/?page=2' });
tampered('a letter of the path encoded', { url: 'https://api.example/item%73?page=2' });
tampered('a dot segment in the path', { url: 'https://api.example/./items?page=2' });
tampered('a doubled slash', { url: 'https://api.example//items?page=2' });
tampered('the path in capitals', { url: 'https://api.example/Items?page=2' });
tampered('another query', { url: 'https://api.example/items?page=3' });
tampered('the query taken away', { url: 'https://api.example/items' });
tampered('a query parameter added', { url: 'https://api.example/items?page=2&x=1' });
tampered('the query moved into the path', { url: 'https://api.example/items%3Fpage=2' });
tampered('another authority', { url: 'https://api.example.org/items?page=2' });
tampered('another port', { url: 'https://api.example:8443/items?page=2' });
tampered('the default port of the other scheme', { url: 'http://api.example:443/items?page=2' });
tampered('a dot behind the host', { url: 'https://api.example./items?page=2' });

const edited = (name, change) => refuse('signature_mismatch', name, rewrite(simple(), change));
edited('components reordered after signing', (input, signature) =>
  fields(input.replace('"@path" "@query"', '"@query" "@path"'), signature),
);
edited('parameters reordered after signing', (input, signature) =>
  fields(input.replace(/(;keyid="[^"]*")(;tag="[^"]*")/, '$2$1'), signature),
);
edited('a parameter added after signing', (input, signature) =>
  fields(`${input};expires=${NOW + 1}`, signature),
);
edited('alg added after signing', (input, signature) =>
  fields(`${input};alg="hmac-sha256"`, signature),
);
edited('the version changed after signing', (input, signature) =>
  fields(input.replace('default:7', 'default:6'), signature),
);
edited('the version taken away after signing', (input, signature) =>
  fields(input.replace('default:7', 'default'), signature),
);
edited('the nonce changed after signing', (input, signature) =>
  fields(input.replace('vector-nonce', 'Vector-nonce'), signature),
);
edited('created changed after signing', (input, signature) =>
  fields(input.replace(`created=${NOW}`, `created=${NOW + 1}`), signature),
);
edited('the first bit of the signature', (input, signature) => {
  const bytes = Buffer.from(/:(.*):/.exec(signature)[1], 'base64');
  bytes[0] ^= 0x80;
  return fields(input, `keytender=:${bytes.toString('base64')}:`);
});
edited('the last bit of the signature', (input, signature) => {
  const bytes = Buffer.from(/:(.*):/.exec(signature)[1], 'base64');
  bytes[31] ^= 1;
  return fields(input, `keytender=:${bytes.toString('base64')}:`);
});
refuse(
  'wrong_tag',
  'the tag changed after signing, to another',
  rewrite(simple(), (input, signature) =>
    fields(input.replace('keytender-service', 'keytender-api'), signature),
  ),
);
refuse(
  'signature_mismatch',
  'the tag changed after signing, to ours',
  rewrite(simple({ params: parameters({ tag: '"orders"' }) }), (input, signature) =>
    fields(input.replace('"orders"', '"keytender-service"'), signature),
  ),
);
refuse('signature_mismatch', 'a covered field changed', {
  request: {
    ...post().request,
    headers: post().request.headers.map(([name, value]) => [
      name,
      name === 'Content-Type' ? 'text/plain' : value,
    ]),
  },
});
refuse(
  'signature_mismatch',
  'a line added to a covered field',
  (() => {
    const signed = simple({ headers: [dated], lines: [...plain, ['date', dated[1]]] });
    return { request: { ...signed.request, headers: [...signed.request.headers, dated] } };
  })(),
);
keys.decoded = { ...keys.base64_looking, text: undefined, base64: keys.base64_looking.text };
refuse(
  'signature_mismatch',
  'a token that looks like base64, decoded',
  simple({ key: 'decoded', params: parameters({ keyid: '"looks-like-base64:1"' }) }),
);
delete keys.decoded;
for (const [name, bad] of [
  ['a fragment in the target', '/items?page=2#x'],
  ['a backslash in the target', '/items\\x'],
  ['a space in the target', '/items x'],
  ['a target that is not ASCII', '/\u00e9'],
  ['user information in the target', 'https://user@api.example/items?page=2'],
]) {
  const signed = get(
    bad.startsWith('/') ? `https://api.example${bad}` : bad,
    'api.example',
    '/items',
    '?page=2',
  );
  refuse('malformed_signature', name, signed);
}
refuse(
  'unsupported_component',
  'the origin-form with two Host lines',
  signedRequest({
    url: '/x',
    headers: [
      ['Host', 'api.example'],
      ['Host', 'api.example'],
    ],
    lines: target('GET', 'api.example', '/x', '?'),
  }),
);

// ------------------------------------------------------------------------------------------- answers, refused

const wrongAnswer = (reason, name, made) => refuse(reason, name, made, answered);
const lineless = (id) => ({
  lines: (own, bound) => [...own, ...bound].filter(([one]) => one !== id),
});
wrongAnswer('missing_component', 'an answer without @status', answer(asked(), lineless('@status')));
wrongAnswer(
  'missing_component',
  'an answer without its digest',
  answer(asked(), lineless('content-digest')),
);
wrongAnswer(
  'missing_component',
  'an answer whose content-type is not covered',
  answer(asked(), lineless('content-type')),
);
wrongAnswer(
  'missing_component',
  "an answer that leaves out the request's path",
  answer(asked(), lineless('"@path";req')),
);
wrongAnswer(
  'missing_component',
  'an answer bound to nothing',
  answer(asked(), { lines: (own) => own }),
);
wrongAnswer(
  'wrong_tag',
  'an answer under the tag of a request',
  answer(asked(), { tag: '"keytender-api"' }),
);
wrongAnswer(
  'replay',
  'an answer under another nonce',
  answer(asked(), { nonce: '"another-nonce-0001"' }),
);
wrongAnswer(
  'malformed_signature',
  'an answer without a nonce',
  answer(asked(), {
    params: [
      ['created', String(NOW)],
      ['keyid', '"default:7"'],
      ['tag', '"keytender-answer"'],
    ],
  }),
);
wrongAnswer(
  'unknown_key',
  'an answer of somebody else',
  answer(asked(), { key: 'client', keyid: '"client:billing:3"' }),
);
wrongAnswer(
  'signature_mismatch',
  'an answer under a key that is not held',
  answer(asked(), { key: 'utf8' }),
);
wrongAnswer(
  'too_old',
  'an answer of yesterday',
  (() => {
    const ask = asked();
    return answer(ask, {
      params: [
        ['created', String(NOW - 86400)],
        ['nonce', ask.nonce],
        ['keyid', '"default:7"'],
        ['tag', '"keytender-answer"'],
      ],
    });
  })(),
);
const changed = (make) => {
  const made = answer(asked());
  return { ...made, ...make(made) };
};
wrongAnswer(
  'signature_mismatch',
  'an answer with another status',
  changed(({ response }) => ({ response: { ...response, status: 500 } })),
);
wrongAnswer(
  'signature_mismatch',
  'an answer to another path',
  changed(({ request }) => ({ request: { ...request, url: 'https://api.example/other?page=2' } })),
);
wrongAnswer(
  'digest_mismatch',
  'an answer with other content',
  changed(({ response }) => ({ response: { ...response, body: encoded('{"ok":false}') } })),
);
wrongAnswer(
  'missing_signature',
  'an answer without a signature',
  changed(({ response }) => ({ response: { ...response, headers: [] } })),
);
wrongAnswer(
  'replay',
  'an answer to an unsigned request',
  changed(({ request }) => ({ request: { ...request, headers: [] } })),
);

// ------------------------------------------------------------------------------------------------------------

const text = `${JSON.stringify(
  {
    description:
      'RFC 9421 signatures as keytender makes and takes them. Headers are [name, value] lines, values text whose code points are bytes (Latin-1); bodies are base64, null where there is none; keys are UTF-8 text or base64 of raw bytes. Every vector is judged with all keys below in the keyring, at `now`, under `policy` (docs/signatures.md). `base` is the signature base, `mac` its HMAC-SHA256 in base64.',
    keys,
    accepted,
    refused,
  },
  null,
  1,
)}\n`;

if (process.argv.includes('--check')) {
  const same = readFileSync(FILE, 'utf8') === text;
  if (!same) process.stderr.write('docs/vectors.json is not what scripts/vectors.mjs writes\n');
  process.exitCode = same ? 0 : 1;
} else {
  writeFileSync(FILE, text);
  process.stdout.write(`${accepted.length} accepted, ${refused.length} refused\n`);
}
