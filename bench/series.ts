// `npm run bench`: the short series, `-- --full` the long one; `-- PART ...` some parts of it; `-- guard` the ratios
// compared with those that are committed. Prints a table, and writes bench/results/latest.json.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableOf, type Figure } from './parts/figure.js';
import { LoadWorker, workAsLoad } from './parts/load.js';
import { Scene } from './parts/scene.js';
import { measureMemory } from './parts/memory.js';
import { measureRotation } from './parts/rotation.js';
import { measureStart } from './parts/start.js';
import { measureThroughput } from './parts/throughput.js';

const [, program = '', ...words] = process.argv;

type Part = (scene: Scene, load: LoadWorker, isFull: boolean) => Promise<readonly Figure[]>;

const parts: Readonly<Record<string, Part>> = {
  memory: (scene, load, isFull) =>
    measureMemory(scene, load, {
      each: isFull ? 3 : 2,
      idleMs: isFull ? 65_000 : 10_000,
      requests: isFull ? 50_000 : 10_000,
    }),
  start: (scene, _load, isFull) => measureStart(scene, isFull ? 25 : 7),
  throughput: (scene, load, isFull) =>
    measureThroughput(scene, load, { rounds: isFull ? 5 : 3, seconds: isFull ? 3 : 1 }),
  rotation: (scene, _load, isFull) =>
    measureRotation(scene, {
      rotations: isFull ? 10_000 : 200,
      polled: isFull ? 30 : 5,
      waiters: 500,
      wakings: isFull ? 10 : 3,
    }),
};

async function main(): Promise<void> {
  const isFull = words.includes('--full');
  const chosen = words.filter((word) => word in parts);
  await using scene = await Scene.build(mkdtempSync(join(tmpdir(), 'kt-bench-')));
  using load = new LoadWorker(program);
  const figures: Figure[] = [];
  for (const name of chosen.length > 0 ? chosen : Object.keys(parts)) {
    const measured = (await parts[name]?.(scene, load, isFull)) ?? [];
    process.stdout.write(`\n${tableOf(measured)}`);
    figures.push(...measured);
  }
}

if (words[0] === 'load') workAsLoad();
else await main();
