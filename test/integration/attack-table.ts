// What somebody who listens, replays or invents can send, one row a case: what he does, what he is told (status and
// code), and what stands inside (the reason in the audit trail and the metrics). docs/errors.md has the same rows.
import { createHash, createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { contentDigest } from '../../src/signature/index.js';
import { strong } from '../fixtures/readings.js';
import type { Sent, SignedCall } from '../fixtures/signed-request.js';

export interface Attack {
  readonly name: string;
  readonly call: SignedCall;
  readonly status: number;
  readonly code: string;
  /** null: refused before a signature is looked at, or after it held. */
  readonly reason: string | null;
  /** The request line and header section as text, where a client library would not send them. */
  readonly head?: (head: string, authority: string) => string;
}

/** The agent of the table: `default` has version 2, its version 1 ended without grace; `other` has one version. */
export const held = {
  default: { key: strong('token-2'), keyid: 'default:2' },
  retired: { key: strong('token-1'), keyid: 'default:1' },
  other: { key: strong('other-1'), keyid: 'other:1' },
};

export const list: SignedCall = { ...held.default, target: '/v1/tokens' };
const VERIFY = '/v1/tokens/default/verify';
const verify: SignedCall = {
  ...held.default,
  method: 'POST',
  target: VERIFY,
  body: '{"method":"GET","url":"http://a.example/"}',
};
const read: SignedCall = { ...list, target: '/v1/tokens/default' };

type Tamper = NonNullable<SignedCall['tamper']>;
const tampered = (call: SignedCall, tamper: Tamper): SignedCall => ({ ...call, tamper });
const edited = (name: string, call: SignedCall, change: (field: string) => string): SignedCall =>
  tampered(call, ({ headers }) => {
    headers[name] = change(String(headers[name]));
  });
const input = (change: (field: string) => string, call = list): SignedCall =>
  edited('signature-input', call, change);
const without = (name: string, call = list): SignedCall =>
  tampered(call, ({ headers }) => {
    Reflect.deleteProperty(headers, name);
  });
const parameters = (changed: NonNullable<SignedCall['parameters']>): SignedCall => ({
  ...list,
  parameters: changed,
});
/** With the signature of `call`, at another place. */
const moved = (call: SignedCall, to: string): SignedCall =>
  tampered(call, (sent) => (sent.target = to));
const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const body = (text: string | Buffer): Tamper => {
  const content = Buffer.from(text);
  return (sent) => {
    sent.body = content;
    sent.headers['content-length'] = String(content.length);
  };
};
const doubled = (field: string, times = 2): string =>
  Array.from({ length: times }, (_, at) => `${'b'.repeat(at)}${field}`).join(', ');
const severalSignatures = (times: number): SignedCall =>
  tampered(list, ({ headers }) => {
    for (const name of ['signature-input', 'signature']) {
      headers[name] = doubled(String(headers[name]), times);
    }
  });

/** The signature base of a request without content, written out (RFC 9421 section 2.5). */
function baseOf({ method, target, headers }: Sent): string {
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  return [
    `"@method": ${method}`,
    `"@authority": ${String(headers['host'])}`,
    `"@path": ${path}`,
    `"@query": ?${query}`,
    `"@signature-params": ${String(headers['signature-input']).replace('keytender=', '')}`,
  ].join('\n');
}
const macOf = (make: (base: string) => Buffer): SignedCall =>
  tampered(list, (sent) => {
    sent.headers['signature'] = `keytender=:${make(baseOf(sent)).toString('base64')}:`;
  });
const hmac = (key: string | Buffer) => (base: string) =>
  createHmac('sha256', key).update(base).digest();
/** Proof that the rows with another MAC have the right base: it verifies. */
export const macByHand = macOf(hmac(held.default.key));

const zipped = gzipSync(String(verify.body));
const encoded = (digestOf: Buffer, sent: Buffer): SignedCall => ({
  ...verify,
  body: digestOf,
  headers: { 'content-encoding': 'gzip' },
  tamper: body(sent),
});

type Row = readonly [name: string, call: SignedCall];

function refused(reason: string, rows: readonly Row[]): readonly Attack[] {
  return rows.map(([name, call]) => ({
    ...{ name, call, reason },
    status: 401,
    code: 'unauthenticated',
  }));
}

function told(status: number, code: string, rows: readonly Row[]): readonly Attack[] {
  return rows.map(([name, call]) => ({ name, call, status, code, reason: null }));
}

function onTheWire(
  status: number,
  code: string,
  rows: readonly (readonly [name: string, head: NonNullable<Attack['head']>])[],
): readonly Attack[] {
  return rows.map(([name, head]) => ({ name, call: list, status, code, reason: null, head }));
}

/** Made when it is asked for: some times are those of now. */
export function attackTable(): readonly Attack[] {
  return [
    ...refused('signature_mismatch', [
      ['replayed on another route', moved(list, '/v1/tokens/default')],
      ['replayed with another query', moved(list, '/v1/tokens?a')],
      [
        'replayed with another method',
        moved({ ...verify, target: '/v1/tokens/default/refresh' }, VERIFY),
      ],
      ['replayed with HEAD for GET', tampered(list, (sent) => (sent.method = 'HEAD'))],
      [
        'replayed at another of our authorities',
        edited('host', list, (host) => host.replace('127.0.0.1', 'localhost')),
      ],
      [
        'body and digest swapped',
        tampered(verify, (sent) => {
          body('y'.repeat(42))(sent);
          sent.headers['content-digest'] = contentDigest(sent.body ?? Buffer.alloc(0));
        }),
      ],
      [
        'components reordered',
        input((field) => field.replace('"@method" "@authority"', '"@authority" "@method"')),
      ],
      ['a parameter changed', input((field) => field.replace(/nonce="/, 'nonce="x'))],
      ['parameters reordered', input((f) => f.replace(/(;created=\d+)(;nonce="[^"]*")/, '$2$1'))],
      ["another token's key", { ...list, key: held.other.key }],
      ['a key that is no token', { ...list, key: strong('guessed') }],
      ['the key of a token under the name of another', { ...list, keyid: held.other.keyid }],
      ["another client's key", { ...list, key: strong('audits-1'), keyid: 'client:billing' }],
      ['an empty key', macOf(hmac(''))],
      ['a key of zeros', macOf(hmac(Buffer.alloc(64)))],
      ['a hash without a key', macOf((base) => createHash('sha256').update(base).digest())],
      ['a MAC of zeros', macOf(() => Buffer.alloc(32))],
      [
        'the MAC of another hash, cut to length',
        macOf((base) =>
          createHmac('sha512', held.default.key).update(base).digest().subarray(0, 32),
        ),
      ],
    ]),
    ...refused('digest_mismatch', [
      ['body swapped', tampered(verify, body('x'.repeat(42)))],
      ['body cut off', tampered(verify, body(''))],
      [
        'body cut off where none is read',
        tampered({ ...verify, target: '/v1/tokens/default/refresh' }, body('')),
      ],
      ['digest over the content before it was encoded', encoded(Buffer.from('{}'), zipped)],
      ['digest over the encoded content, sent decoded', encoded(zipped, Buffer.from('{}'))],
    ]),
    ...refused('missing_component', [
      ['digest not covered', input((field) => field.replace(' "content-digest"', ''), verify)],
      ['body without a digest', tampered(list, body('x'))],
      ['covered digest not sent', without('content-digest', verify)],
      ['components shortened', input((field) => field.replace(' "@query"', ''))],
      ['no components', input((field) => field.replace(/\([^)]*\)/, '()'))],
      ['a covered field not sent', input((field) => field.replace(')', ' "x-more")'))],
    ]),
    ...refused('unsupported_component', [
      ['a component twice', input((field) => field.replace('"@method"', '"@method" "@method"'))],
      ['a component with ;tr', input((field) => field.replace('"@query"', '"@query";tr'))],
      ['a component with ;req', input((field) => field.replace('"@query"', '"@query";req'))],
      ['a component with ;sf', input((field) => field.replace('"@query"', '"@query" "host";sf'))],
      ['a required component with ;sf', input((f) => f.replace('"@path"', '"@path";sf'))],
      ['a component with ;bs', input((field) => field.replace('"@query"', '"@query" "host";bs'))],
      ['a component nobody knows', input((f) => f.replace('"@query"', '"@query" "@everything"'))],
      ['@status in a request', input((field) => field.replace('"@query"', '"@query" "@status"'))],
      [
        'more than 32 further components',
        tampered(list, ({ headers }) => {
          const names = Array.from({ length: 33 }, (_, at) => `x-${at}`);
          for (const name of names) headers[name] = 'a';
          const field = String(headers['signature-input']);
          headers['signature-input'] = field.replace(
            ')',
            names.map((n) => ` "${n}"`).join('') + ')',
          );
        }),
      ],
    ]),
    ...refused('unsupported_algorithm', [
      ['digest of another algorithm', edited('content-digest', verify, () => 'md5=:AAAA:')],
      ['alg of an asymmetric key', input((field) => `${field};alg="ed25519"`)],
      ['alg of RSA', input((field) => `${field};alg="rsa-pss-sha512"`)],
      ['alg none', input((field) => `${field};alg="none"`)],
      ['alg empty', input((field) => `${field};alg=""`)],
    ]),
    ...refused('malformed_signature', [
      ['a label twice', input((field) => `${field}, ${field}`)],
      ['a parameter twice', input((field) => `${field};created=1`)],
      ['two signatures with our tag', severalSignatures(2)],
      ['five signatures', severalSignatures(5)],
      ['no nonce', input((field) => field.replace(/;nonce="[^"]*"/, ''))],
      ['a short nonce', input((field) => field.replace(/;nonce="[^"]*"/, ';nonce="short"'))],
      ['a long nonce', input((f) => f.replace(/;nonce="[^"]*"/, `;nonce="${'n'.repeat(129)}"`))],
      ['no keyid', input((field) => field.replace(/;keyid="[^"]*"/, ''))],
      ['no created', input((field) => field.replace(/;created=\d+/, ''))],
      ['created as text', input((field) => field.replace(/;created=(\d+)/, ';created="$1"'))],
      [
        'created with a fraction',
        input((field) => field.replace(/;created=(\d+)/, ';created=$1.5')),
      ],
      ['a MAC of three bytes', edited('signature', list, (f) => f.replace(/=:.*:/, '=:AAAA:'))],
      ['no MAC', edited('signature', list, (field) => field.replace(/=:.*:/, '=::'))],
      ['a signature without its input', without('signature-input')],
      ['an input without its signature', without('signature')],
      ['a signature under another label', edited('signature', list, (field) => `x${field}`)],
      ['fields that are no dictionary', input(() => '(((')],
    ]),
    ...refused('wrong_tag', [
      ['no tag', input((field) => field.replace(';tag="keytender-api"', ''))],
      ['another tag', input((field) => field.replace('keytender-api', 'my-app'))],
      ['a tag in another case', input((field) => field.replace('keytender-api', 'Keytender-API'))],
      ['a signature for a service', parameters({ tag: 'keytender-service' })],
      ['a signature of an answer', parameters({ tag: 'keytender-answer' })],
    ]),
    ...refused('unknown_key', [
      ['a name nobody has', { ...list, keyid: 'nobody:1' }],
      ['a client nobody is', { ...list, keyid: 'client:nobody:1' }],
    ]),
    ...refused('retired_key', [
      ['a key after its grace', { ...list, ...held.retired }],
      [
        'a key after its grace, without its version',
        { ...list, ...held.retired, keyid: 'default' },
      ],
    ]),
    ...refused('too_old', [
      ['created far in the past', parameters({ created: nowSeconds() - 3600 })],
    ]),
    ...refused('created_in_future', [
      ['created far in the future', parameters({ created: nowSeconds() + 3600 })],
    ]),
    ...refused('before_start', [
      ['created before the agent started', parameters({ created: nowSeconds() - 60 })],
    ]),
    ...refused('expired', [['expired', parameters({ expires: nowSeconds() - 1 })]]),
    ...refused('missing_signature', [
      [
        'not signed',
        tampered(list, ({ headers }) => {
          delete headers['signature'];
          delete headers['signature-input'];
        }),
      ],
      [
        'a bearer token instead',
        tampered(list, ({ headers }) => {
          headers['authorization'] = `Bearer ${held.default.key}`;
          delete headers['signature'];
          delete headers['signature-input'];
        }),
      ],
    ]),
    ...told(403, 'insufficient_scope', [
      ['a scope that is missing', read],
      ['the token of somebody else', { ...list, target: '/v1/tokens/other/watch' }],
    ]),
    ...told(403, 'cross_site', [
      ['a foreign origin', { ...list, headers: { origin: 'http://evil.example' } }],
      ['no origin to speak of', { ...list, headers: { origin: 'null' } }],
      ['a page of another site', { ...list, headers: { 'sec-fetch-site': 'cross-site' } }],
    ]),
    ...told(404, 'not_found', [
      ['%2e in the path', { ...list, target: '/v1/%2e/tokens' }],
      ['an encoded letter in the path', { ...list, target: '/v1/%74okens' }],
      ['// at the start', { ...list, target: '//v1/tokens' }],
      ['// within', { ...list, target: '/v1//tokens' }],
      ['.. in the path', { ...list, target: '/v1/tokens/../tokens' }],
      ['a slash at the end', { ...list, target: '/v1/tokens/' }],
      ['a path in another case', { ...list, target: '/V1/tokens' }],
    ]),
    ...told(405, 'method_not_allowed', [
      ['a method the path does not have', { ...verify, method: 'PUT' }],
    ]),
    ...told(413, 'body_too_large', [
      ['a body over the limit', { ...verify, body: Buffer.alloc(1024 * 1024 + 1, 'x') }],
    ]),
    ...told(415, 'unsupported_media_type', [
      ['an encoded body, signed as it travels', encoded(zipped, zipped)],
      ['a body that is no JSON', { ...verify, headers: { 'content-type': 'text/plain' } }],
    ]),
    ...told(421, 'misdirected_request', [
      ['a foreign authority', { ...list, headers: { host: 'evil.example' } }],
      ['our name under another port', { ...list, headers: { host: 'localhost:1' } }],
    ]),
    ...told(400, 'malformed_request', [
      ['a body that is not what its type says', { ...verify, body: '{"method":' }],
      ['a member nobody knows', { ...verify, body: '{"method":"GET","url":"/","key":"x"}' }],
    ]),
    ...onTheWire(400, 'malformed_request', [
      ['absolute-form', (head, authority) => head.replace(' /', ` http://${authority}/`)],
      ['Host twice', (head, authority) => head.replace('\r\n', `\r\nHost: ${authority}\r\n`)],
      ['no Host', (head) => head.replace(/\r\nhost: [^\r]*/i, '')],
      ['HTTP/1.0', (head) => head.replace('HTTP/1.1', 'HTTP/1.0')],
      ['# in the target', (head) => head.replace(' HTTP', '#x=1 HTTP')],
      ['\\ in the target', (head) => head.replace('/v1/tokens', '/v1\\tokens')],
      ['a control character in the target', (head) => head.replace(' HTTP', '\u0001 HTTP')],
      ['beyond ASCII in the target', (head) => head.replace(' HTTP', 'é HTTP')],
      ['a length and chunks', (h) => `${h}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n`],
      ['two lengths', (head) => `${head}Content-Length: 3\r\nContent-Length: 4\r\n`],
      ['a folded field', (head) => `${head}X-Folded: a\r\n b\r\n`],
      ['CONNECT', (head, authority) => head.replace(/^GET \S+/, `CONNECT ${authority}`)],
    ]),
    ...onTheWire(431, 'headers_too_large', [
      ['a header of 20 KiB', (head) => `${head}X: ${'x'.repeat(20 * 1024)}\r\n`],
      ['101 fields', (head) => head + 'x:\r\n'.repeat(101)],
    ]),
  ];
}
