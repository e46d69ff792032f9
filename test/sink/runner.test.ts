import t, { type Test } from 'tap';
import { deriveSinkHealth } from '../../src/sink/record.js';
import { SinkRunner, type SinkReport, type SinkRunnerOptions } from '../../src/sink/runner.js';
import { type Delivery, type Sink, SinkError } from '../../src/sink/sink.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { snapshotOf, without } from './deliveries.js';

const CHECK_MS = 45_000;

/** A place that a test scripts. */
class FakeSink implements Sink {
  readonly delivered: (number | null)[] = [];
  withdrawn = 0;
  isThere = true;
  work: (delivery: Delivery, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    this.delivered.push(delivery.snapshot.current.version);
    await this.work(delivery, signal);
  }
  isIntact = async () => this.isThere;
  withdraw: Sink['withdraw'] = async () => {
    this.withdrawn += 1;
  };
  isNews: Sink['isNews'] = ({ current: a }, { current: b }) =>
    a === null || b === null ? a !== b : !a.value.equals(b.value);
  close = async () => undefined;
}

function build(t: Test, options: Partial<SinkRunnerOptions> = {}) {
  const [clock, sink, reports] = [new FakeClock(), new FakeSink(), [] as SinkReport[]];
  const runner = new SinkRunner({
    token: 'default',
    sink,
    clock,
    random: () => 0.5,
    splayMs: 0,
    timeoutMs: 30_000,
    checkEveryMs: () => CHECK_MS,
    onReport: (report) => reports.push(report),
    ...options,
  });
  const running = runner.start();
  t.teardown(() => {
    runner.stop();
    return running;
  });
  const health = () => deriveSinkHealth(runner.record, clock.monotonicMs());
  return { clock, sink, reports, runner, health };
}

t.test('each value is delivered once, a patched version is only counted', async (t) => {
  const { sink, runner, health } = build(t);
  t.match(health(), { ok: false, version: null, error: 'nothing was delivered yet' });
  runner.offer(without('absent'));
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  runner.offer(snapshotOf(2, 'a'));
  await settle();
  t.strictSame(sink.delivered, [1]);
  t.match(health(), { ok: true, version: 2, last_success_at: /2026/, error: null });
  runner.offer(snapshotOf(3, 'b'));
  await settle();
  t.strictSame(sink.delivered, [1, 3]);
});

t.test('one delivery at a time, and the latest wins', async (t) => {
  const { sink, runner } = build(t);
  let finish = (): void => undefined;
  sink.work = () => new Promise((resolve) => (finish = resolve));
  for (const [at, token] of ['a', 'b', 'c', 'd'].entries()) {
    runner.offer(snapshotOf(at + 1, token));
    await settle();
  }
  t.strictSame(sink.delivered, [1]);
  sink.work = () => Promise.resolve();
  finish();
  await settle();
  t.strictSame(sink.delivered, [1, 4], 'those between are left out');
});

t.test('a value patched while it is delivered keeps its newer version', async (t) => {
  const { sink, runner, health } = build(t);
  let finish = (): void => undefined;
  sink.work = () => new Promise((resolve) => (finish = resolve));
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  runner.offer(snapshotOf(2, 'a'));
  finish();
  await settle();
  t.strictSame([sink.delivered, health().version], [[1], 2]);
});

t.test('a failure is told, and tried again after 1 s doubling to 60 s', async (t) => {
  const { clock, sink, runner, reports, health } = build(t);
  sink.work = () => Promise.reject(new SinkError('the disk is full'));
  runner.offer(snapshotOf(1, 'a'));
  const waits: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    await settle();
    const wait = await clock.untilSleeping();
    waits.push(wait);
    await clock.advance(wait);
  }
  t.strictSame(
    waits,
    [1, 2, 4, 8, 16, 32, 60, 60].map((s) => s * 1000),
  );
  t.match(health(), { ok: false, version: null, error: 'the disk is full' });
  t.match(reports[0], { outcome: 'failed', action: 'deliver', version: 1 });

  sink.work = () => Promise.resolve();
  runner.offer(snapshotOf(2, 'b'));
  await settle();
  t.match(health(), { ok: true, version: 2 }, 'a new token does not wait');
  t.equal(reports.at(-1)?.outcome, 'ok');
});

t.test('one that hangs is told after 2 s, ended at its timeout, and never doubled', async (t) => {
  const { clock, sink, runner, reports, health } = build(t);
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  let signal: AbortSignal | undefined;
  let finish = (): void => undefined;
  sink.work = (_, given) => {
    signal = given;
    return new Promise((resolve) => (finish = resolve));
  };
  runner.offer(snapshotOf(2, 'b'));
  await settle();
  await clock.advance(1_999);
  t.match(health(), { ok: true, version: 1 });
  await clock.advance(1);
  t.match(health(), { ok: false, version: 1, error: /not ended after 2 s/ });
  t.notOk(signal?.aborted);
  await clock.advance(28_000);
  t.ok(signal?.aborted);
  t.match(reports.at(-1), { outcome: 'timeout', version: 2, reason: /within 30 s/ });
  await clock.advance(3_600_000);
  runner.offer(snapshotOf(3, 'c'));
  await clock.advance(3_600_000);
  t.strictSame(sink.delivered, [1, 2], 'nothing is started beside it');
  t.match(health(), { ok: false, error: /not ended after \d+ s/ });
  sink.work = () => Promise.resolve();
  finish();
  await settle();
  t.match(health(), { ok: true, version: 3 }, 'it goes on when the place answers');
  t.equal(reports.filter(({ outcome }) => outcome === 'timeout').length, 1);
});

t.test('one that ends because of its timeout is told once, and tried again', async (t) => {
  const { clock, sink, runner, reports } = build(t, { timeoutMs: 1_000 });
  sink.work = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  await clock.advance(1_000);
  t.strictSame(
    reports.map(({ outcome }) => outcome),
    ['timeout'],
  );
  await clock.advance(1_000);
  t.strictSame(sink.delivered, [1, 1]);
});

t.test('what is gone is delivered again', async (t) => {
  const { clock, sink, runner } = build(t);
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  await clock.advance(CHECK_MS);
  t.strictSame(sink.delivered, [1]);
  sink.isThere = false;
  await clock.advance(CHECK_MS);
  t.strictSame(sink.delivered, [1, 1]);
});

t.test('a delivery waits within its splay, and takes what is the latest then', async (t) => {
  const { clock, sink, runner } = build(t, { splayMs: 10_000 });
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  t.equal(await clock.untilSleeping(), 5_000);
  runner.offer(snapshotOf(2, 'b'));
  await clock.advance(4_999);
  t.strictSame(sink.delivered, []);
  await clock.advance(1);
  t.strictSame(sink.delivered, [2]);
});

t.test('a revoked token is taken back where that is possible', async (t) => {
  const { sink, runner, reports, health } = build(t);
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  runner.offer(without('revoked'));
  await settle();
  t.equal(sink.withdrawn, 1);
  t.match(reports.at(-1), { outcome: 'ok', action: 'withdraw', version: null });
  t.match(health(), { ok: true, version: null });
  runner.offer(snapshotOf(2, 'b'));
  await settle();
  t.strictSame(sink.delivered, [1, 2]);
});

t.test('what cannot be taken back stays', async (t) => {
  const { sink, runner, health } = build(t);
  sink.withdraw = null;
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  runner.offer(without('revoked'));
  await settle();
  t.match(health(), { ok: true, version: 1 });
});

t.test('stop ends a wait and a delivery', async (t) => {
  const { sink, runner } = build(t);
  sink.work = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new SinkError('ended'));
      });
    });
  runner.offer(snapshotOf(1, 'a'));
  await settle();
  runner.stop();
  await settle();
  t.strictSame(sink.delivered, [1]);
});

t.test('a bug is not taken for a failed delivery', async (t) => {
  const clock = new FakeClock();
  const sink = new FakeSink();
  sink.work = () => Promise.reject(new TypeError('a bug'));
  const runner = new SinkRunner({
    token: 'default',
    sink,
    clock,
    random: () => 0,
    splayMs: 0,
    timeoutMs: 1_000,
    checkEveryMs: () => CHECK_MS,
    onReport: () => undefined,
  });
  runner.offer(snapshotOf(1, 'a'));
  await t.rejects(runner.start(), TypeError);
});
