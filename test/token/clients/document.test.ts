// The secret of named clients, from anything that can stand there to typed entries or a named refusal for each.
import * as fc from 'fast-check';
import t from 'tap';
import { parseClients, CLIENTS_MAX } from '../../../src/token/clients/document.js';
import { strong } from '../../fixtures/readings.js';

const scopes = ['token:list', 'token:read', 'auth:rotate'];
const good = { key: strong('billing'), scopes: ['token:list'], tokens: ['default'] };

function outcomeOf(written: unknown): string {
  const parsed = parseClients({ billing: written }, scopes);
  const entry = parsed.ok ? parsed.entries.get('billing') : undefined;
  return entry === undefined ? 'missing' : entry.ok ? 'taken' : entry.problem;
}

t.test('an entry is an object or the JSON text of one', async (t) => {
  for (const written of [good, JSON.stringify(good), { ...good, requests_per_minute: 60_000 }]) {
    const parsed = parseClients({ billing: written }, scopes);
    const entry = parsed.ok ? parsed.entries.get('billing') : undefined;
    t.match(entry, { ok: true, entry: { scopes: ['token:list'], tokens: ['default'] } });
    t.equal(entry?.ok === true && entry.entry.key.reveal(), good.key);
  }
  t.equal(outcomeOf({ ...good, scopes: [], tokens: [] }), 'taken', 'empty means none');
});

const wrong: readonly (readonly [string, unknown, RegExp])[] = [
  ['text that is no JSON', strong('a key in the wrong place'), /neither an object/],
  ['JSON of something else', '"text"', /neither an object/],
  ['a list', [good], /neither an object/],
  ['null', null, /neither an object/],
  ['a number', 7, /neither an object/],
  ['JSON text of a text of an object', JSON.stringify(JSON.stringify(good)), /neither an object/],
  ['no key', { scopes: [], tokens: [] }, /"key" is not a string/],
  ['an empty key', { ...good, key: '' }, /"key" is empty/],
  ['a short key', { ...good, key: 'short' }, /"key" is too short/],
  ['a key with a line break', { ...good, key: `${good.key}\n` }, /"key" ends in a line break/],
  ['no scopes', { ...good, scopes: undefined }, /"scopes" is not a list/],
  ['a scope as text', { ...good, scopes: 'token:list' }, /"scopes" is not a list/],
  ['a scope that does not exist', { ...good, scopes: ['token:all'] }, /"scopes" has an item/],
  ['a scope that is no text', { ...good, scopes: [1] }, /"scopes" has an item/],
  ['too many scopes', { ...good, scopes: Array(4).fill('token:list') }, /more than 3 items/],
  ['no tokens', { key: good.key, scopes: [] }, /"tokens" is not a list/],
  ['a token that cannot be', { ...good, tokens: ['*'] }, /"tokens" has an item/],
  ['a rate of nothing', { ...good, requests_per_minute: 0 }, /"requests_per_minute" is not/],
  ['a rate as text', { ...good, requests_per_minute: '60' }, /"requests_per_minute" is not/],
  ['half a request', { ...good, requests_per_minute: 1.5 }, /"requests_per_minute" is not/],
  ['a member that is not obeyed', { ...good, token: ['default'] }, /a member other than key/],
  [
    'a member of all objects',
    JSON.parse(`{"__proto__":${JSON.stringify(good)}}`),
    /a member other/,
  ],
];

for (const [what, written, problem] of wrong) {
  t.test(`refused: ${what}`, async (t) => {
    t.match(outcomeOf(written), problem);
    const parsed = parseClients({ billing: written, audits: good }, scopes);
    t.ok(parsed.ok && parsed.entries.get('audits')?.ok, 'its neighbour is not');
  });
}

t.test('a name that is no id is counted and never repeated', async (t) => {
  const fields = JSON.parse(
    JSON.stringify({ Billing: good, 'a b': good, '': good, ['x'.repeat(64)]: good }).replace(
      '{',
      `{"__proto__":${JSON.stringify(good)},`,
    ),
  ) as Record<string, unknown>;
  const parsed = parseClients(fields, scopes);
  t.match(parsed, { ok: true, misnamed: 5 });
  t.equal(parsed.ok && parsed.entries.size, 0);
});

t.test('more clients than can be are refused together', async (t) => {
  const many = Array.from({ length: CLIENTS_MAX + 1 }, (_, at) => [`client-${at}`, good]);
  t.match(parseClients(Object.fromEntries(many) as Record<string, unknown>, scopes), {
    ok: false,
    problem: 'the secret has more than 1000 clients',
  });
});

t.test(
  'whatever is written there, each entry is taken or refused by name, and never quoted',
  async (t) => {
    const canary = 'canary-0123456789abcdef';
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('default', 'token:list', `${canary}-${canary}`, canary),
    );
    const member = fc.oneof(
      fc.jsonValue(),
      text,
      fc.array(text),
      fc.integer(),
      fc.constant(undefined),
    );
    const entry = fc.record(
      {
        key: fc.oneof(text, member),
        scopes: fc.oneof(fc.subarray(scopes), member),
        tokens: fc.oneof(fc.array(fc.constantFrom('default', 'other')), member),
        requests_per_minute: fc.oneof(fc.integer({ min: -1, max: 60_001 }), member),
        [canary]: member,
      },
      { requiredKeys: ['key', 'scopes', 'tokens'] },
    );
    const sound = fc.record({
      key: fc.constantFrom(`${canary}-${canary}`, strong('another')),
      scopes: fc.subarray(scopes),
      tokens: fc.array(fc.constantFrom('default', 'other'), { maxLength: 3 }),
    });
    const written = fc.oneof(
      sound,
      sound.map((one) => JSON.stringify(one)),
      entry,
      entry.map((one) => JSON.stringify(one)),
      entry.map((one) => JSON.stringify(one).slice(1)),
      fc.jsonValue(),
      fc.anything({ withBigInt: true, withNullPrototype: true }),
    );
    const id = fc.oneof(fc.stringMatching(/^[a-z0-9-]{1,8}$/), fc.string(), fc.constant(canary));
    let taken = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.dictionary(id, written, { maxKeys: 6 }), (fields) => {
        const parsed = parseClients(fields, scopes);
        if (!parsed.ok) return false;
        if (parsed.entries.size + parsed.misnamed !== Object.keys(fields).length) return false;
        return [...parsed.entries].every(([name, one]) => {
          if (!/^[a-z0-9-]{1,63}$/.test(name)) return false;
          if (!one.ok) {
            refused += 1;
            return one.problem.length > 0 && !one.problem.includes(canary);
          }
          taken += 1;
          const { key, scopes: may, tokens, requestsPerMinute } = one.entry;
          return (
            key.bytes >= 16 &&
            !JSON.stringify(key).includes(canary) &&
            may.every((scope) => scopes.includes(scope)) &&
            tokens.every((token) => /^[a-z0-9-]{1,63}$/.test(token)) &&
            (requestsPerMinute === null || (requestsPerMinute >= 1 && requestsPerMinute <= 60_000))
          );
        });
      }),
      { numRuns: 10_000, seed: 421 },
    );
    t.ok(taken > 300, `${taken} taken`);
    t.ok(refused > 3000, `${refused} refused`);
  },
);
