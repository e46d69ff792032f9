import fc from 'fast-check';
import t from 'tap';
import { ReplayGuard, ReplayPartition, replayCapacity } from '../../src/signature/index.js';
import { NonceTable } from '../../src/signature/replay/nonce-table.js';
import type { NonceHash } from '../../src/signature/replay/nonce-table.js';

const START = 1_735_689_600;
const WINDOW = { maxSkewSeconds: 300, aheadSeconds: 30 };

function partition(capacity = 1000, more = {}): ReplayPartition {
  return new ReplayPartition({ ...WINDOW, capacity, salt: 'test', ...more });
}

t.test('of any number of equal nonces one is claimed', async (t) => {
  const guard = partition();
  t.notOk(guard.has('nonce-1'));
  t.equal(guard.claim('nonce-1', START, START), 'claimed');
  t.ok(guard.has('nonce-1'));
  t.equal(guard.claim('nonce-1', START, START), 'replay');
  t.equal(guard.claim('nonce-1', START + 1, START + 1), 'replay', 'another time does not help');
  t.equal(guard.claim('nonce-2', START, START), 'claimed');
  t.equal(guard.size, 2);
});

t.test('a nonce is known until the last second in which it would be fresh', async (t) => {
  for (const ahead of [0, 30]) {
    const guard = partition();
    const created = START + ahead;
    guard.claim('nonce', created, START);
    for (let now = START; now <= created + 300; now += 1) {
      guard.claim(`other-${now}`, now, now);
      if (!guard.has('nonce')) t.fail(`forgotten at ${now - created} s`);
    }
  }
  t.pass();
});

t.test(
  'what is too old is forgotten, and cannot come back after the clock was stepped',
  async (t) => {
    const guard = partition();
    guard.claim('captured', START, START);
    guard.claim('later', START + 1000, START + 1000);
    t.notOk(guard.has('captured'));
    t.equal(guard.size, 1);
    t.equal(guard.forgottenUpToSeconds, START);
    t.equal(guard.claim('captured', START, START + 5), 'forgotten', 'the clock went back');
    t.equal(guard.claim('fresh', START - 10, START + 5), 'forgotten');
    t.equal(guard.claim('newer', START + 1, START + 5), 'claimed', 'newer than anything forgotten');
  },
);

t.test('full refuses, evicts nothing, and takes again when room has come', async (t) => {
  const guard = partition(3);
  for (const name of ['a', 'b', 'c']) t.equal(guard.claim(name, START, START), 'claimed');
  t.equal(guard.claim('d', START, START), 'full');
  t.equal(guard.claim('a', START, START), 'replay', 'a replay is told from want of room');
  for (const name of ['a', 'b', 'c']) t.ok(guard.has(name));
  t.equal(guard.claim('d', START + 300, START + 300), 'full', 'still fresh');
  t.equal(guard.claim('d', START + 301, START + 301), 'claimed');
  t.equal(guard.size, 1);
});

t.test('a step back by more than a window refuses rather than forgetting', async (t) => {
  const guard = partition();
  guard.claim('one', START, START);
  guard.claim('two', START + 400, START + 30);
  t.equal(guard.claim('three', START - 1000, START - 1000), 'forgotten');
  t.equal(
    guard.claim('four', START + 1200, START + 60),
    'full',
    'a third window while two are live',
  );
  t.ok(guard.has('one') && guard.has('two'));
  const back = partition();
  back.claim('one', START, START);
  t.equal(
    back.claim('two', START - 200, START - 200),
    'claimed',
    'an older window while there is room for it',
  );
  t.equal(back.claim('two', START - 200, START - 200), 'replay');
});

t.test('a long pause forgets both generations', async (t) => {
  const guard = partition();
  guard.claim('one', START, START);
  guard.claim('two', START + 300, START + 300);
  t.equal(guard.size, 2);
  t.equal(guard.claim('three', START + 5000, START + 5000), 'claimed');
  t.equal(guard.size, 1);
  t.equal(guard.newestCreatedSeconds, START + 5000);
});

t.test(
  'under a clock that only goes on, a live nonce is never forgotten and a new one never refused',
  async (t) => {
    const steps = fc.array(
      fc.record({
        wait: fc.nat({ max: 200 }),
        age: fc.integer({ min: -30, max: 300 }),
        again: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const guard = partition(100_000);
        const claimed: { nonce: string; created: number }[] = [];
        let now = START;
        for (const [i, { wait, age, again }] of all.entries()) {
          now += wait;
          const live = claimed.filter(({ created }) => now - created <= 300 && created - now <= 30);
          const known = live.at(-1 - (i % Math.max(live.length, 1)));
          if (again && known !== undefined) {
            if (guard.claim(known.nonce, known.created, now) !== 'replay')
              throw new Error('replayed');
          } else {
            const one = { nonce: `nonce-${i}`, created: now - age };
            if (guard.claim(one.nonce, one.created, now) !== 'claimed') throw new Error('refused');
            claimed.push(one);
          }
        }
      }),
      { numRuns: 1_000 },
    );
    t.pass();
  },
);

t.test('under any clock, a nonce is claimed at most once', async (t) => {
  const steps = fc.array(
    fc.record({
      step: fc.integer({ min: -700, max: 700 }),
      age: fc.integer({ min: -30, max: 300 }),
      reuse: fc.nat({ max: 20 }),
    }),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const guard = partition(50);
      const made: { nonce: string; created: number; isClaimed: boolean }[] = [];
      let now = START;
      for (const { step, age, reuse } of all) {
        now += step;
        const captured = made.at(-1 - reuse);
        const one = captured ?? {
          nonce: `nonce-${made.length}`,
          created: now - age,
          isClaimed: false,
        };
        if (captured === undefined) made.push(one);
        const isFresh = now - one.created <= 300 && one.created - now <= 30;
        if (!isFresh) continue;
        const outcome = guard.claim(one.nonce, one.created, now);
        if (outcome === 'claimed' && one.isClaimed) throw new Error('claimed twice');
        if (outcome === 'claimed') one.isClaimed = true;
        if (guard.size > 50) throw new Error('beyond its capacity');
      }
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('partitions do not share room or nonces, and a removed one stays refused', async (t) => {
  const guard = new ReplayGuard({ ...WINDOW, salt: 'test' });
  const billing = guard.partition('billing', 1);
  t.equal(guard.partition('billing', 1), billing);
  t.equal(billing.claim('nonce', START, START), 'claimed');
  t.equal(billing.claim('more', START, START), 'full');
  t.equal(guard.partition('orders', 5).claim('nonce', START, START), 'claimed');
  t.same([guard.entries, guard.capacity], [2, 6]);
  t.equal(guard.partition('billing', 2).claim('more', START, START), 'claimed', 'a larger one');
  guard.remove('billing');
  guard.remove('nobody');
  t.same([guard.entries, guard.capacity], [1, 5]);
  t.equal(guard.partition('billing', 2).claim('nonce', START, START), 'forgotten');
  t.equal(guard.partition('billing', 2).claim('new', START + 1, START + 1), 'claimed');
});

t.test('capacity follows from the rate', async (t) => {
  t.equal(replayCapacity(120, WINDOW), 1444);
  t.ok(replayCapacity(60_000, WINDOW) < 750_000);
});

t.test('the table finds what was put in, across growth and collisions', async (t) => {
  const table = new NonceTable();
  const hash = (i: number): NonceHash => [i % 7, i, 0, 1];
  for (let i = 0; i < 2000; i += 1) {
    if (table.has(hash(i))) t.fail(`there before: ${i}`);
    table.add(hash(i));
  }
  t.equal(table.size, 2000);
  for (let i = 0; i < 2000; i += 1) if (!table.has(hash(i))) t.fail(`lost ${i}`);
  t.notOk(table.has([0, 2000, 0, 1]));
  t.ok(table.bytes <= 2000 * 48, 'at most three times the bare hashes');
});
