// A long time under load with rotations all along: whether memory grows with the number of requests.
import { mkdirSync, writeFileSync } from 'node:fs';
import { type Figure, Rounds } from './figure.js';
import { type LoadWorker, plain } from './load.js';
import { memoryOf } from './process-facts.js';
import { pause } from './program.js';
import { type Scene, untilReady } from './scene.js';
import { lineThrough } from './statistics.js';

export interface SoakOptions {
  readonly warmSeconds: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly rotationsPerSecond: number;
}

const texts = {
  'soak.slope': ['resident memory by requests, 95 % bound', 'MB per 100,000'],
  'soak.requests': ['requests', ''],
  'soak.rotations': ['rotations', ''],
  'soak.rss-end': ['resident at the end', 'MB'],
} as const;

export async function measureSoak(
  scene: Scene,
  load: LoadWorker,
  { warmSeconds, seconds, requestsPerSecond, rotationsPerSecond }: SoakOptions,
): Promise<Figure[]> {
  const rounds = new Rounds(texts);
  await using agent = await scene.keytender({
    RATE_LIMIT_PER_MIN: '100000',
    SIGNATURE_MAX_SKEW_SECS: '30',
    KEYTENDER_REFRESH_INTERVAL: '1s',
    KEYTENDER_TOKEN_SUPERSEDED_MAX: '16',
  });
  await untilReady(agent);
  await pause(1500);
  let [sent, rotations, isOver] = [0, 0, false];
  let version = 1_000_000;
  const points: [number, number][] = [];
  const rotate = async (): Promise<void> => {
    while (!isOver) {
      version += 1;
      await scene.write(version, 4);
      rotations += 1;
      await pause(1000 / rotationsPerSecond);
    }
  };
  const watchMemory = async (): Promise<void> => {
    await pause(warmSeconds * 1000);
    while (!isOver) {
      points.push([sent / 100_000, memoryOf(agent.program.pid).rssMb]);
      await pause(1000);
    }
  };
  const rotating = rotate();
  const watching = watchMemory();
  const endMs = performance.now() + (warmSeconds + seconds) * 1000;
  while (performance.now() < endMs) {
    const target = { ...plain('/v1/tokens'), key: scene.key(version) };
    const job = { port: agent.port, target, connections: 16, seconds: 2 };
    // signed just before it is sent: its key is superseded while it is used, and in its grace
    const { answered } = await load.run({
      ...job,
      requests: requestsPerSecond,
      perSecond: requestsPerSecond,
    });
    sent += answered;
  }
  isOver = true;
  await Promise.all([rotating, watching]);
  rounds.add('soak.slope', 'keytender', lineThrough(points).slopeMax);
  rounds.add('soak.requests', 'keytender', sent);
  rounds.add('soak.rotations', 'keytender', rotations);
  rounds.add('soak.rss-end', 'keytender', points.at(-1)?.[1] ?? Number.NaN);
  draw(points.map(([, rssMb]) => rssMb));
  return rounds.figures();
}

function draw(rssMb: readonly number[]): void {
  const [wide, height, top] = [800, 160, Math.max(...rssMb) * 1.1];
  const place = rssMb.map((mb, at) => {
    const x = (at / Math.max(1, rssMb.length - 1)) * wide;
    return `${x.toFixed(1)},${(height - (mb / top) * height).toFixed(1)}`;
  });
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    'bench/results/soak.svg',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${height + 20}">
<title>resident memory by second</title>
<polyline fill="none" stroke="#777" points="${place.join(' ')}"/>
<text x="0" y="${height + 15}" fill="#777" font-family="sans-serif" font-size="11">resident memory, 0 to ${Math.round(top)} MB, ${rssMb.length} s</text>
</svg>
`,
  );
}
