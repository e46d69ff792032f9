import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { failureClasses } from '../../src/health/failure.js';
import { outcomeOfRead } from '../../src/vault/failure-of-answer.js';
import { decodeKv2 } from '../../src/vault/kv2-reading.js';

const createdTime = '2026-11-22T09:57:13.286217453Z';
const live = {
  data: { token: 'first-token-value' },
  metadata: {
    created_time: createdTime,
    custom_metadata: null,
    deletion_time: '',
    destroyed: false,
    version: 1,
  },
};
const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'default', path: 'token' };

t.test('a live version is read whole', async (t) => {
  t.same(decodeKv2({ data: live }), {
    ok: true,
    reading: {
      kind: 'live',
      version: 1,
      createdTime,
      fields: { token: 'first-token-value' },
      customMetadata: null,
      deletionTime: null,
    },
  });
});

t.test('a deletion that is yet to come and custom metadata are kept', async (t) => {
  const metadata = {
    ...live.metadata,
    deletion_time: '2027-01-01T00:00:00Z',
    custom_metadata: { grace_seconds: '600' },
  };
  const decoded = decodeKv2({ data: { ...live, metadata } });
  t.match(decoded, {
    ok: true,
    reading: {
      kind: 'live',
      deletionTime: '2027-01-01T00:00:00Z',
      customMetadata: { grace_seconds: '600' },
    },
  });
});

t.test('no fields is deleted or destroyed by what the metadata say', async (t) => {
  const gone = (metadata: object): unknown => ({
    data: { data: null, metadata: { ...live.metadata, ...metadata } },
  });
  const deletion_time = '2026-11-22T09:57:16Z';
  t.match(decodeKv2(gone({ deletion_time })), { ok: true, reading: { kind: 'deleted' } });
  t.match(decodeKv2(gone({ destroyed: true })), { ok: true, reading: { kind: 'destroyed' } });
  const both = gone({ deletion_time, destroyed: true });
  t.match(decodeKv2(both), { ok: true, reading: { kind: 'destroyed' } });
  t.match(decodeKv2(gone({})), { ok: false }, 'neither: not understood');
});

t.test('another version than the one asked for is not taken', async (t) => {
  t.match(decodeKv2({ data: live }, 1), { ok: true });
  t.match(decodeKv2({ data: live }, 2), { ok: false, problem: /version 2/ });
});

const broken: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a list', []],
  ['a text', 'token'],
  ['no data', { request_id: 'x' }],
  ['data null', { data: null }],
  ['a KV v1 answer', { data: { token: 'abcdefghij' } }],
  ['a KV v1 answer with a field "data"', { data: { data: { token: 'abcdefghij' } } }],
  ['metadata a list', { data: { ...live, metadata: [] } }],
  ['no "data.data"', { data: { metadata: live.metadata } }],
  ['"data.data" a text', { data: { ...live, data: 'abc' } }],
  ['"data.data" a list', { data: { ...live, data: ['abc'] } }],
  ...[0, -1, 1.5, '1', null, undefined, 2 ** 53, Number.NaN].map(
    (version) => [`version ${String(version)}`, withMetadata({ version })] as const,
  ),
  ...[
    '',
    'yesterday',
    0,
    null,
    undefined,
    '2026-13-01T00:00:00Z',
    '2026-01-01',
    '2026-02-30T25:00:00Z',
  ].map(
    (created_time) =>
      [`created_time ${String(created_time)}`, withMetadata({ created_time })] as const,
  ),
  ['destroyed a text', withMetadata({ destroyed: 'no' })],
  ['destroyed with fields', withMetadata({ destroyed: true })],
  ['deletion_time no time', withMetadata({ deletion_time: 'soon' })],
  ['custom_metadata a text', withMetadata({ custom_metadata: 'x' })],
];

function withMetadata(metadata: object): unknown {
  return { data: { ...live, metadata: { ...live.metadata, ...metadata } } };
}

for (const [name, body] of broken) {
  t.test(`not a secret: ${name}`, async (t) => {
    t.match(decodeKv2(body), { ok: false });
  });
}

interface Exchange {
  readonly request: { readonly method: string; readonly path: string };
  readonly response: { readonly status: number; readonly body: unknown };
}

function recordedReads(): readonly Exchange[] {
  const folder = new URL('../fixtures/transcripts/', import.meta.url);
  return ['01-kv2-read-write', '02-kv2-cas-patch-metadata', '03-kv2-delete-undelete-destroy']
    .flatMap(
      (name) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Exchange[],
    )
    .filter(({ request }) => request.method === 'GET' && request.path.includes('/data/'));
}

t.test(
  'every recorded read of a real server is a reading or a secret that is absent',
  async (t) => {
    const reads = recordedReads();
    t.ok(reads.length >= 20, `${reads.length} recorded`);
    for (const { request, response } of reads) {
      const asked = /\?version=([1-9]\d*)$/.exec(request.path)?.[1];
      const outcome = outcomeOfRead(answer(response.status, JSON.stringify(response.body)), {
        location,
        nowMs: 0,
        ...(asked === undefined ? {} : { version: Number(asked) }),
      });
      if (response.status === 200) {
        const body = response.body as { data: { data: object; metadata: { version: number } } };
        t.match(outcome, {
          ok: true,
          reading: { kind: 'live', version: body.data.metadata.version, fields: body.data.data },
        });
      } else if (response.status === 404 && JSON.stringify(response.body).includes('"metadata"')) {
        t.match(outcome, { ok: true, reading: { kind: /^(deleted|destroyed)$/ } });
      } else if (response.status === 404) {
        const expected = asked === undefined ? { ok: false } : { reading: { kind: 'unknown' } };
        t.match(outcome, expected);
      } else {
        t.match(outcome, { ok: false, failure: { class: 'vault_refused' } });
      }
    }
  },
);

t.test('no answer crashes it, and none is half taken (20,000)', async (t) => {
  const bodies = recordedReads().map(({ response }) => response.body);
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(null, '', 0, -1, 1e400, [], {}, '__proto__', 'constructor', true),
  );
  const mutated = fc
    .tuple(fc.constantFrom(...bodies), fc.array(fc.tuple(fc.nat(), values), { maxLength: 3 }))
    .map(([body, changes]) =>
      changes.reduce((whole, [at, value]) => mutate(whole, at, value), body),
    );
  const texts = fc.oneof(
    { weight: 5, arbitrary: mutated.map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: mutated.chain(truncated) },
    { weight: 1, arbitrary: fc.jsonValue().map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  );
  const statuses = fc.oneof(fc.constantFrom(200, 404), fc.integer({ min: 200, max: 599 }));
  const versions = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
  const seen = new Set<string>();
  const check = (): void => {
    fc.assert(
      fc.property(texts, statuses, versions, (bodyText, status, version) => {
        const outcome = outcomeOfRead(answer(status, bodyText), {
          location,
          nowMs: 0,
          ...(version === undefined ? {} : { version }),
        });
        if (!outcome.ok) {
          seen.add(outcome.failure.class);
          return failureClasses.includes(outcome.failure.class) && outcome.failure.message !== '';
        }
        const { reading } = outcome;
        seen.add(reading.kind);
        if (reading.kind === 'unknown') return version !== undefined && status === 404;
        const isIdentified =
          Number.isSafeInteger(reading.version) &&
          reading.version >= 1 &&
          (version === undefined || reading.version === version) &&
          !Number.isNaN(Date.parse(reading.createdTime));
        if (reading.kind !== 'live') return isIdentified;
        const whole = JSON.parse(bodyText) as { data: { data: unknown } };
        const isWhole = JSON.stringify(reading.fields) === JSON.stringify(whole.data.data);
        return isIdentified && isWhole && status === 200;
      }),
      { numRuns: 20_000 },
    );
  };
  t.doesNotThrow(check);
  for (const kind of [
    'live',
    'deleted',
    'destroyed',
    'unknown',
    'secret_malformed',
    'secret_absent',
  ]) {
    t.ok(seen.has(kind), `${kind} occurred`);
  }
});

function truncated(body: unknown): fc.Arbitrary<string> {
  const text = JSON.stringify(body);
  return fc.nat({ max: Math.max(0, text.length - 1) }).map((length) => text.slice(0, length));
}

/** The value with one place in it, chosen by `at`, replaced. */
function mutate(whole: unknown, at: number, value: unknown): unknown {
  if (typeof whole !== 'object' || whole === null || at % 7 === 6) return value;
  const keys = Object.keys(whole);
  const key = keys[at % Math.max(1, keys.length)];
  if (key === undefined) return value;
  const below = (whole as Record<string, unknown>)[key];
  const replaced = mutate(below, Math.floor(at / Math.max(2, keys.length)), value);
  return Array.isArray(whole) ? [replaced] : { ...whole, [key]: replaced };
}

function answer(status: number, bodyText: string): Parameters<typeof outcomeOfRead>[0] {
  return { status, headers: { date: null, retryAfter: null, location: null }, bodyText };
}
