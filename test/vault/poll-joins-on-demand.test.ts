// A poll that meets a refresh on demand shares its answer, and never waits for the permits that callers spend.
import t from 'tap';
import { RefreshLoop } from '../../src/refresh/loop.js';
import type { SecretReader } from '../../src/refresh/reader.js';
import { TokenStore } from '../../src/token/store.js';
import { buildAddresses } from '../../src/vault/addresses.js';
import { buildRequestBudget } from '../../src/vault/request-budget.js';
import { buildVaultCaller } from '../../src/vault/vault-caller.js';
import type { VaultNode } from '../../src/vault/vault-node.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { live } from '../fixtures/readings.js';

const address = 'https://vault.test';
const headers = { date: null, retryAfter: null, location: null };
const request = { method: 'GET', path: 'x', vaultToken: null, namespace: null } as const;

function setUp() {
  const clock = new FakeClock();
  const askedAt: number[] = [];
  const budget = buildRequestBudget({ clock, pollPerMinute: 30, onDemandPerMinute: 5 });
  const node: VaultNode = {
    address,
    request: async () => {
      askedAt.push(clock.monotonicMs());
      return { status: 200, headers, bodyText: '{}' };
    },
    clockOffsetMs: () => 0,
    retire: () => undefined,
    close: async () => undefined,
  };
  const caller = buildVaultCaller({
    clock,
    budget,
    closed: new AbortController().signal,
    route: {
      addresses: buildAddresses([address]),
      nodes: new Map([[address, node]]),
      tlsFiles: { read: async () => ({ ca: null, cert: null, key: null, serverName: null }) },
      timeoutMs: 10_000,
      retire: () => undefined,
      close: async () => undefined,
    },
  });
  const read: SecretReader['read'] = async (options) => {
    const reading = live(1, 'a', 0);
    const result = await caller.call('read', request, options, () => ({
      ok: true,
      value: reading,
    }));
    return result.ok ? { ok: true, reading: result.value } : result;
  };
  const loop = new RefreshLoop({
    name: 'default',
    store: new TokenStore({
      field: 'token',
      limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
      shortGraceMs: 180_000,
      now: clock.now(),
    }),
    reader: { read, clockOffsetMs: () => 0 },
    settings: { intervalMs: 60_000, jitterMs: 10_000, startSplayMs: 0, timeoutMs: 10_000 },
    clock,
    random: () => 0.5,
    onAttempt: () => undefined,
  });
  return { clock, budget, loop, askedAt };
}

t.test('a refresh on demand that waits for its permit goes on with that of the poll', async (t) => {
  const { clock, budget, loop, askedAt } = setUp();
  while (budget.tryTake('on_demand'));
  const outcomes: number[] = [];
  const note = (): void => {
    outcomes.push(clock.monotonicMs());
  };
  const forced = loop.refresh('on_demand').then(note);
  await settle();
  t.same(askedAt, [], 'there is no permit for callers');
  await clock.advance(5_000);
  const polled = loop.refresh().then(note);
  await Promise.all([forced, polled]);
  t.same(askedAt, [5_000], 'one request for both, when the poll came');
  t.same(outcomes, [5_000, 5_000]);
  let left = 0;
  while (budget.tryTake('poll')) left += 1;
  t.equal(left, 9, 'polling paid for it: ten at once, less one');
  await clock.advance(55_001);
  t.ok(budget.tryTake('on_demand'), 'and the place in the other queue is free');
});

t.test(
  'who is refused nothing pays on demand, and an abort ends the wait all the same',
  async (t) => {
    const { clock, budget, loop, askedAt } = setUp();
    await loop.refresh('on_demand');
    t.same(askedAt, [0]);
    let left = 0;
    while (budget.tryTake('poll')) left += 1;
    t.equal(left, 10, 'polling paid nothing');
    while (budget.tryTake('on_demand'));
    const waiting = loop.refresh('on_demand');
    await clock.advance(1_000);
    await loop.stop();
    await t.rejects(waiting, { message: 'the refresh loop was stopped' });
  },
);
