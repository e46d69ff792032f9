// The named clients over versions and time: whose key verifies, what ends one, what never comes back.
import t from 'tap';
import type { SecretReading } from '../../../src/token/reading.js';
import { ClientsStore } from '../../../src/token/clients/store.js';
import { EPOCH, gone, strong } from '../../fixtures/readings.js';

const limits = { graceMs: 60_000, supersededMax: 4, onDeleted: 'keep' } as const;
const scopes = ['token:list', 'token:read'];

function store(
  changes: Partial<Omit<typeof limits, 'onDeleted'>> & { onDeleted?: 'keep' | 'revoke' } = {},
) {
  return new ClientsStore({ limits: { ...limits, ...changes }, scopes });
}

function entry(key: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { key: strong(key), scopes: ['token:list'], tokens: ['default'], ...more };
}

function live(
  version: number,
  fields: Readonly<Record<string, unknown>>,
  atMs: number,
): SecretReading {
  return {
    kind: 'live',
    version,
    createdTime: new Date(EPOCH + atMs).toISOString(),
    fields,
    customMetadata: null,
    deletionTime: null,
  };
}

/** `current, older …` by their text, without the padding. */
function keysOf(clients: ClientsStore, id: string, atMs: number): string[] {
  const client = clients.at(EPOCH + atMs).clients.get(id);
  if (client === undefined) return [];
  return [client.key, ...client.superseded].map(({ value }) => value.reveal().replace(/\.+$/, ''));
}

t.test('a key that was replaced verifies for the grace, each client by itself', async (t) => {
  const clients = store();
  clients.observeNewest(
    live(1, { a: entry('a-key-number-1'), b: entry('b-key-number-1') }, 0),
    EPOCH,
  );
  clients.observeNewest(
    live(2, { a: entry('a-key-number-2'), b: entry('b-key-number-1') }, 5000),
    EPOCH + 6000,
  );
  t.same(keysOf(clients, 'a', 6000), ['a-key-number-2', 'a-key-number-1']);
  t.same(keysOf(clients, 'b', 6000), ['b-key-number-1']);
  const { a, b } = Object.fromEntries(clients.at(EPOCH + 6000).clients);
  t.same([a?.key.versions, a?.superseded[0]?.versions], [[2], [1]]);
  t.same(b?.key.versions, [2, 1]);
  t.same(keysOf(clients, 'a', 64_999).length, 2);
  t.same(keysOf(clients, 'a', 65_000), ['a-key-number-2'], 'from the creation of the successor on');
});

t.test('an agent that read late holds over what it itself used', async (t) => {
  const clients = store();
  clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
  clients.observeNewest(live(2, { a: entry('a-key-number-2') }, 1000), EPOCH + 100_000);
  t.same(keysOf(clients, 'a', 129_999).length, 2);
  t.same(keysOf(clients, 'a', 130_000).length, 1);
});

t.test('a start reads back as far as a key could still verify, and no further', async (t) => {
  const clients = store();
  clients.observeNewest(live(9, { a: entry('a-key-number-9') }, 100_000), EPOCH + 110_000);
  t.equal(clients.nextRead(EPOCH + 110_000, new Set()), 8);
  clients.observeOlder(8, live(8, { a: entry('a-key-number-8') }, 90_000), EPOCH + 110_000);
  t.equal(clients.nextRead(EPOCH + 110_000, new Set([8])), 7);
  clients.observeOlder(7, live(7, { a: entry('a-key-number-7') }, 10_000), EPOCH + 110_000);
  t.equal(clients.nextRead(EPOCH + 110_000, new Set([8, 7])), null, 'older ones ended with it');
  t.same(keysOf(clients, 'a', 110_000), ['a-key-number-9', 'a-key-number-8', 'a-key-number-7']);

  const old = store();
  old.observeNewest(live(9, { a: entry('a-key-number-9') }, 0), EPOCH + 60_000);
  t.equal(old.nextRead(EPOCH + 60_000, new Set()), null, 'nothing before it can verify');
});

t.test('who is missing is out, and brings nothing of before when it comes back', async (t) => {
  const clients = store();
  clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
  const removed = clients.observeNewest(live(2, {}, 1000), EPOCH + 1000);
  t.match(removed.clients, { removed: ['a'], added: [], changed: [] });
  t.same(keysOf(clients, 'a', 1000), []);
  clients.observeNewest(live(3, { a: entry('a-key-number-3') }, 2000), EPOCH + 2000);
  t.same(keysOf(clients, 'a', 2000), ['a-key-number-3']);
});

t.test(
  'a malformed entry refuses itself, and keeps the overlap for when it is corrected',
  async (t) => {
    const clients = store();
    clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
    const { clients: told } = clients.observeNewest(live(2, { a: 'oops' }, 1000), EPOCH + 1000);
    t.same([...told.refused.keys()], ['a']);
    t.same(keysOf(clients, 'a', 1000), []);
    clients.observeNewest(live(3, { a: entry('a-key-number-3') }, 2000), EPOCH + 2000);
    t.same(keysOf(clients, 'a', 2000), ['a-key-number-3', 'a-key-number-1']);
  },
);

t.test(
  'destroying takes the keys that stood there last, also those that older versions hold',
  async (t) => {
    const clients = store();
    const [one, two] = [entry('a-key-number-1'), entry('a-key-number-2')];
    clients.observeNewest(live(1, { a: one }, 0), EPOCH);
    clients.observeNewest(live(2, { a: one, b: one }, 1000), EPOCH + 1000);
    clients.observeNewest(live(3, { a: two, b: one }, 2000), EPOCH + 2000);
    t.equal(clients.nextRead(EPOCH + 3000, new Set()), 2, 'it is looked at');
    clients.observeOlder(2, gone('destroyed', 2, 1000), EPOCH + 3000);
    t.same(keysOf(clients, 'a', 3000), ['a-key-number-2']);
    t.same(keysOf(clients, 'b', 3000), ['a-key-number-1'], 'it stands in a newer one');

    clients.observeNewest(gone('destroyed', 3, 2000), EPOCH + 4000);
    t.equal(clients.at(EPOCH + 4000).clients.size, 0, 'of the newest: everybody');
    const back = clients.observeNewest(live(3, { a: two }, 2000), EPOCH + 5000);
    t.equal(back.observation.kind, 'regressed', 'a node that lags does not undo it');
    t.equal(clients.at(EPOCH + 5000).clients.size, 0);
  },
);

t.test('deleting keeps or revokes, as the settings say, and an undelete restores', async (t) => {
  for (const [onDeleted, left] of [
    ['keep', 1],
    ['revoke', 0],
  ] as const) {
    const clients = store({ onDeleted });
    clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
    clients.observeNewest(gone('deleted', 1, 0), EPOCH + 1000);
    t.equal(clients.at(EPOCH + 1000).clients.size, left, onDeleted);
    clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH + 2000);
    t.equal(clients.at(EPOCH + 2000).clients.size, 1);
  }
});

t.test('an older document does not come back; one of a secret made anew does', async (t) => {
  const clients = store();
  clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
  clients.observeNewest(live(2, {}, 1000), EPOCH + 1000);
  const { observation } = clients.observeNewest(
    live(1, { a: entry('a-key-number-1') }, 0),
    EPOCH + 2000,
  );
  t.equal(observation.kind, 'regressed');
  t.same(keysOf(clients, 'a', 2000), []);
  const anew = clients.observeNewest(live(1, { b: entry('b-key-number-1') }, 3000), EPOCH + 3000);
  t.equal(anew.observation.kind, 'recreated');
  t.same(keysOf(clients, 'b', 3000), ['b-key-number-1']);
});

t.test('what never existed is no failure; what is gone without a word is kept', async (t) => {
  const clients = store();
  t.equal(clients.observeNewest({ kind: 'unknown' }, EPOCH).observation.kind, 'unchanged');
  clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
  t.equal(clients.observeNewest({ kind: 'unknown' }, EPOCH).observation.kind, 'unknown');
  t.same(keysOf(clients, 'a', 1000), ['a-key-number-1']);
});

t.test(
  'a document that is refused whole leaves the last good one, which is looked at',
  async (t) => {
    const clients = store();
    clients.observeNewest(live(1, { a: entry('a-key-number-1') }, 0), EPOCH);
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`c${at}`, {}]));
    t.match(clients.observeNewest(live(2, many, 1000), EPOCH + 1000).observation, {
      kind: 'malformed',
      problem: /more than 1000 clients/,
    });
    t.same(keysOf(clients, 'a', 1000), ['a-key-number-1']);
    t.equal(clients.nextRead(EPOCH + 1000, new Set()), 1);
  },
);
