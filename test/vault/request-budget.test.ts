import fc from 'fast-check';
import t from 'tap';
import type { Clock } from '../../src/platform/clock.js';
import { buildRequestBudget, shareRequests } from '../../src/vault/request-budget.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';

const never = new AbortController().signal;

t.test('a third of the rate may come at once, the rest is spread over the minute', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 60, onDemandPerMinute: 6 });
  for (let taken = 0; taken < 20; taken += 1) t.ok(budget.tryTake('poll'));
  t.notOk(budget.tryTake('poll'));
  await clock.advance(1_000);
  t.ok(budget.tryTake('poll'), 'one a second comes back');
  t.notOk(budget.tryTake('poll'));
});

t.test('on-demand requests cannot spend what polling needs, nor the reverse', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 3, onDemandPerMinute: 3 });
  for (let taken = 0; taken < 3; taken += 1) t.ok(budget.tryTake('on_demand'));
  t.notOk(budget.tryTake('on_demand'));
  t.ok(budget.tryTake('poll'));
  t.notOk(budget.tryTake('poll'));
});

t.test('the five reads of one sequence on demand never wait for each other', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 3, onDemandPerMinute: 5 });
  for (let taken = 0; taken < 5; taken += 1) t.ok(budget.tryTake('on_demand'));
  await clock.advance(59_000);
  t.notOk(budget.tryTake('on_demand'), 'and the minute holds');
  await clock.advance(1_001);
  t.ok(budget.tryTake('on_demand'));
});

t.test('a share of nothing is never granted, and a wait for it ends with its signal', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 3, onDemandPerMinute: 0 });
  t.notOk(budget.tryTake('on_demand'));
  const abort = new AbortController();
  const waiting = budget.take('on_demand', abort.signal);
  await clock.advance(3_600_000);
  abort.abort(new Error('enough'));
  await t.rejects(waiting, { message: 'enough' });
});

t.test('waiters are served in order, each told how long it waits', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 6, onDemandPerMinute: 1 });
  t.ok(budget.tryTake('poll') && budget.tryTake('poll'));
  const order: string[] = [];
  const waits: number[] = [];
  const wait = async (name: string): Promise<void> => {
    await budget.take('poll', never, (ms) => waits.push(ms));
    order.push(name);
  };
  const all = [wait('first'), wait('second'), wait('third')];
  await settle();
  t.same(waits, [10_000, 20_000, 30_000]);
  t.notOk(budget.tryTake('poll'), 'nobody overtakes those who wait');
  await clock.advance(10_000);
  t.same(order, ['first']);
  await clock.advance(25_000);
  await Promise.all(all);
  t.same(order, ['first', 'second', 'third']);
});

t.test('a waiter that gives up leaves its turn to the next', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 3, onDemandPerMinute: 1 });
  t.ok(budget.tryTake('poll'));
  const abort = new AbortController();
  const first = budget.take('poll', abort.signal);
  const second = budget.take('poll', never);
  await settle();
  abort.abort(new Error('gone'));
  await t.rejects(first, { message: 'gone' });
  await clock.advance(45_000);
  await t.resolves(second);
  t.same(clock.sleeping, [], 'no timer is left');
});

t.test('a signal that is aborted already takes nothing', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 3, onDemandPerMinute: 1 });
  await t.rejects(budget.take('poll', AbortSignal.abort(new Error('no'))), { message: 'no' });
  t.ok(budget.tryTake('poll'));
});

t.test('each request that was not allowed at once is counted once', async (t) => {
  const clock = new FakeClock();
  const refused: string[] = [];
  const budget = buildRequestBudget({
    clock,
    pollPerMinute: 3,
    onDemandPerMinute: 1,
    refusals: (kind) => refused.push(kind),
  });
  budget.tryTake('poll');
  const waiting = budget.take('poll', never);
  await clock.advance(60_000);
  await waiting;
  budget.tryTake('on_demand');
  budget.tryTake('on_demand');
  t.same(refused, ['poll', 'on_demand']);
});

t.test('a clock that goes on for hours after a suspend gives no more than one burst', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 30, onDemandPerMinute: 1 });
  await clock.advance(36_000_000);
  let taken = 0;
  while (budget.tryTake('poll')) taken += 1;
  t.equal(taken, 10);
});

t.test('other limits take effect at once, and what was taken counts against them', async (t) => {
  const clock = new FakeClock();
  const budget = buildRequestBudget({ clock, pollPerMinute: 30, onDemandPerMinute: 0 });
  const taken = (): number => {
    let count = 0;
    while (budget.tryTake('poll')) count += 1;
    return count;
  };
  t.equal(taken(), 10);
  for (let reload = 0; reload < 50; reload += 1) {
    budget.reconfigure({ pollPerMinute: 30 + (reload % 2), onDemandPerMinute: 0 });
    t.equal(taken(), 0, 'a reload is no new budget');
  }
  budget.reconfigure({ pollPerMinute: 6, onDemandPerMinute: 3 });
  t.ok(budget.tryTake('on_demand'), 'a share that was nothing');
  await clock.advance(59_000);
  t.equal(taken(), 0, 'ten in the minute before are more than six');
  await clock.advance(1_000);
  t.equal(taken(), 2, 'a third of six');
  budget.reconfigure({ pollPerMinute: 600, onDemandPerMinute: 3 });
  await clock.advance(1_000);
  t.equal(taken(), 10, 'ten a second');
});

t.test('polling keeps its steady need, whatever callers may trigger', async (t) => {
  t.same(
    shareRequests({ requestsPerMinute: 60, onDemandRequestsPerMinute: 30, steadyPerMinute: 5 }),
    {
      pollPerMinute: 30,
      onDemandPerMinute: 30,
    },
  );
  t.same(
    shareRequests({ requestsPerMinute: 10, onDemandRequestsPerMinute: 30, steadyPerMinute: 8 }),
    {
      pollPerMinute: 8,
      onDemandPerMinute: 2,
    },
  );
  t.same(
    shareRequests({ requestsPerMinute: 1, onDemandRequestsPerMinute: 30, steadyPerMinute: 1 }),
    {
      pollPerMinute: 1,
      onDemandPerMinute: 0,
    },
  );
});

t.test(
  'no sequence of faults and times gets more than the rate in any minute (100,000)',
  async (t) => {
    let nowMs = 0;
    const clock: Clock = {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: () => Promise.reject(new Error('nobody waits here')),
    };
    const steps = fc.array(fc.nat({ max: 20_000 }), { minLength: 5, maxLength: 40 });
    const rates = fc.integer({ min: 1, max: 40 });
    const check = (): void => {
      fc.assert(
        fc.property(rates, steps, (rate, waits) => {
          const budget = buildRequestBudget({ clock, pollPerMinute: rate, onDemandPerMinute: 0 });
          const taken: number[] = [];
          for (const wait of waits) {
            // what asks is as eager as it can be: at once, again and again, after any wait
            nowMs += wait % 3 === 0 ? 0 : wait;
            for (let more = 0; more < 3 && budget.tryTake('poll'); more += 1) taken.push(nowMs);
          }
          const isWithin = taken.every((at, index) => {
            const before = taken[index - rate];
            return before === undefined || at - before >= 60_000;
          });
          return isWithin;
        }),
        { numRuns: 100_000 },
      );
    };
    t.doesNotThrow(check);
  },
);
