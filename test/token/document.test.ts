// What an operator may write, and the sentence for each thing that is wrong with it. No sentence quotes a value.
import fc from 'fast-check';
import t from 'tap';
import { parseDocument, parseGraceSeconds, tokenTextProblem } from '../../src/token/document.js';
import { parseInstantMs, parseInstantNs } from '../../src/token/instant.js';

const good = 'k'.repeat(32);

const refused: readonly [string, Readonly<Record<string, unknown>>, string][] = [
  ['no field of that name', { other: good }, 'the secret has no field "token"'],
  ['an empty secret', {}, 'the secret has no field "token"'],
  [
    'an inherited name',
    Object.create({ token: good }) as Record<string, unknown>,
    'the secret has no field "token"',
  ],
  ['a number', { token: 12345678901234567 }, 'field "token" is not a string'],
  ['null', { token: null }, 'field "token" is not a string'],
  ['an object', { token: { value: good } }, 'field "token" is not a string'],
  ['an empty token', { token: '' }, 'field "token" is empty'],
  [
    '15 bytes',
    { token: 'k'.repeat(15) },
    'field "token" is too short: 15 bytes, at least 16 are needed',
  ],
  [
    '8,193 bytes',
    { token: 'k'.repeat(8193) },
    'field "token" is too long: 8193 bytes, at most 8192 are allowed',
  ],
  [
    'a trailing line break (echo | kv put token=-)',
    { token: `${good}\n` },
    'field "token" ends in a line break; write it without one (printf %s, not echo)',
  ],
  [
    'a trailing CRLF',
    { token: `${good}\r\n` },
    'field "token" ends in a line break; write it without one (printf %s, not echo)',
  ],
  ['a tab inside', { token: `${good}\t${good}` }, 'field "token" contains control characters'],
  [
    'a line break inside',
    { token: `${good}\n${good}` },
    'field "token" contains control characters',
  ],
  ['a NUL', { token: `${good}\u0000` }, 'field "token" contains control characters'],
  ['a C1 control', { token: `${good}\u0085x` }, 'field "token" contains control characters'],
  ['a leading blank', { token: ` ${good}` }, 'field "token" begins or ends with white space'],
  [
    'a trailing no-break space',
    { token: `${good}\u00a0` },
    'field "token" begins or ends with white space',
  ],
  [
    'a byte order mark',
    { token: `\ufeff${good}` },
    'field "token" begins or ends with white space',
  ],
  ['half a surrogate pair', { token: `${good}\ud800` }, 'field "token" is not well-formed Unicode'],
  [
    'not_before that is no time',
    { token: good, not_before: 'tomorrow' },
    'field "not_before" is not an RFC 3339 time',
  ],
  [
    'not_before as a number',
    { token: good, not_before: 1767225600 },
    'field "not_before" is not an RFC 3339 time',
  ],
  [
    'not_before without a zone',
    { token: good, not_before: '2026-01-01T00:00:00' },
    'field "not_before" is not an RFC 3339 time',
  ],
  [
    'an empty not_before',
    { token: good, not_before: '' },
    'field "not_before" is not an RFC 3339 time',
  ],
  [
    'expires_at that is no day',
    { token: good, expires_at: '2026-02-30T00:00:00Z' },
    'field "expires_at" is not an RFC 3339 time',
  ],
  [
    'grace_seconds below 0',
    { token: good, grace_seconds: -1 },
    'field "grace_seconds" is not a number from 0 to 2592000',
  ],
  [
    'grace_seconds above 30 days',
    { token: good, grace_seconds: '2592001' },
    'field "grace_seconds" is not a number from 0 to 2592000',
  ],
  [
    'grace_seconds with a unit',
    { token: good, grace_seconds: '5m' },
    'field "grace_seconds" is not a number from 0 to 2592000',
  ],
  [
    'an empty grace_seconds',
    { token: good, grace_seconds: '' },
    'field "grace_seconds" is not a number from 0 to 2592000',
  ],
  [
    'grace_seconds as NaN',
    { token: good, grace_seconds: NaN },
    'field "grace_seconds" is not a number from 0 to 2592000',
  ],
];

for (const [what, fields, problem] of refused) {
  t.test(`${what} is refused with its own sentence`, async (t) => {
    t.strictSame(parseDocument(fields, 'token'), { ok: false, problem });
  });
}

t.test('a token of 16 to 8,192 bytes is taken, counted in bytes, as it is stored', async (t) => {
  for (const token of [
    'k'.repeat(16),
    'k'.repeat(8192),
    'ä'.repeat(8),
    'not base64 == {"a":1}',
    '00'.repeat(16),
  ]) {
    const parsed = parseDocument({ token }, 'token');
    t.ok(parsed.ok);
    if (parsed.ok) t.ok(parsed.document.value.key.export().equals(Buffer.from(token, 'utf8')));
  }
});

t.test('the optional fields are read, null counts as none, others are ignored', async (t) => {
  const parsed = parseDocument(
    {
      token: good,
      not_before: '2026-01-01T00:00:00Z',
      expires_at: '2026-01-01T01:00:00.5+01:00',
      grace_seconds: '90.5',
      owner: 7,
    },
    'token',
  );
  t.match(parsed, {
    document: {
      notBeforeAt: Date.UTC(2026, 0, 1),
      expiresAt: Date.UTC(2026, 0, 1) + 500,
      graceMs: 90_500,
    },
  });
  t.match(parseDocument({ token: good, not_before: null, grace_seconds: null }, 'token'), {
    document: { notBeforeAt: null, expiresAt: null, graceMs: null },
  });
});

t.test('the field that holds the token has the name that the settings give it', async (t) => {
  t.ok(parseDocument({ password: good }, 'password').ok);
  t.match(parseDocument({ token: good }, 'password'), {
    problem: 'the secret has no field "password"',
  });
});

t.test('grace_seconds is a number or a decimal string, out in milliseconds', async (t) => {
  for (const [raw, value] of [
    [0, 0],
    ['0', 0],
    [2_592_000, 2_592_000_000],
    ['300', 300_000],
    [0.25, 250],
    [undefined, null],
  ] as const) {
    t.strictSame(parseGraceSeconds(raw), { value });
  }
});

t.test('no problem quotes any part of a value', async (t) => {
  const canary = 'CaNaRy';
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.anything(), (text, other) => {
      const value = `${text}${canary}${text}`;
      const parsed = parseDocument(
        { token: value, not_before: other, expires_at: value, grace_seconds: value },
        'token',
      );
      return parsed.ok || !parsed.problem.includes(canary);
    }),
    { numRuns: 10_000 },
  );
  t.pass('held');
});

t.test('whatever text is taken comes back byte for byte', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 4, maxLength: 60 }), (text) => {
      const parsed = parseDocument({ token: text }, 'token');
      return parsed.ok
        ? parsed.document.value.reveal() === text
        : tokenTextProblem(text, 'it') !== null;
    }),
    { numRuns: 10_000 },
  );
  t.pass('held');
});

t.test('instants are exact to the nanosecond, in any zone', async (t) => {
  t.equal(parseInstantNs('2026-01-01T00:00:00.123456789Z'), 1767225600123456789n);
  t.equal(parseInstantNs('2026-01-01T01:30:00.1+01:30'), 1767225600100000000n);
  t.equal(parseInstantNs('0001-01-01T00:00:00Z'), -62135596800000000000n);
  t.equal(parseInstantMs('1969-12-31T23:59:59.9999Z'), -1);
  for (const text of [
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:00',
    '26-01-01T00:00:00Z',
  ]) {
    t.equal(parseInstantNs(text), null, text);
  }
});
