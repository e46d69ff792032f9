import { brotliCompressSync } from 'node:zlib';
import t from 'tap';
import {
  componentText,
  contentDigest,
  Keyring,
  matchesContent,
  parseComponent,
  parseContentDigest,
  rfc9421Policy,
  signatureBase,
  signatureParamsText,
  signMessage,
  structuredTypes,
  verify,
  viewRequest,
  viewResponse,
} from '../../src/signature/index.js';
import type { MessageView } from '../../src/signature/index.js';

const digest512 =
  'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:';
const testRequest = {
  method: 'POST',
  url: 'https://example.com/foo?param=Value&Pet=dog',
  headers: {
    Host: 'example.com',
    Date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type': 'application/json',
    'Content-Digest': digest512,
    'Content-Length': '18',
  },
};
const sharedSecret = Buffer.from(
  'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  'base64',
);

/** The lines of a base without its last one. */
function lines(
  message: MessageView,
  identifiers: readonly string[],
  types = structuredTypes,
): string[] {
  const components = identifiers.map(parseComponent);
  const params = signatureParamsText(components, new Map());
  const built = signatureBase(message, components, params, types);
  return built.ok ? built.base.split('\n').slice(0, -1) : [built.reason];
}

const get = (url: string, headers = {}) => viewRequest({ method: 'GET', url, headers });

t.test('§2.1: fields are combined, stripped and unfolded', async (t) => {
  const message = viewRequest({
    method: 'GET',
    url: 'https://www.example.com/',
    headers: [
      ['Host', 'www.example.com'],
      ['Date', 'Tue, 20 Apr 2021 02:07:56 GMT'],
      ['X-OWS-Header', '   Leading and trailing whitespace.   '],
      ['X-Obs-Fold-Header', 'Obsolete\r\n    line folding.'],
      ['Cache-Control', 'max-age=60'],
      ['Cache-Control', '    must-revalidate'],
      ['Example-Dict', '  a=1,    b=2;x=1;y=2,   c=(a   b   c)'],
      ['X-Empty-Header', ' '],
    ],
  });
  t.same(
    lines(message, [
      'host',
      'date',
      'x-ows-header',
      'x-obs-fold-header',
      'cache-control',
      'example-dict',
      'x-empty-header',
    ]),
    [
      '"host": www.example.com',
      '"date": Tue, 20 Apr 2021 02:07:56 GMT',
      '"x-ows-header": Leading and trailing whitespace.',
      '"x-obs-fold-header": Obsolete line folding.',
      '"cache-control": max-age=60, must-revalidate',
      '"example-dict": a=1,    b=2;x=1;y=2,   c=(a   b   c)',
      '"x-empty-header": ',
    ],
  );
});

t.test('§2.1.1: a structured field in strict serialisation, when its type is known', async (t) => {
  const message = get('https://a/', { 'Example-Dict': '  a=1,    b=2;x=1;y=2,   c=(a   b   c)' });
  const types = { 'example-dict': 'dictionary' } as const;
  t.same(lines(message, ['example-dict;sf'], types), [
    '"example-dict";sf: a=1, b=2;x=1;y=2, c=(a b c)',
  ]);
  t.same(lines(message, ['example-dict;sf']), ['unsupported_component']);
  const accept = get('https://a/', { Accept: 'text/html;  q=0.50,   */*', Priority: 'u=1,i' });
  t.same(lines(accept, ['accept;sf', 'priority;sf']), [
    '"accept";sf: text/html;q=0.5, */*',
    '"priority";sf: u=1, i',
  ]);
  const certificate = get('https://a/', { 'Client-Cert': ' :AAEC: ' });
  t.same(lines(certificate, ['client-cert;sf']), ['"client-cert";sf: :AAEC:']);
});

t.test('§2.1.2: members of a dictionary', async (t) => {
  const message = get('https://a/', { 'Example-Dict': '  a=1, b=2;x=1;y=2, c=(a   b    c), d' });
  const keys = ['a', 'd', 'b', 'c'].map((key) => `"example-dict";key="${key}"`);
  t.same(lines(message, keys), [
    '"example-dict";key="a": 1',
    '"example-dict";key="d": ?1',
    '"example-dict";key="b": 2;x=1;y=2',
    '"example-dict";key="c": (a b c)',
  ]);
  t.same(lines(message, ['"example-dict";key="e"']), ['missing_component']);
});

t.test('§2.1.3: fields wrapped as bytes', async (t) => {
  const two = viewRequest({
    method: 'GET',
    url: 'https://a/',
    headers: [
      ['Example-Header', 'value, with, lots'],
      ['Example-Header', 'of, commas'],
    ],
  });
  t.same(lines(two, ['example-header']), ['"example-header": value, with, lots, of, commas']);
  t.same(lines(two, ['example-header;bs']), [
    '"example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:',
  ]);
  const one = get('https://a/', { 'Example-Header': 'value, with, lots, of, commas' });
  t.same(lines(one, ['example-header;bs']), [
    '"example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:',
  ]);
  t.same(lines(one, ['example-header;bs;sf']), ['unsupported_component']);
  const wide = get('https://a/', { 'Example-Header': '\u0141' });
  t.same(lines(wide, ['example-header;bs']), ['unsupported_component'], 'text that is no bytes');
});

t.test('§2.1.4: trailers', async (t) => {
  const message = viewResponse(
    {
      status: 200,
      headers: { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked', Trailer: 'Expires' },
      trailers: { Expires: 'Wed, 9 Nov 2022 07:28:00 GMT' },
    },
    undefined,
  );
  t.same(lines(message, ['@status', 'trailer', 'expires;tr']), [
    '"@status": 200',
    '"trailer": Expires',
    '"expires";tr: Wed, 9 Nov 2022 07:28:00 GMT',
  ]);
  t.same(lines(message, ['expires']), ['missing_component']);
});

t.test('§2.2: derived components', async (t) => {
  const post = viewRequest({
    method: 'POST',
    url: '/path?param=value',
    headers: { Host: 'www.example.com' },
    scheme: 'https',
  });
  t.same(
    lines(post, [
      '@method',
      '@target-uri',
      '@authority',
      '@scheme',
      '@request-target',
      '@path',
      '@query',
    ]),
    [
      '"@method": POST',
      '"@target-uri": https://www.example.com/path?param=value',
      '"@authority": www.example.com',
      '"@scheme": https',
      '"@request-target": /path?param=value',
      '"@path": /path',
      '"@query": ?param=value',
    ],
  );
  const http = viewRequest({ method: 'POST', url: 'HTTP://www.example.com/path', headers: {} });
  t.same(lines(http, ['@scheme']), ['"@scheme": http']);
  const target = (raw: string, method = 'GET') =>
    viewRequest({ method, url: 'https://www.example.com/path', target: raw, headers: {} });
  for (const raw of ['https://www.example.com/path?param=value', 'www.example.com:80', '*']) {
    t.same(lines(target(raw), ['@request-target']), [`"@request-target": ${raw}`]);
  }
  const queries = {
    'https://www.example.com/path?param=value&foo=bar&baz=bat%2Dman':
      '?param=value&foo=bar&baz=bat%2Dman',
    'https://www.example.com/path?queryString': '?queryString',
    'https://www.example.com/path': '?',
  };
  for (const [url, query] of Object.entries(queries)) {
    t.same(lines(get(url), ['@query']), [`"@query": ${query}`]);
  }
});

t.test('§2.2.8: named query parameters', async (t) => {
  const simple = get('https://www.example.com/path?param=value&foo=bar&baz=batman&qux=');
  const named = (name: string) => `"@query-param";name="${name}"`;
  t.same(lines(simple, [named('baz'), named('qux'), named('param')]), [
    '"@query-param";name="baz": batman',
    '"@query-param";name="qux": ',
    '"@query-param";name="param": value',
  ]);
  const encoded = get(
    'https://www.example.com/parameters?var=this%20is%20a%20big%0Amultiline%20value&' +
      'bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something',
  );
  t.same(lines(encoded, [named('var'), named('bar'), named('fa%C3%A7ade%22%3A%20')]), [
    '"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value',
    '"@query-param";name="bar": with%20plus%20whitespace',
    '"@query-param";name="fa%C3%A7ade%22%3A%20": something',
  ]);
  t.same(lines(get('https://a/?x=1&x=2'), [named('x')]), ['unsupported_component']);
  t.same(lines(get('https://a/'), [named('x')]), ['unsupported_component']);
  t.same(lines(get('https://a/?x=~*!()%27'), [named('x')]), [
    '"@query-param";name="x": %7E*%21%28%29%27',
  ]);
});

t.test('§2.2.9, §2.4: the status, and components of the request that is answered', async (t) => {
  const request = viewRequest(testRequest);
  const digest =
    'sha-512=:0Y6iCBzGg5rZtoXS95Ijz03mslf6KAMCloESHObfwnHJDbkkWWQz6PhhU9kxsTbARtY2PTBOzq24uJFpHsMuAg==:';
  const response = viewResponse(
    { status: 503, headers: { 'Content-Type': 'application/json', 'Content-Digest': digest } },
    request,
  );
  const components = [
    '@status',
    'content-digest',
    'content-type',
    '@authority;req',
    '@method;req',
    '@path;req',
    '@query;req',
    'content-digest;req',
    'content-type;req',
    'content-length;req',
  ].map(parseComponent);
  const params = new Map<string, string | number>([
    ['created', 1618884479],
    ['keyid', 'test-key-ecc-p256'],
  ]);
  const built = signatureBase(response, components, signatureParamsText(components, params));
  t.same(built, {
    ok: true,
    base: [
      '"@status": 503',
      `"content-digest": ${digest}`,
      '"content-type": application/json',
      '"@authority";req: example.com',
      '"@method";req: POST',
      '"@path";req: /foo',
      '"@query";req: ?param=Value&Pet=dog',
      `"content-digest";req: ${digest512}`,
      '"content-type";req: application/json',
      '"content-length";req: 18',
      '"@signature-params": ("@status" "content-digest" "content-type" "@authority";req ' +
        '"@method";req "@path";req "@query";req "content-digest";req "content-type";req ' +
        '"content-length";req);created=1618884479;keyid="test-key-ecc-p256"',
    ].join('\n'),
  });
  t.same(lines(request, ['@status']), ['unsupported_component']);
  t.same(lines(request, ['@method;req']), ['unsupported_component']);
  t.same(lines(response, ['@method']), ['unsupported_component']);
  t.same(lines(viewResponse({ status: 200, headers: {} }, undefined), ['@method;req']), [
    'missing_component',
  ]);
});

t.test('§2.5: the example base', async (t) => {
  const components = [
    '@method',
    '@authority',
    '@path',
    'content-digest',
    'content-length',
    'content-type',
  ].map(parseComponent);
  const params = new Map<string, string | number>([
    ['created', 1618884473],
    ['keyid', 'test-key-rsa-pss'],
  ]);
  const built = signatureBase(
    viewRequest(testRequest),
    components,
    signatureParamsText(components, params),
  );
  t.same(built.ok && built.base.split('\n'), [
    '"@method": POST',
    '"@authority": example.com',
    '"@path": /foo',
    `"content-digest": ${digest512}`,
    '"content-length": 18',
    '"content-type": application/json',
    '"@signature-params": ("@method" "@authority" "@path" "content-digest" "content-length" ' +
      '"content-type");created=1618884473;keyid="test-key-rsa-pss"',
  ]);
});

t.test('§4.3: a proxy signs the message that it changed', async (t) => {
  const forwarded = viewRequest({
    ...testRequest,
    url: 'https://origin.host.internal.example/foo?param=Value&Pet=dog',
    headers: {
      ...testRequest.headers,
      Forwarded: 'for=192.0.2.123;host=example.com;proto=https',
    },
  });
  const components = [
    '@method',
    '@authority',
    '@path',
    'content-digest',
    'content-type',
    'content-length',
    'forwarded',
  ].map(parseComponent);
  const params = new Map<string, string | number>([
    ['created', 1618884480],
    ['keyid', 'test-key-rsa'],
    ['alg', 'rsa-v1_5-sha256'],
    ['expires', 1618884540],
  ]);
  const built = signatureBase(forwarded, components, signatureParamsText(components, params));
  t.same(built.ok && built.base.split('\n').slice(-2), [
    '"forwarded": for=192.0.2.123;host=example.com;proto=https',
    '"@signature-params": ("@method" "@authority" "@path" "content-digest" "content-type" ' +
      '"content-length" "forwarded");created=1618884480;keyid="test-key-rsa";' +
      'alg="rsa-v1_5-sha256";expires=1618884540',
  ]);
});

const selected = {
  'B.2.1': [],
  'B.2.2': ['@authority', 'content-digest', '@query-param;name="Pet"'],
  'B.2.3': [
    'date',
    '@method',
    '@path',
    '@query',
    '@authority',
    'content-type',
    'content-digest',
    'content-length',
  ],
  'B.2.6': ['date', '@method', '@path', '@authority', 'content-type', 'content-length'],
};
const values: Record<string, string> = {
  date: 'Tue, 20 Apr 2021 02:07:55 GMT',
  '@method': 'POST',
  '@path': '/foo',
  '@query': '?param=Value&Pet=dog',
  '@authority': 'example.com',
  'content-type': 'application/json',
  'content-digest': digest512,
  'content-length': '18',
  '@query-param;name="Pet"': 'dog',
};

t.test('B.2: the base of every example over the test request', async (t) => {
  for (const [section, identifiers] of Object.entries(selected)) {
    const expected = identifiers.map(
      (name) => `${componentText(parseComponent(name))}: ${values[name] ?? ''}`,
    );
    t.same(lines(viewRequest(testRequest), identifiers), expected, section);
  }
});

t.test('B.2.4: the base of the example over the test response', async (t) => {
  const digest =
    'sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:';
  const message = viewResponse(
    {
      status: 200,
      headers: {
        Date: 'Tue, 20 Apr 2021 02:07:56 GMT',
        'Content-Type': 'application/json',
        'Content-Digest': digest,
        'Content-Length': '23',
      },
    },
    undefined,
  );
  t.same(lines(message, ['@status', 'content-type', 'content-digest', 'content-length']), [
    '"@status": 200',
    '"content-type": application/json',
    `"content-digest": ${digest}`,
    '"content-length": 23',
  ]);
  t.ok(
    matchesContent(parsed(digest), Buffer.from('{"message": "good dog"}')),
    'and its digest is that of the content',
  );
});

t.test('B.2.5: hmac-sha256 with the decoded bytes of the shared secret, both ways', async (t) => {
  const made = signMessage(
    viewRequest(testRequest),
    ['date', '@authority', 'content-type'].map(parseComponent),
    new Map<string, string | number>([
      ['created', 1618884473],
      ['keyid', 'test-shared-secret'],
    ]),
    sharedSecret,
    'sig-b25',
  );
  const headers = {
    'signature-input':
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    signature: 'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
  };
  t.same(made, {
    ok: true,
    headers,
    base: [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@authority": example.com',
      '"content-type": application/json',
      '"@signature-params": ("date" "@authority" "content-type");created=1618884473;' +
        'keyid="test-shared-secret"',
    ].join('\n'),
  });
  const request = { ...testRequest, headers: { ...testRequest.headers, ...headers } };
  const keyring = new Keyring([{ key: sharedSecret, name: 'test-shared-secret' }]);
  const context = { nowSeconds: 1618884473 };
  t.match(verify(request, keyring, rfc9421Policy, context), {
    ok: true,
    covered: ['date', '@authority', 'content-type'],
  });
  const encoded = new Keyring([
    { key: sharedSecret.toString('base64'), name: 'test-shared-secret' },
  ]);
  t.match(verify(request, encoded, rfc9421Policy, context), { reason: 'signature_mismatch' });
});

t.test('B.3, B.4: a proxy’s base, and what transformations keep it', async (t) => {
  const certificate = ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBB:';
  const proxied = viewRequest({
    ...testRequest,
    url: 'https://service.internal.example/foo?param=Value&Pet=dog',
    headers: { ...testRequest.headers, 'Client-Cert': certificate },
  });
  t.same(lines(proxied, ['@path', '@query', '@method', '@authority', 'client-cert']), [
    '"@path": /foo',
    '"@query": ?param=Value&Pet=dog',
    '"@method": POST',
    '"@authority": service.internal.example',
    `"client-cert": ${certificate}`,
  ]);
  const covered = ['@method', '@path', '@authority', 'accept'];
  const base = [
    '"@method": GET',
    '"@path": /demo',
    '"@authority": example.org',
    '"accept": application/json, */*',
  ];
  const demo = (headers: [string, string][], query = '?name1=Value1&Name2=value2') =>
    viewRequest({ method: 'GET', url: `https://example.org/demo${query}`, headers });
  const accepts: [string, string][] = [
    ['Accept', 'application/json'],
    ['Accept', '*/*'],
  ];
  t.same(lines(demo(accepts), covered), base);
  t.same(lines(demo([...accepts, ['Accept-Language', 'en']], '?a=1&param=added'), covered), base);
  t.same(lines(demo([['Accept', 'application/json, */*']]), covered), base);
  t.same(lines(demo([...accepts, ['Date', 'x'], ['Host', 'example.org']]), covered), base);
  t.notSame(lines(demo([...accepts].reverse()), covered), base);
});

t.test('RFC 9530: the digests of its examples', async (t) => {
  const hello = '{"hello": "world"}';
  t.equal(
    contentDigest(Buffer.from(hello)),
    'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
  );
  t.equal(contentDigest(Buffer.from(hello), 'sha-512'), digest512);
  // The digests of the brotli example are those of the coded content; the bytes printed beside them are not it.
  const examples: [string, Buffer][] = [
    ['sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:', Buffer.from(`${hello}\n`)],
    ['sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:', Buffer.alloc(0)],
    ['sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:', Buffer.from('"world"}\n')],
    [
      'sha-256=:d435Qo+nKZ+gLcUHn7GQtQ72hiBVAgqoLsZnZPiTGPk=:,' +
        'sha-512=:db7fdBbgZMgX1Wb2MjA8zZj+rSNgfmDCEEXM8qLWfpfoNY0sCpHAzZbj09X1/7HAb7Od5Qfto4QpuBsFbUO3dQ==:',
      brotliCompressSync(`${hello}\n`),
    ],
    [
      'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:',
      Buffer.from(`${hello}\n`),
    ],
    [
      'sha-256=:mEkdbO7Srd9LIOegftO0aBX+VPTVz7/CSHes2Z27gc4=:',
      Buffer.from('{"title": "New Title"}\n'),
    ],
  ];
  for (const [field, content] of examples) {
    t.ok(matchesContent(parsed(field), content), field);
    t.notOk(matchesContent(parsed(field), Buffer.from('other')), field);
  }
  for (const field of [
    'md5=:Sd/dVLAcvNLSq16eXua5uQ==:',
    'sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:',
    'unixsum=:GQU=:, unixcksum=:7zsHAA==:, adler=:OZkGFw==:, crc32c=:Q3lHIA==:',
  ]) {
    t.equal(parseContentDigest(field), 'unknown', field);
  }
});

function parsed(field: string) {
  const digests = parseContentDigest(field);
  return typeof digests === 'string' ? [] : digests;
}
