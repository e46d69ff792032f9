import t from 'tap';
import type { Failure } from '../../src/health/failure.js';
import { RefreshOnDemand, type DemandOutcome } from '../../src/refresh/on-demand.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';

interface Scene {
  readonly clock: FakeClock;
  readonly demand: RefreshOnDemand;
  /** What Vault holds; a read copies it into `newest`. */
  readonly vault: { version: number; failure: Failure | null };
  newest: number;
  reads: number;
  permits: number;
  /** Null: there is always one. */
  gate: Promise<void> | null;
  readonly told: string[];
}

function scene(): Scene {
  const clock = new FakeClock();
  const vault = { version: 1, failure: null as Failure | null };
  const made: Scene = {
    clock,
    vault,
    newest: 1,
    reads: 0,
    permits: 0,
    gate: null,
    told: [],
    demand: new RefreshOnDemand({
      refresh: async () => {
        made.reads += 1;
        if (vault.failure === null) made.newest = vault.version;
        return { failure: vault.failure, isConfirmed: vault.failure === null };
      },
      newestVersion: () => made.newest,
      takePermit: async (signal) => {
        signal.throwIfAborted();
        if (made.gate !== null) {
          const aborted = new Promise<never>((_, reject) => {
            signal.addEventListener('abort', () => {
              reject(new Error('aborted'));
            });
          });
          await Promise.race([made.gate, aborted]);
        }
        made.permits += 1;
      },
      clock,
      random: () => 0,
      onOutcome: (outcome) => made.told.push(outcome),
    }),
  };
  return made;
}

/** Waits for a version that the `keyid` names. */
function ask(
  waiting: Scene,
  version: number,
  signal = new AbortController().signal,
): Promise<DemandOutcome<number>> {
  const look = (): number | null => (waiting.newest >= version ? version : null);
  return waiting.demand.ask({ look, version }, signal);
}

t.test('one read serves all who wait, and costs one permit', async (t) => {
  const s = scene();
  s.vault.version = 2;
  const all = await Promise.all(Array.from({ length: 100 }, () => ask(s, 2)));
  t.ok(all.every(({ kind }) => kind === 'found'));
  t.same([s.reads, s.permits], [1, 1]);
  t.equal(s.demand.waiters, 0);
});

t.test('a version above the one read is looked for after 150, 400, 1000 and 2500 ms', async (t) => {
  const s = scene();
  const waited: number[] = [];
  const outcome = ask(s, 2);
  for (let read = 1; read <= 4; read += 1) {
    const before = s.clock.monotonicMs();
    await settle();
    const next = s.clock.sleeping[0] ?? 0;
    await s.clock.advance(next);
    waited.push(s.clock.monotonicMs() - before);
  }
  t.same(await outcome, { kind: 'unchanged' });
  t.same(waited, [150, 400, 1000, 2500]);
  t.same([s.reads, s.permits], [5, 1]);
  t.same(s.clock.sleeping, [], 'nothing is left behind');
});

t.test('a standby that lags 2 s is waited for', async (t) => {
  const s = scene();
  const outcome = ask(s, 2);
  await s.clock.advance(2000);
  s.vault.version = 2;
  await s.clock.advance(2100);
  t.same(await outcome, { kind: 'found', value: 2 });
});

t.test('a version below the one read is asked for once', async (t) => {
  const s = scene();
  s.vault.version = 5;
  const never = s.demand.ask({ look: () => null, version: 3 }, new AbortController().signal);
  t.same(await never, { kind: 'unchanged' });
  t.equal(s.reads, 1);
});

t.test('when Vault cannot say, nobody waits for a second answer', async (t) => {
  const s = scene();
  s.vault.failure = { class: 'vault_sealed', message: 'for a test' };
  t.same(await ask(s, 2), { kind: 'failed' });
  t.equal(s.reads, 1);
  s.vault.failure = { class: 'version_regressed', message: 'a standby lags' };
  const lagging = ask(s, 2);
  await s.clock.advance(200);
  Object.assign(s.vault, { failure: null, version: 2 });
  await s.clock.advance(500);
  t.same(await lagging, { kind: 'found', value: 2 }, 'a lagging one is asked again');
});

t.test('without a permit in 10 s it is refused, and who has gone waits for none', async (t) => {
  const s = scene();
  s.gate = new Promise(() => undefined);
  const gone = new AbortController();
  const first = ask(s, 2, gone.signal);
  const second = ask(s, 2);
  gone.abort();
  t.same(await first, { kind: 'refused' });
  t.equal(s.demand.waiters, 1);
  await s.clock.advance(9_999);
  t.equal(s.demand.waiters, 1);
  await s.clock.advance(1);
  t.same(await second, { kind: 'refused' });
  t.same([s.demand.waiters, s.reads], [0, 0]);
  t.same(s.told, ['refused', 'refused']);
});

t.test('who waits for a permit goes on as soon as a poll has brought the key', async (t) => {
  const s = scene();
  s.gate = new Promise(() => undefined);
  const first = ask(s, 2);
  const further = ask(s, 3);
  await s.clock.advance(500);
  s.newest = 2;
  s.demand.lookAgain();
  t.same(await first, { kind: 'found', value: 2 });
  t.equal(s.demand.waiters, 1, 'who waits for another key still waits');
  await s.clock.advance(9_500);
  t.same(await further, { kind: 'refused' });
  t.same([s.reads, s.permits], [0, 0]);
});

t.test('who comes during a sequence has reads of his own if its reads do not help', async (t) => {
  const s = scene();
  const first = ask(s, 2);
  await settle();
  await s.clock.advance(600);
  const second = ask(s, 2);
  await s.clock.advance(4_000);
  t.same(await first, { kind: 'unchanged' });
  s.vault.version = 2;
  await s.clock.advance(4_100);
  t.same(await second, { kind: 'found', value: 2 });
  t.equal(s.permits, 2);
});

t.test(
  'who names a newer version than a sequence waits for is not held up by its waits',
  async (t) => {
    const s = scene();
    const never = s.demand.ask(
      { look: () => null, version: undefined },
      new AbortController().signal,
    );
    await settle();
    await s.clock.advance(2000);
    t.same([s.reads, s.permits], [4, 1], 'in the last and longest wait');
    s.vault.version = 2;
    t.same(await ask(s, 2), { kind: 'found', value: 2 });
    t.same([s.reads, s.permits], [5, 2], 'at once, for a permit of its own');
    const same = ask(s, 3);
    await settle();
    t.same([s.reads, s.permits], [6, 3]);
    const beside = ask(s, 3);
    await settle();
    t.same([s.reads, s.permits], [6, 3], 'of equals one has it read');
    await s.clock.advance(9000);
    t.same(
      (await Promise.all([never, same, beside])).map(({ kind }) => kind),
      ['unchanged', 'unchanged', 'unchanged'],
    );
    t.same([s.demand.waiters, s.clock.sleeping], [0, []]);
  },
);

t.test('at most 256 wait; one more lets one of them go', async (t) => {
  const s = scene();
  s.gate = new Promise(() => undefined);
  const outcomes = Array.from({ length: 300 }, () => ask(s, 2));
  t.equal(s.demand.waiters, 256);
  s.demand.stop();
  t.ok((await Promise.all(outcomes)).every(({ kind }) => kind === 'refused'));
  t.equal(s.demand.waiters, 0);
  t.same(await ask(s, 2), { kind: 'refused' }, 'and after the stop nobody waits');
});

t.test('a fault of the reader lets everybody go, and the next one is served', async (t) => {
  const clock = new FakeClock();
  let isBroken = true;
  const demand = new RefreshOnDemand({
    refresh: () =>
      isBroken
        ? Promise.reject(new Error('a bug'))
        : Promise.resolve({ failure: null, isConfirmed: true }),
    newestVersion: () => 1,
    takePermit: () => Promise.resolve(),
    clock,
    random: () => 0,
    onOutcome: () => undefined,
  });
  const want = { look: () => (isBroken ? null : 1), version: 2 };
  t.same(await demand.ask(want, new AbortController().signal), { kind: 'failed' });
  isBroken = false;
  t.match(await demand.ask(want, new AbortController().signal), { kind: 'found' });
});

t.test('forced refreshes are shared, cost a permit, and give up after 10 s', async (t) => {
  const s = scene();
  t.match(await Promise.all([s.demand.force(), s.demand.force()]), [
    { failure: null },
    { failure: null },
  ]);
  t.same([s.reads, s.permits], [1, 1]);
  s.gate = new Promise(() => undefined);
  const late = s.demand.force();
  await s.clock.advance(10_000);
  t.equal(await late, null);
});
