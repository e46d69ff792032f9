// A long time under load with rotations all along: whether memory grows with the number of requests, and whether the
// event loop stays free.
import { mkdirSync, writeFileSync } from 'node:fs';
import { type Figure, Rounds } from './figure.js';
import { type LoadWorker, signed } from './load.js';
import { memoryOf } from './process-facts.js';
import { probe, probing } from './probe.js';
import { freePort, pause } from './program.js';
import { type Scene, untilReady } from './scene.js';
import { lineThrough, quantile } from './statistics.js';

export interface SoakOptions {
  readonly warmSeconds: number;
  /** After warming up. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly rotationsPerSecond: number;
}

const texts = {
  'soak.slope': ['resident memory by requests, 95 % bound', 'MB per 100,000'],
  'soak.slope-found': ['resident memory by requests, slope', 'MB per 100,000'],
  'soak.heap-slope': ['heap by requests, 95 % bound', 'MB per 100,000'],
  'soak.requests': ['requests', ''],
  'soak.rotations': ['rotations', ''],
  'soak.rss': ['resident memory in the soak', 'MB'],
  'soak.heap': ['heap in the soak', 'MB'],
  'soak.delay.p99': ['delay of the event loop, p99', 'ms'],
} as const;

/** One second of the soak. */
interface Moment {
  /** Answered until then, in 100,000. */
  readonly sent: number;
  readonly rssMb: number;
  readonly heapMb: number;
}

export async function measureSoak(
  scene: Scene,
  load: LoadWorker,
  { warmSeconds, seconds, requestsPerSecond, rotationsPerSecond }: SoakOptions,
): Promise<Figure[]> {
  const probePort = await freePort();
  await using agent = await scene.keytender(
    {
      RATE_LIMIT_PER_MIN: '100000',
      SIGNATURE_MAX_SKEW_SECS: '30',
      KEYTENDER_REFRESH_INTERVAL: '1s',
      KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '6000',
      KEYTENDER_TOKEN_SUPERSEDED_MAX: '16',
      PROBE_PORT: String(probePort),
    },
    probing,
  );
  await untilReady(agent);
  await pause(1500);
  const done = { sent: 0, rotations: 0, isOver: false };
  const moments: Moment[] = [];
  let version = 1_000_000;
  let p99Ms = Number.NaN;
  const rotate = async (): Promise<void> => {
    const startedMs = performance.now();
    while (!done.isOver) {
      version += 1;
      await scene.write(version, GRACE_SECONDS);
      done.rotations += 1;
      // in step with the clock, however long a write takes
      const dueMs = startedMs + (done.rotations * 1000) / rotationsPerSecond;
      await pause(Math.max(1, dueMs - performance.now()));
    }
  };
  const watch = async (): Promise<void> => {
    await pause(warmSeconds * 1000);
    while (!done.isOver) {
      const told = await probe(probePort);
      p99Ms = told.p99Ms;
      const { rssMb } = memoryOf(agent.program.pid);
      moments.push({ sent: done.sent / 100_000, rssMb, heapMb: told.heapUsed / 2 ** 20 });
      await pause(1000);
    }
  };
  const others = [rotate(), watch()];
  const endMs = performance.now() + (warmSeconds + seconds) * 1000;
  while (performance.now() < endMs) {
    // signed just before it is sent: its key is superseded while it is used, and in its grace
    const { answered } = await load.run({
      port: agent.port,
      target: signed(scene, { method: 'GET', path: '/v1/tokens', version }),
      connections: 16,
      seconds: 2,
      requests: requestsPerSecond,
      perSecond: requestsPerSecond,
    });
    done.sent += answered;
  }
  done.isOver = true;
  await Promise.all(others);
  draw(moments);
  return figuresOf(moments, done, p99Ms);
}

const GRACE_SECONDS = 4;

function figuresOf(
  moments: readonly Moment[],
  { sent, rotations }: { readonly sent: number; readonly rotations: number },
  p99Ms: number,
): Figure[] {
  const rounds = new Rounds(texts);
  const add = (id: keyof typeof texts, value: number): void => {
    rounds.add(id, 'keytender', value);
  };
  const resident = lineThrough(moments.map((one) => [one.sent, one.rssMb]));
  add('soak.slope', resident.slopeMax);
  add('soak.slope-found', resident.slope);
  add('soak.heap-slope', lineThrough(moments.map((one) => [one.sent, one.heapMb])).slopeMax);
  add('soak.requests', sent);
  add('soak.rotations', rotations);
  // from where to where, in few words: a sample of each second would be most of what a run leaves
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    add(
      'soak.rss',
      quantile(
        moments.map((one) => one.rssMb),
        share,
      ),
    );
    add(
      'soak.heap',
      quantile(
        moments.map((one) => one.heapMb),
        share,
      ),
    );
  }
  add('soak.delay.p99', p99Ms);
  return rounds.figures();
}

/** Both by second, from nothing to a little above the largest. */
function draw(moments: readonly Moment[]): void {
  const [wide, height] = [800, 160];
  const top = Math.max(...moments.map(({ rssMb }) => rssMb)) * 1.1;
  const line = (valueOf: (moment: Moment) => number, dashes: string): string => {
    const place = moments.map((moment, at) => {
      const x = (at / Math.max(1, moments.length - 1)) * wide;
      return `${x.toFixed(1)},${(height - (valueOf(moment) / top) * height).toFixed(1)}`;
    });
    return `<polyline fill="none" stroke="#777" stroke-dasharray="${dashes}" points="${place.join(' ')}"/>`;
  };
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(
    'bench/results/soak.svg',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${height + 20}">
<title>resident memory and heap by second</title>
${line(({ rssMb }) => rssMb, 'none')}
${line(({ heapMb }) => heapMb, '2 2')}
<text x="0" y="${height + 15}" fill="#777" font-family="sans-serif" font-size="11">resident memory, dotted the heap; 0 to ${Math.round(top)} MB, ${moments.length} s</text>
</svg>
`,
  );
}
