// Requests that somebody without the key can make: from what was captured, changed, spliced and mixed, or out of
// nothing. As parts; tests judge them as they are, or write them on a socket.
import fc from 'fast-check';
import { contentDigest } from '../../src/signature/index.js';

export type Line = readonly [name: string, value: string];

export interface Generated {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly Line[];
  readonly body: string;
}

type Change = (request: Generated) => Generated;

const targets = [
  '/v1/tokens',
  '/v1/tokens?a',
  '/v1/tokens/default',
  '/v1/tokens/default/watch?timeout=0',
  '/v1/tokens/default/refresh',
  '/v1/tokens/default/sign',
  '/v1/tokens/default/verify',
  '/v1/auth/rotate-token',
  '/api/v1/auth/rotate-token',
  '/v1/tokens/default/../default',
  '//v1/tokens',
  '/v1/%74okens',
  '/v1/tokens#x',
];
const methods = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const bodies = [
  '',
  '{}',
  '{"new_token":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"}',
  '[',
  '\u0000',
];
const names = ['Signature', 'Signature-Input', 'Content-Digest', 'Host', 'Content-Type', 'Date'];
const hostile = [
  '',
  ' ',
  '=',
  '(((',
  'keytender=()',
  'keytender=:AAAA:',
  'keytender=("@method" "@authority" "@path" "@query");created=1;nonce="0123456789abcdef";keyid="default";tag="keytender-api"',
  `keytender=:${Buffer.alloc(32).toString('base64')}:`,
  'sha-256=:AAAA:',
  '"\\',
  'a=1;b;c="\u00e9"',
  'x'.repeat(5000),
  '(' + '"@method" '.repeat(300) + ')',
  '9'.repeat(20),
  '-0.',
  ':::',
];
const pieces = [
  ['"@method"', '"@target-uri"'],
  ['"@path"', '"@path";req'],
  ['"@query"', '"@query";tr'],
  ['"@query"', ''],
  ['"@authority" ', ''],
  [' "content-digest"', ''],
  ['keytender-api', 'keytender-service'],
  ['keytender-api', 'keytender-answer'],
  ['keyid="default', 'keyid="client:default'],
  [/keyid="default:?\d*"/, 'keyid="default:999999"'],
  [/keyid="[^"]*"/, 'keyid="default"'],
  [/created=\d+/, 'created=99999999999'],
  [/created=(\d+)/, 'created=$1.0'],
  [/created=(\d+)/, 'created=$1;expires=1'],
  [/nonce="[^"]*"/, 'nonce="0123456789abcdefghij"'],
  [/nonce="/, 'nonce="x'],
  [/nonce="/, 'alg="none";nonce="'],
  [/nonce="/, 'alg="hmac-sha256";nonce="'],
  [/^keytender=/, 'other='],
  [/^/, 'first=();created=1, '],
  [/$/, ', keytender=()'],
  [/$/, ';created=1'],
] as const;

/** Anything but what ends a line: what the field of a request may be told to hold. */
const fieldText = fc
  .array(
    fc.oneof(fc.integer({ min: 32, max: 126 }), fc.integer({ min: 128, max: 255 }), fc.constant(9)),
    {
      maxLength: 60,
    },
  )
  .map((codes) => String.fromCharCode(...codes).trim());
const anyField = fc.oneof(fieldText, fc.constantFrom(...hostile));

const onTheLine =
  (at: number, change: (line: Line) => readonly Line[]): Change =>
  (request) => ({
    ...request,
    lines: request.lines.flatMap((line, index) =>
      index === at % request.lines.length ? change(line) : [line],
    ),
  });

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.constantFrom(...targets).map((target): Change => (request) => ({ ...request, target })),
  fc.constantFrom(...methods).map((method): Change => (request) => ({ ...request, method })),
  fc.constantFrom(...bodies).map((body): Change => (request) => ({ ...request, body })),
  // with a digest that fits it
  fc.constantFrom(...bodies).map((body): Change => (request) => ({
    ...request,
    body,
    lines: [
      ...request.lines.filter(([name]) => name !== 'Content-Digest'),
      ['Content-Digest', contentDigest(Buffer.from(body, 'latin1'))],
    ],
  })),
  fc.tuple(fc.nat(20), anyField).map(([at, value]) => onTheLine(at, ([name]) => [[name, value]])),
  fc.nat(20).map((at) => onTheLine(at, () => [])),
  fc.nat(20).map((at) => onTheLine(at, (line) => [line, line])),
  fc.nat(20).map((at) => onTheLine(at, ([name, value]) => [[name.toUpperCase(), value]])),
  fc.tuple(fc.constantFrom(...names), anyField).map(([name, value]): Change => (request) => ({
    ...request,
    lines: [...request.lines, [name, value]],
  })),
  fc.constantFrom(...pieces).map(([from, to]): Change => (request) => ({
    ...request,
    lines: request.lines.map(([name, value]): Line => [
      name,
      /^signature/i.test(name) ? value.replace(from, to) : value,
    ]),
  })),
  fc
    .tuple(fc.nat(20), fc.nat(400), fc.integer({ min: 32, max: 126 }))
    .map(([line, at, code]) =>
      onTheLine(line, ([name, value]) => [
        [name, value.slice(0, at) + String.fromCharCode(code) + value.slice(at + 1)],
      ]),
    ),
);

/** Whole requests of nothing but noise. */
const invented: fc.Arbitrary<Generated> = fc.record({
  method: fc.constantFrom(...methods),
  target: fc.oneof(
    fc.constantFrom(...targets),
    fieldText.map((text) => `/${text}`),
  ),
  lines: fc.array(fc.tuple(fc.constantFrom(...names), anyField), { maxLength: 8 }),
  body: fc.constantFrom(...bodies),
});

/** Something of one, something of another. */
function splice(one: Generated, other: Generated): Generated {
  const isSignature = ([name]: Line): boolean => /^signature/i.test(name);
  return {
    ...one,
    lines: [...one.lines.filter((line) => !isSignature(line)), ...other.lines.filter(isSignature)],
  };
}

/** What a stranger can send who captured `seen`. */
export function strangersRequests(seen: readonly Generated[]): fc.Arbitrary<Generated> {
  const captured = fc.constantFrom(...seen);
  const from = fc.oneof(
    { weight: 6, arbitrary: captured },
    { weight: 2, arbitrary: fc.tuple(captured, captured).map(([a, b]) => splice(a, b)) },
    { weight: 1, arbitrary: invented },
  );
  return fc
    .tuple(from, fc.array(changes, { maxLength: 3 }))
    .map(([request, list]) => list.reduce((changed, change) => change(changed), request));
}
