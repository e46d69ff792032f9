// Promises: never a storm, never backwards, a good token is never lost to a bad answer, healed within the largest backoff:
// over random sequences of faults. In workers of their own, because this runner watches every promise of its own thread,
// of which there are millions.
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Range, Tried } from './simulated-time.js';

// the same seeds each time in CI, so that a failure is the change's; `npm run test:full` explores others
const isFull = process.env['KEYTENDER_TEST_FULL'] === '1';
const times = isFull ? 10 : 1;
const firstSeed = isFull ? 1 + Math.floor(Math.random() * 1e9) : 1;
const WORKERS = 2;

function tryRange(name: string, workerData: Range): Promise<Tried> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(name, import.meta.url), { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

const simulations = [
  { name: './storm-simulation.ts', what: 'one address, plain', sequences: 10_000 * times },
  { name: './storm-loop-simulation.ts', what: 'the whole agent', sequences: 100 * times },
];

for (const { name, what, sequences } of simulations) {
  t.test(`${sequences} sequences of 200 faults and times, ${what}`, async (t) => {
    const each = sequences / WORKERS;
    const tried = await Promise.all(
      Array.from({ length: WORKERS }, (_, index) =>
        tryRange(name, { from: firstSeed + index * each, to: firstSeed + (index + 1) * each - 1 }),
      ),
    );
    for (const { broken } of tried) t.equal(broken, null);
    const seen = new Set(tried.flatMap((one) => one.seen));
    t.ok(seen.size >= 12, [...seen].sort().join(', '));
    t.comment(
      `from seed ${firstSeed}, healed after at most ${Math.max(...tried.map(({ healedMs }) => healedMs))} ms`,
    );
  });
}
