// The life of a supervised program, by a fake clock and a program that a test scripts.
import t, { type Test } from 'tap';
import type { ChildConfig } from '../../src/config/config.js';
import type { ChildEnd } from '../../src/sink/child-plan.js';
import type { Run } from '../../src/sink/child-process.js';
import { type ChildEvent, ChildRunner } from '../../src/sink/child-runner.js';
import { deriveSinkHealth } from '../../src/sink/record.js';
import type { Delivery } from '../../src/sink/sink.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { snapshotOf, without } from './deliveries.js';

const defaults: ChildConfig = {
  token: 'default',
  deliver: 'stdin',
  tokenEnv: 'TOKEN',
  format: 'raw',
  onRotation: 'restart',
  signal: 'SIGHUP',
  stopSignal: 'SIGTERM',
  stopTimeoutMs: 8_000,
  restarts: 5,
  splayMs: 0,
};

class FakeRun implements Run {
  readonly pid: number | null;
  end: ChildEnd | null = null;
  readonly got: string[] = [];
  readonly version: number | null;
  /** At these it ends, as most programs do. */
  obeys: readonly string[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];
  #resolve: (end: ChildEnd) => void = () => undefined;
  readonly ended = new Promise<ChildEnd>((resolve) => (this.#resolve = resolve));

  constructor(delivery: Delivery, pid: number | null) {
    this.version = delivery.snapshot.current.version;
    this.pid = pid;
  }
  kill = (signal: NodeJS.Signals): void => {
    this.got.push(signal);
    if (this.obeys.includes(signal)) this.die({ code: null, signal });
  };
  killAll = (): void => {
    this.got.push('killAll');
    this.die({ code: null, signal: 'SIGKILL' });
  };
  die(end: Partial<ChildEnd>): void {
    if (this.end !== null) return;
    this.end = { code: null, signal: null, failure: null, ...end };
    this.#resolve(this.end);
  }
}

interface Scripted {
  /** null: it cannot be started. */
  pid?: () => number | null;
  untilFilesAreThere?: () => Promise<void>;
  random?: () => number;
}

function build(t: Test, settings: Partial<ChildConfig> = {}, scripted: Scripted = {}) {
  const [clock, runs, events] = [new FakeClock(), [] as FakeRun[], [] as ChildEvent[]];
  const current = { ...defaults, ...settings };
  const runner = new ChildRunner({
    token: 'default',
    clock,
    random: scripted.random ?? (() => 0),
    settings: () => current,
    launch: (delivery) => {
      const run = new FakeRun(delivery, scripted.pid === undefined ? 42 : scripted.pid());
      runs.push(run);
      if (run.pid === null)
        setImmediate(() => {
          run.die({ failure: 'ENOENT' });
        });
      return run;
    },
    untilFilesAreThere: scripted.untilFilesAreThere ?? (() => Promise.resolve()),
    onEvent: (event) => events.push(event),
  });
  const over = runner.start();
  const hurry = new AbortController();
  t.teardown(async () => {
    hurry.abort();
    void runner.stop('SIGTERM', hurry.signal);
    await clock.advance(100_000);
    await over;
  });
  const health = () => deriveSinkHealth(runner.record, clock.monotonicMs());
  const last = (): FakeRun => {
    const run = runs.at(-1);
    if (run === undefined) throw new Error('nothing was started');
    return run;
  };
  const offer = async (...given: Parameters<typeof snapshotOf>): Promise<void> => {
    runner.offer(snapshotOf(...given));
    await settle();
  };
  return { clock, runs, events, runner, over, hurry, health, last, offer };
}

t.test('it is started once there is a token that may be used, not before', async (t) => {
  const { runner, runs, offer, health, last } = build(t);
  runner.offer(without('absent'));
  await settle();
  runner.offer(without('expired'));
  await settle();
  t.equal(runs.length, 0);
  t.match(health(), { ok: false, version: null, error: 'nothing was delivered yet' });
  await offer(3, 'a');
  t.strictSame([runs.length, last().version], [1, 3]);
  t.match(health(), { ok: true, version: 3, error: null });
});

t.test('a rotation starts it anew, when the old one is gone', async (t) => {
  const { runs, offer, clock, health, over } = build(t);
  await offer(1, 'a');
  const [first] = runs;
  if (first === undefined) throw new Error('not started');
  first.obeys = [];
  await offer(2, 'b');
  t.strictSame([first.got, runs.length], [['SIGTERM'], 1]);
  await clock.advance(3_000);
  t.match(health(), { ok: false, version: 1, error: 'a delivery has not ended after 3 s' });
  first.die({ code: 9 });
  await settle();
  t.strictSame([runs.length, runs[1]?.version], [2, 2], 'whatever it ended with');
  t.match(health(), { ok: true, version: 2 });
  t.equal(await Promise.race([over, settle().then(() => 'still')]), 'still');
});

t.test('one that does not end is killed after its time, with all that it started', async (t) => {
  const { runs, offer, clock, last, events } = build(t);
  await offer(1, 'a');
  last().obeys = [];
  await offer(2, 'b');
  await clock.advance(7_999);
  t.strictSame(runs[0]?.got, ['SIGTERM']);
  await clock.advance(1);
  t.strictSame(runs[0]?.got, ['SIGTERM', 'killAll']);
  t.equal(runs.length, 2);
  t.ok(events.some(({ type }) => type === 'killed'));
});

t.test('several rotations while it ends are one start, with the latest', async (t) => {
  const { runs, offer, last } = build(t);
  await offer(1, 'a');
  last().obeys = [];
  for (const version of [2, 3, 4]) await offer(version, `t${version}`);
  last().die({ code: 0 });
  await settle();
  t.strictSame(
    runs.map(({ version }) => version),
    [1, 4],
  );
});

t.test('the same value in another version, and a revoked token, do nothing to it', async (t) => {
  const { runner, runs, offer, health } = build(t);
  await offer(1, 'a');
  await offer(2, 'a');
  t.match(health(), { version: 2 });
  runner.offer(without('revoked'));
  await settle();
  t.strictSame([runs.length, runs[0]?.got], [1, []]);
  t.match(health(), { ok: true, version: 2 });
  await offer(2, 'a');
  t.equal(runs.length, 1, 'nor does its return');
});

t.test('one that crashes while the token is revoked waits for a new one', async (t) => {
  const { runner, runs, offer, clock, last } = build(t);
  await offer(1, 'a');
  runner.offer(without('revoked'));
  last().die({ code: 1 });
  await settle();
  await clock.advance(120_000);
  t.equal(runs.length, 1);
  await offer(2, 'b');
  t.strictSame(
    runs.map(({ version }) => version),
    [1, 2],
  );
});

t.test('with signal it is told of each, and goes on', async (t) => {
  const { runs, offer, health } = build(t, { onRotation: 'signal', signal: 'SIGUSR1' });
  for (let version = 1; version <= 4; version += 1) await offer(version, `t${version}`);
  t.strictSame([runs.length, runs[0]?.got], [1, ['SIGUSR1', 'SIGUSR1', 'SIGUSR1']]);
  t.match(health(), { ok: true, version: 4 });
});

t.test('with none it is left alone, and a later start has the latest token', async (t) => {
  const { runs, offer, health, clock, last } = build(t, { onRotation: 'none' });
  await offer(1, 'a');
  await offer(2, 'b');
  await offer(3, 'b');
  t.strictSame([runs.length, runs[0]?.got], [1, []]);
  t.match(health(), { version: 1 }, 'what it was given');
  last().die({ code: 1 });
  await settle();
  await clock.advance(250);
  t.strictSame([runs.length, last().version], [2, 3]);
});

t.test('files that it may read come first', async (t) => {
  let finish = (): void => undefined;
  const { runs, offer } = build(
    t,
    { onRotation: 'signal' },
    { untilFilesAreThere: () => new Promise((resolve) => (finish = resolve)) },
  );
  await offer(1, 'a');
  t.equal(runs.length, 0);
  finish();
  await settle();
  t.equal(runs.length, 1);
  await offer(2, 'b');
  t.strictSame(runs[0]?.got, []);
  finish();
  await settle();
  t.strictSame(runs[0]?.got, ['SIGHUP']);
});

t.test('a rotation waits within the splay, the first start does not', async (t) => {
  const { runs, offer, clock } = build(t, { splayMs: 10_000 }, { random: () => 0.5 });
  await offer(1, 'a');
  t.equal(runs.length, 1);
  await offer(2, 'b');
  await clock.advance(4_999);
  t.strictSame(runs[0]?.got, []);
  await clock.advance(1);
  t.equal(runs.length, 2);
});

t.test('a crash is followed by a start after 250 ms doubling, then by the end', async (t) => {
  const { runs, offer, clock, last, over, events, health } = build(t);
  await offer(1, 'a');
  const waits: number[] = [];
  for (let crash = 1; crash <= 5; crash += 1) {
    last().die({ code: 7 });
    await settle();
    const wait = await clock.untilSleeping();
    waits.push(wait);
    await clock.advance(wait - 1);
    t.equal(runs.length, crash, 'not before');
    await clock.advance(1);
    t.equal(runs.length, crash + 1);
    t.match(health(), { ok: false, error: 'the program ended with 7' }, 'told until it runs well');
  }
  t.strictSame(waits, [250, 500, 1_000, 2_000, 4_000]);
  last().die({ code: 7 });
  t.equal(await over, 7);
  t.match(events.at(-1), { type: 'ended', restartInMs: null });
});

t.test('a healthy run starts the count anew, and makes it well again', async (t) => {
  const { runs, offer, clock, last, health } = build(t, { restarts: 1 });
  await offer(1, 'a');
  for (let crash = 1; crash <= 4; crash += 1) {
    last().die({ signal: 'SIGSEGV' });
    await settle();
    await clock.advance(250);
    t.equal(runs.length, crash + 1);
    await clock.advance(29_000);
    t.match(health(), { ok: false, error: 'the program was ended by SIGSEGV' });
    await clock.advance(1_000);
    t.match(health(), { ok: true, error: null });
  }
});

t.test('one that ends with 0 is done', async (t) => {
  const { offer, last, over } = build(t);
  await offer(1, 'a');
  last().die({ code: 0 });
  t.equal(await over, 0);
});

t.test('one that cannot be started is the end, in one try', async (t) => {
  const { runs, offer, over } = build(t, {}, { pid: () => null });
  await offer(1, 'a');
  t.equal(await over, 127);
  t.equal(runs.length, 1);
});

t.test('one that cannot be started any more is tried again with the backoff', async (t) => {
  const pids = [42, null, null, 43];
  const { runs, offer, clock } = build(t, {}, { pid: () => pids.splice(0, 1)[0] ?? null });
  await offer(1, 'a');
  await offer(2, 'b');
  await settle();
  t.equal(runs.length, 2, 'one try at once');
  await clock.advance(250);
  await settle();
  t.equal(runs.length, 3);
  await clock.advance(500);
  await settle();
  t.equal(runs.length, 4);
});

t.test('stop asks it to end and gives its exit code', async (t) => {
  const { runner, offer, last, hurry } = build(t);
  await offer(1, 'a');
  const stopped = runner.stop('SIGINT', hurry.signal);
  await settle();
  t.strictSame(last().got, ['SIGINT']);
  t.equal(await stopped, 130);
});

t.test('a second signal kills it at once', async (t) => {
  const { runner, offer, last, hurry } = build(t);
  await offer(1, 'a');
  last().obeys = [];
  const stopped = runner.stop('SIGTERM', hurry.signal);
  await settle();
  hurry.abort();
  t.equal(await stopped, 137);
  t.strictSame(last().got, ['SIGTERM', 'killAll']);
});

t.test('one that hangs in the kernel keeps no agent', async (t) => {
  const { runner, offer, last, clock, hurry } = build(t);
  await offer(1, 'a');
  const run = last();
  run.obeys = [];
  run.killAll = () => undefined;
  const stopped = runner.stop('SIGTERM', hurry.signal);
  await settle();
  await clock.advance(8_000);
  await clock.advance(1_000);
  t.equal(await stopped, 137);
});

t.test('stop where nothing runs is 0: before the token, and in a wait', async (t) => {
  const before = build(t);
  t.equal(await before.runner.stop('SIGTERM', before.hurry.signal), 0);
  const waiting = build(t);
  await waiting.offer(1, 'a');
  waiting.last().die({ code: 7 });
  await settle();
  t.equal(await waiting.runner.stop('SIGTERM', waiting.hurry.signal), 0);
  t.equal(waiting.runs.length, 1);
});

t.test('other signals are passed on where it runs', async (t) => {
  const { runner, offer, last } = build(t);
  runner.pass('SIGUSR2');
  await offer(1, 'a');
  runner.pass('SIGUSR2');
  t.strictSame(last().got, ['SIGUSR2']);
});
