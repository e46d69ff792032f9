// What a sidecar costs that has nothing to do: memory and processor time, of several of each, side by side in the same
// minute; and what is left after load.
import { Rounds, type Figure } from './figure.js';
import { type LoadWorker, plain, signed } from './load.js';
import { cpuMsOf, memoryOf } from './process-facts.js';
import { pause } from './program.js';
import { type Scene, type Server, untilReady } from './scene.js';

const DAY_SECONDS = 86_400;

export interface MemoryOptions {
  /** Of each program, at the same time. */
  readonly each: number;
  readonly idleMs: number;
  readonly requests: number;
}

const texts = {
  'memory.rss': ['idle, resident', 'MB'],
  'memory.anonymous': ['idle, anonymous', 'MB'],
  'memory.peak': ['peak until then', 'MB'],
  'memory.peak-to-idle': ['peak to idle', '×'],
  'memory.cpu-day': ['processor time idle, a day', 's'],
  'memory.rss-after-load': ['resident after load', 'MB'],
} as const;

export async function measureMemory(
  scene: Scene,
  load: LoadWorker,
  { each, idleMs, requests }: MemoryOptions,
): Promise<Figure[]> {
  const rounds = new Rounds(texts);
  const started: { name: string; server: Server }[] = [];
  const start = async (name: string, from: () => Promise<Server>): Promise<void> => {
    const server = await from();
    started.push({ name, server });
    await untilReady(server);
  };
  for (let round = 0; round < each; round += 1) {
    await start('node:http', () => scene.bare('hello'));
    await start('keytender', () => scene.keytender());
    for (const [name, peer] of scene.peers()) await start(name, peer);
  }
  // what a start does afterwards is not idle: V8 collects once more, some ten seconds later
  await pause(20_000);
  const pids = started.map(({ name, server }) => ({ name, pid: server.program.pid }));
  const before = pids.map(({ pid }) => cpuMsOf(pid));
  await pause(idleMs);
  pids.forEach(({ name, pid }, at) => {
    const cpuMs = cpuMsOf(pid) - (before[at] ?? 0);
    const { rssMb, anonymousMb, peakMb } = memoryOf(pid);
    rounds.add('memory.rss', name, rssMb);
    rounds.add('memory.anonymous', name, anonymousMb);
    rounds.add('memory.peak', name, peakMb);
    rounds.add('memory.peak-to-idle', name, peakMb / rssMb);
    rounds.add('memory.cpu-day', name, (cpuMs / idleMs) * DAY_SECONDS);
  });
  for (const { server } of started) await server[Symbol.asyncDispose]();
  for (const [name, from] of [
    ['node:http', () => scene.bare('hello')],
    ['keytender', () => scene.keytender({ RATE_LIMIT_PER_MIN: '100000' })],
  ] as const) {
    await using server = await from();
    await untilReady(server);
    await pause(1500);
    const target =
      name === 'keytender' ? signed(scene, { method: 'GET', path: '/v1/tokens' }) : plain('/');
    await load.run({ port: server.port, target, connections: 16, requests, seconds: 60 });
    await pause(5000);
    rounds.add('memory.rss-after-load', name, memoryOf(server.program.pid).rssMb);
  }
  return rounds.figures();
}
