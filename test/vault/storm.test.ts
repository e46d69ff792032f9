// Promises: never a storm, never backwards, a good token is never lost to a bad answer: over random sequences of faults.
// In workers of their own, because this runner watches every promise of its own thread, of which there are millions.
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Range, Tried } from './storm-simulation.js';

const SEQUENCES = process.env['KEYTENDER_TEST_FULL'] === '1' ? 100_000 : 10_000;
const WORKERS = 2;

function tryRange(workerData: Range): Promise<Tried> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./storm-simulation.ts', import.meta.url), { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

t.test(`${SEQUENCES} sequences of 200 faults and times`, async (t) => {
  const each = SEQUENCES / WORKERS;
  const tried = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      tryRange({ from: index * each + 1, to: (index + 1) * each }),
    ),
  );
  for (const { broken } of tried) t.equal(broken, null);
  const seen = new Set(tried.flatMap((one) => one.seen));
  t.ok(seen.size >= 12, [...seen].sort().join(', '));
});
