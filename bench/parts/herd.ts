// What a fleet does to Vault, simulated: the product's own loops on one fake clock, after a start of all at once and after
// five minutes without Vault. Requests in windows of ten seconds; a histogram by second as SVG.
import { mkdirSync, writeFileSync } from 'node:fs';
import { RefreshLoop } from '../../src/refresh/loop.js';
import type { SecretReader } from '../../src/refresh/reader.js';
import { TokenStore } from '../../src/token/store.js';
import { answered, failed } from '../../test/fixtures/fake-reader.js';
import { live } from '../../test/fixtures/readings.js';
import { type Figure, Rounds } from './figure.js';
import { FleetClock } from './fleet-clock.js';

const INTERVAL_MS = 60_000;
const WINDOW_MS = 10_000;
const OUTAGE_MS = 300_000;

const texts = {
  'herd.start': ['after a start of all at once, peak to mean of 10 s', '×'],
  'herd.outage': ['after an outage of 5 minutes, peak to mean of 10 s', '×'],
  'herd.outage-rate': ['requests of one agent while Vault is away', 'a minute'],
  'herd.agents': ['agents', ''],
} as const;

export async function measureHerd(agents: number): Promise<Figure[]> {
  const rounds = new Rounds(texts);
  const clock = new FleetClock();
  const atMs: number[] = [];
  let isAway = false;
  const random = seeded(7);
  const reader: SecretReader = {
    read: async () => {
      atMs.push(clock.monotonicMs());
      return isAway ? failed('vault_unreachable') : answered(live(1, 'a', 0));
    },
    clockOffsetMs: () => 0,
  };
  const loops = Array.from({ length: agents }, (_, agent) => {
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
  await clock.advance(0);
  const startedMs = clock.monotonicMs();
  // everybody asked once, at once
  const firstReads = atMs.length;
  await clock.advance(3 * INTERVAL_MS);
  const later = atMs.slice(firstReads);
  rounds.add('herd.start', 'keytender', peakToMean(later, startedMs, INTERVAL_MS));
  draw('start', later, startedMs, 2 * INTERVAL_MS);
  isAway = true;
  await clock.advance(OUTAGE_MS);
  isAway = false;
  const backMs = clock.monotonicMs();
  const lastMinute = atMs.filter((at) => at >= backMs - 60_000).length;
  rounds.add('herd.outage-rate', 'keytender', lastMinute / agents);
  await clock.advance(3 * INTERVAL_MS);
  rounds.add('herd.outage', 'keytender', peakToMean(atMs, backMs + INTERVAL_MS, INTERVAL_MS));
  draw('outage', atMs, backMs, 3 * INTERVAL_MS);
  rounds.add('herd.agents', 'keytender', agents);
  await Promise.all(loops.map((loop) => loop.stop()));
  return rounds.figures();
}

function windows(atMs: readonly number[], fromMs: number, lengthMs: number, windowMs: number) {
  const counts = new Array<number>(lengthMs / windowMs).fill(0);
  for (const at of atMs) {
    const window = Math.floor((at - fromMs) / windowMs);
    if (window >= 0 && window < counts.length) counts[window] = (counts[window] ?? 0) + 1;
  }
  return counts;
}

function peakToMean(atMs: readonly number[], fromMs: number, lengthMs: number): number {
  const counts = windows(atMs, fromMs, lengthMs, WINDOW_MS);
  return Math.max(...counts) / (counts.reduce((sum, count) => sum + count, 0) / counts.length);
}

/** One bar a second, the tallest as high as the picture. */
function draw(name: string, atMs: readonly number[], fromMs: number, lengthMs: number): void {
  const counts = windows(atMs, fromMs, lengthMs, 1000);
  const [tall, wide, height] = [Math.max(...counts), 4, 120];
  const bars = counts.map((count, at) => {
    const high = Math.round((count / tall) * height);
    return `<rect x="${at * wide}" y="${height - high}" width="${wide - 1}" height="${high}"/>`;
  });
  const title = `requests by second, at most ${tall}`;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    `bench/results/herd-${name}.svg`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${counts.length * wide} ${height + 20}" fill="#777">
<title>${title}</title>
${bars.join('\n')}
<text x="0" y="${height + 15}" font-family="sans-serif" font-size="11">${title}, ${counts.length} s</text>
</svg>
`,
  );
}

/** The same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
