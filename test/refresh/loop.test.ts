import t from 'tap';
import { RefreshLoop } from '../../src/refresh/loop.js';
import { TokenStore } from '../../src/token/store.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { answered, failed, FakeReader } from '../fixtures/fake-reader.js';
import { EPOCH, gone, live } from '../fixtures/readings.js';
import type { ReadOptions, ReadResult } from '../../src/refresh/reader.js';

type Answer = (options: ReadOptions) => ReadResult | Promise<ReadResult>;

function setUp(answer: Answer, { draw = 0.5, supersededMax = 4 } = {}) {
  const clock = new FakeClock();
  const reader = new FakeReader(answer);
  const store = new TokenStore({
    field: 'token',
    limits: { graceMs: 300_000, supersededMax, onDeleted: 'keep' },
    shortGraceMs: 180_000,
    now: clock.now(),
  });
  const loop = new RefreshLoop({
    name: 'default',
    store,
    reader,
    settings: { intervalMs: 60_000, jitterMs: 10_000, startSplayMs: 0, timeoutMs: 10_000 },
    clock,
    random: () => draw,
    onAttempt: () => undefined,
  });
  return { clock, reader, store, loop };
}

t.test(
  'the first read is at once, the second spread, later ones interval and jitter',
  async (t) => {
    const { clock, loop, reader } = setUp(() => answered(live(1, 'a', 0)));
    void loop.start();
    t.equal(await clock.untilSleeping(), 30_000);
    t.equal(reader.reads.length, 1);
    await clock.advance(30_000);
    t.equal(await clock.untilSleeping(), 65_000);
    t.equal(loop.record.nextAttemptAt, clock.now() + 65_000);
    await clock.advance(65_000);
    t.equal(reader.reads.length, 3);
    await loop.stop();
  },
);

t.test(
  'a failure keeps the token, is named at once and forgotten at the next success',
  async (t) => {
    let answer: ReadResult = answered(live(1, 'a', 0));
    const { clock, loop, store } = setUp(() => answer);
    void loop.start();
    await clock.untilSleeping();
    answer = failed('vault_sealed');
    await clock.advance(30_000);
    t.match(loop.record, {
      lastRefreshOk: false,
      consecutiveFailures: 1,
      error: { class: 'vault_sealed' },
    });
    t.equal(store.at(clock.now()).current?.version, 1);
    const since = loop.record.error?.since;
    await clock.advance(1_000);
    t.equal(loop.record.error?.since, since, 'an error lasts since it began');
    answer = answered(live(1, 'a', 0));
    await clock.advance(60_000);
    t.match(loop.record, { lastRefreshOk: true, consecutiveFailures: 0, error: null });
    await loop.stop();
  },
);

t.test('after an outage the wait is spread over the interval again', async (t) => {
  let answer: ReadResult = failed('vault_unreachable');
  const { clock, loop } = setUp(() => answer);
  void loop.start();
  t.equal(await clock.untilSleeping(), 500);
  answer = answered(live(1, 'a', 0));
  await clock.advance(500);
  t.equal(await clock.untilSleeping(), 30_000);
  await loop.stop();
});

t.test('who asks during a refresh gets its outcome; Vault is asked once', async (t) => {
  let release: (result: ReadResult) => void = () => undefined;
  const { clock, loop, reader } = setUp(
    () =>
      new Promise(
        (resolve) =>
          (release = (result) => {
            resolve(result);
          }),
      ),
  );
  void loop.start();
  await settle();
  const joined = [loop.refresh(), loop.refresh('on_demand'), loop.refresh()];
  t.equal(reader.reads.length, 1);
  release(answered(live(1, 'a', 0)));
  const outcomes = await Promise.all(joined);
  t.ok(outcomes.every((outcome) => outcome === outcomes[0]));
  await clock.untilSleeping();
  const forced = loop.refresh('on_demand');
  await settle();
  release(answered(live(1, 'a', 0)));
  await forced;
  t.equal(reader.reads.length, 2);
  t.equal(reader.reads[1]?.budget, 'on_demand');
  await loop.stop();
});

t.test('a pending token becomes current when its time comes, with Vault away', async (t) => {
  const notBefore = { not_before: new Date(EPOCH + 45_000).toISOString() };
  let answer: Answer = ({ version }) =>
    answered(version === 1 ? live(1, 'a', -1000) : live(2, 'b', 0, notBefore));
  const { clock, loop, store } = setUp((options) => answer(options), { draw: 0.999 });
  const changes: string[] = [];
  store.subscribe(({ change }) => changes.push(change));
  void loop.start();
  await clock.untilSleeping();
  t.match(store.at(clock.now()), { current: { version: 1 }, pending: [{ version: 2 }] });
  answer = () => failed('vault_unreachable');
  await clock.advance(44_999);
  t.notOk(changes.includes('rotated'));
  await clock.advance(1);
  t.equal(changes.at(-1), 'rotated', 'without anybody asking');
  t.equal(store.at(clock.now()).current?.version, 2);
  await loop.stop();
});

t.test(
  'a newest version that is malformed is reported while the current one is confirmed',
  async (t) => {
    let top = 1;
    const { clock, loop, store } = setUp(({ version }) =>
      answered((version ?? top) === 1 ? live(1, 'a', 0) : live(2, 'b', 10, { token: 'short' })),
    );
    void loop.start();
    await clock.untilSleeping();
    top = 2;
    await clock.advance(30_000);
    t.match(loop.record, { lastRefreshOk: false, error: { class: 'secret_malformed' } });
    t.equal(loop.record.confirmedMonotonicMs, clock.monotonicMs(), 'it was read by number');
    t.equal(store.at(clock.now()).current?.version, 1);
    await loop.stop();
  },
);

t.test(
  'a destroyed version is revoked at the next read and says so until a new one is there',
  async (t) => {
    let newest = live(1, 'a', 0);
    const { clock, loop, store } = setUp(({ version }) =>
      answered(version === undefined || version > 1 ? newest : gone('destroyed', 1, 0)),
    );
    void loop.start();
    await clock.untilSleeping();
    newest = gone('destroyed', 1, 0);
    await clock.advance(30_000);
    t.equal(store.at(clock.now()).missing, 'revoked');
    t.equal(loop.record.error?.class, 'secret_destroyed');
    newest = live(2, 'b', 40_000);
    await clock.advance(65_000);
    t.equal(store.at(clock.now()).current?.version, 2);
    t.equal(loop.record.lastRefreshOk, true);
    await loop.stop();
  },
);

t.test('a superseded version is looked at, and its destruction ends it', async (t) => {
  let old = live(1, 'a', 0);
  let top = 1;
  const { clock, loop, store } = setUp(({ version }) =>
    answered((version ?? top) === 1 ? old : live(2, 'b', 20_000)),
  );
  void loop.start();
  await clock.untilSleeping();
  top = 2;
  await clock.advance(30_000);
  t.match(store.at(clock.now()).superseded, [{ version: 1 }]);
  old = gone('destroyed', 1, 0);
  await clock.advance(65_000);
  t.strictSame(store.at(clock.now()).superseded, []);
  t.equal(loop.record.lastRefreshOk, true, 'that is no failure');
  await loop.stop();
});

t.test('the watchdog sees a read that never ends, and no wait as lateness', async (t) => {
  const { clock, loop } = setUp(() => new Promise<never>(() => undefined));
  void loop.start();
  await settle();
  await clock.advance(40_000);
  t.equal(loop.lateness(), null, 'its deadline and 30 s');
  await clock.advance(1);
  t.match(loop.lateness(), /beyond its deadline/);
});

t.test('Retry-After of five minutes is no lateness', async (t) => {
  const { clock, loop, reader } = setUp(() => failed('vault_rate_limited', 300_000));
  void loop.start();
  await clock.untilSleeping();
  for (let second = 0; second < 300; second += 10) {
    await clock.advance(10_000);
    t.equal(loop.lateness(), null);
  }
  t.equal(reader.reads.length, 1);
  await loop.stop();
});

t.test('told of a longer deadline, the watchdog waits for it', async (t) => {
  const { clock, loop } = setUp((options) => {
    options.onDeadline?.(600_000);
    return new Promise<never>(() => undefined);
  });
  void loop.start();
  await settle();
  await clock.advance(629_000);
  t.equal(loop.lateness(), null);
  await clock.advance(2_000);
  t.not(loop.lateness(), null);
});

t.test('a jump of the wall clock neither stalls nor hurries the loop', async (t) => {
  const { clock, loop, reader } = setUp(() => answered(live(1, 'a', 0)));
  void loop.start();
  await clock.untilSleeping();
  clock.jumpWall(365 * 86_400_000);
  await clock.advance(29_999);
  t.equal(reader.reads.length, 1);
  clock.jumpWall(-730 * 86_400_000);
  await clock.advance(1);
  t.equal(reader.reads.length, 2);
  await loop.stop();
});

t.test('a fault of our own in the loop is not swallowed', async (t) => {
  const { loop } = setUp(() => {
    throw new Error('a bug');
  });
  await t.rejects(loop.start(), { message: 'a bug' });
});

t.test('stopping aborts the read in flight and ends the loop', async (t) => {
  const { loop } = setUp(
    ({ signal }) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  );
  const running = loop.start();
  await settle();
  await loop.stop();
  await t.resolves(running);
});
