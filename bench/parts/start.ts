// From exec to the first good answer, against a Vault in another process; and what one health check costs.
import { spawn } from 'node:child_process';
import { Rounds, type Figure } from './figure.js';
import { cpuMsOf } from './process-facts.js';
import { type Scene, type Server, untilReady } from './scene.js';

const texts = {
  'start.livez': ['exec to /livez', 'ms'],
  'start.readyz': ['exec to /readyz, with a token read from Vault', 'ms'],
  'start.cpu': ['processor time until then', 'ms'],
  'start.healthcheck': ['one health check', 'ms'],
} as const;

export async function measureStart(scene: Scene, count: number): Promise<Figure[]> {
  const rounds = new Rounds(texts);
  const once = async (
    id: keyof typeof texts,
    name: string,
    from: Promise<Server>,
    path?: string,
  ): Promise<void> => {
    await using server = await from;
    const ms = await untilReady(server, path);
    rounds.add(id, name, ms);
    if (id === 'start.readyz') rounds.add('start.cpu', name, cpuMsOf(server.program.pid));
  };
  for (let round = 0; round < count; round += 1) {
    await once('start.livez', 'node:http', scene.bare('hello'));
    await once('start.livez', 'keytender', scene.keytender(), '/livez');
    await once('start.readyz', 'node:http', scene.bare('hello'));
    await once('start.readyz', 'keytender', scene.keytender());
    for (const [name, peer] of scene.peers()) await once('start.readyz', name, peer());
  }
  await using server = await scene.keytender();
  await untilReady(server);
  const url = `http://127.0.0.1:${server.port}`;
  for (let round = 0; round < count; round += 1) {
    rounds.add('start.healthcheck', 'node -e 0', await runMs(['-e', '0']));
    rounds.add(
      'start.healthcheck',
      'keytender',
      await runMs([...scene.image.healthcheck, '--url', url]),
    );
  }
  return rounds.figures();
}

async function runMs(args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'] },
    stdio: 'ignore',
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return performance.now() - startedMs;
}
