// `npm run bench`: the short series, `-- --full` the long one, whose soak takes half an hour or `--soak=SECONDS`;
// `-- PART ...` some parts of it, with `--keep` into what the last whole run left; `-- guard` the ratios compared with
// those that are committed. Prints a table; a run of all parts writes bench/results/latest.json and the tables of
// docs/performance.md and README.md.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureFaults } from './parts/faults.js';
import { type Figure, tableOf } from './parts/figure.js';
import { regressions, TRIES } from './parts/guard.js';
import { measureHerd } from './parts/herd.js';
import { LoadWorker, workAsLoad } from './parts/load.js';
import { measureMemory } from './parts/memory.js';
import {
  readResults,
  type Results,
  resultsOf,
  updatePages,
  withMeasured,
  writeResults,
} from './parts/results.js';
import { measureRefusals, measureRotation } from './parts/rotation.js';
import { Scene } from './parts/scene.js';
import { measureSoak } from './parts/soak.js';
import { measureStart } from './parts/start.js';
import { measureThroughput } from './parts/throughput.js';

const [, program = '', ...args] = process.argv;
const SOAK = /^--soak=(\d+)$/;
/** Half an hour, or what was asked for. */
const soakSeconds = Number(args.map((word) => SOAK.exec(word)?.[1]).find(Boolean) ?? 1800);
const words = args.filter((word) => !SOAK.test(word));

type Part = (scene: Scene, load: LoadWorker, isFull: boolean) => Promise<readonly Figure[]>;

const parts: Readonly<Record<string, Part>> = {
  memory: (scene, load, isFull) =>
    measureMemory(scene, load, {
      each: isFull ? 3 : 2,
      idleMs: isFull ? 65_000 : 20_000,
      requests: isFull ? 50_000 : 10_000,
    }),
  start: (scene, _load, isFull) => measureStart(scene, isFull ? 25 : 9),
  throughput: (scene, load, isFull) =>
    measureThroughput(scene, load, { rounds: isFull ? 5 : 3, seconds: isFull ? 3 : 1 }),
  rotation: (scene, _load, isFull) =>
    measureRotation(scene, {
      timed: isFull ? 200 : 30,
      polled: isFull ? 30 : 5,
      waiters: 500,
      wakings: isFull ? 10 : 3,
      weighings: isFull ? 5 : 3,
    }),
  refusals: (scene, _load, isFull) => measureRefusals(scene, isFull ? 10_000 : 200),
  herd: () => measureHerd(10_000),
  faults: (scene, _load, isFull) => measureFaults(scene, isFull ? 5 : 1),
  soak: async (scene, load, isFull) =>
    isFull
      ? measureSoak(scene, load, {
          warmSeconds: soakSeconds / 6,
          seconds: soakSeconds,
          requestsPerSecond: 700,
          rotationsPerSecond: 6,
        })
      : [],
};

const guarded = ['memory', 'start', 'throughput'];

async function measure(names: readonly string[], isFull: boolean): Promise<readonly Figure[]> {
  await using scene = await Scene.build(mkdtempSync(join(tmpdir(), 'kt-bench-')));
  using load = new LoadWorker(program);
  const figures: Figure[] = [];
  for (const name of names) {
    const measured = (await parts[name]?.(scene, load, isFull)) ?? [];
    process.stdout.write(`\n${tableOf(measured)}`);
    figures.push(...measured);
  }
  return figures;
}

const options = ['--full', '--keep'];

async function series(): Promise<void> {
  const isFull = words.includes('--full');
  const isKept = words.includes('--keep');
  const chosen = words.filter((word) => word in parts);
  const unknown = words.filter((word) => !(word in parts) && !options.includes(word));
  if (unknown.length > 0) {
    process.stderr.write(`no ${unknown.join(', ')}; parts: ${Object.keys(parts).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  if (chosen.length > 0) {
    const measured = await measure(chosen, isFull);
    if (isKept) await keep(withMeasured(readResults(), measured));
    return;
  }
  await keep(resultsOf(await measure(Object.keys(parts), isFull), isFull));
}

async function keep(results: Results): Promise<void> {
  await writeResults(results);
  updatePages(results);
}

async function guard(): Promise<void> {
  const { figures } = readResults();
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const worse = regressions(await measure(guarded, false), figures);
    if (worse.length === 0) return;
    const list = worse.map(({ text }) => text).join('; ');
    process.stdout.write(`\ntry ${tried} of ${TRIES}: by more than a quarter worse: ${list}\n`);
  }
  process.exitCode = 1;
}

if (words[0] === 'load') workAsLoad();
else if (words[0] === 'guard') await guard();
else await series();
