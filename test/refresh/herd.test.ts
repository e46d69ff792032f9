import t from 'tap';
import { RefreshLoop } from '../../src/refresh/loop.js';
import type { ReadResult } from '../../src/refresh/reader.js';
import { TokenStore } from '../../src/token/store.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { answered, failed, FakeReader } from '../fixtures/fake-reader.js';
import { live } from '../fixtures/readings.js';

// Vault in front of a fleet: what a thousand agents do to it after a simultaneous start and after an outage. Loops of
// the product on one fake clock; requests counted in windows of 10 s.

const AGENTS = 1000;
const INTERVAL_MS = 60_000;
const WINDOW_MS = 10_000;

function startFleet(answer: () => ReadResult): {
  clock: FakeClock;
  requestsAtMs: number[];
  stop: () => Promise<void>;
} {
  const clock = new FakeClock();
  const requestsAtMs: number[] = [];
  const random = seeded(7);
  const loops = Array.from({ length: AGENTS }, (_, agent) => {
    const reader = new FakeReader(() => {
      requestsAtMs.push(clock.monotonicMs());
      return answer();
    });
    const limits = { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' } as const;
    const loop = new RefreshLoop({
      name: String(agent),
      store: new TokenStore({ field: 'token', limits, shortGraceMs: 0, now: clock.now() }),
      reader,
      settings: { intervalMs: INTERVAL_MS, jitterMs: 10_000, startSplayMs: 0, timeoutMs: 10_000 },
      clock,
      random,
      onAttempt: () => undefined,
    });
    void loop.start();
    return loop;
  });
  return {
    clock,
    requestsAtMs,
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

/** A small generator, so that the measurement is the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Of the requests in [fromMs, fromMs + length): the fullest window against the mean. */
function peakToMean(requestsAtMs: readonly number[], fromMs: number, lengthMs: number): number {
  const windows = new Array<number>(lengthMs / WINDOW_MS).fill(0);
  for (const atMs of requestsAtMs) {
    const at = Math.floor((atMs - fromMs) / WINDOW_MS);
    if (at >= 0 && at < windows.length) windows[at]! += 1;
  }
  const mean = windows.reduce((sum, count) => sum + count, 0) / windows.length;
  return Math.max(...windows) / mean;
}

t.test('a fleet that starts at once does not stay together', async (t) => {
  const { clock, requestsAtMs, stop } = startFleet(() => answered(live(1, 'a', 0)));
  await clock.untilSleeping(AGENTS);
  t.equal(requestsAtMs.length, AGENTS, 'everybody asked once, at once');
  requestsAtMs.length = 0;
  await clock.advance(2 * INTERVAL_MS);
  const ratios = [0, INTERVAL_MS].map((fromMs) => peakToMean(requestsAtMs, fromMs, INTERVAL_MS));
  t.comment(
    `peak/mean by 10 s, first and second interval: ${ratios.map((r) => r.toFixed(2)).join(', ')}`,
  );
  t.ok(
    ratios.every((ratio) => ratio <= 1.5),
    'at most 1.5 times the mean',
  );
  await stop();
});

t.test('a fleet that recovers from an outage of five minutes does not stay together', async (t) => {
  let isAway = false;
  const { clock, requestsAtMs, stop } = startFleet(() =>
    isAway ? failed('vault_unreachable') : answered(live(1, 'a', 0)),
  );
  await clock.untilSleeping(AGENTS);
  await clock.advance(3 * INTERVAL_MS);
  isAway = true;
  await clock.advance(300_000);
  isAway = false;
  const backMs = clock.monotonicMs();
  await clock.advance(3 * INTERVAL_MS);
  const firstReadsOverMs = backMs + INTERVAL_MS;
  const ratio = peakToMean(requestsAtMs, firstReadsOverMs, INTERVAL_MS);
  t.comment(`peak/mean by 10 s, after the first reads: ${ratio.toFixed(2)}`);
  t.ok(ratio <= 1.5, 'at most 1.5 times the mean');
  const outageMs = requestsAtMs.filter((atMs) => atMs >= backMs - 60_000 && atMs < backMs).length;
  t.ok(outageMs / AGENTS < 3, 'and in the outage each asks about twice a minute');
  await stop();
});
