// How much is answered, and how soon: as much as there is room for, and at a thousand a second.
import { Rounds, type Figure } from './figure.js';
import { type LoadJob, type LoadWorker, plain, signed, type Target } from './load.js';
import { pause } from './program.js';
import { type Scene, type Server, untilReady } from './scene.js';

export interface ThroughputOptions {
  readonly rounds: number;
  readonly seconds: number;
}

interface Row {
  readonly id: string;
  readonly text: string;
  /** The most that one round sends: all are signed beforehand. */
  readonly requests: number;
  readonly programs: readonly (readonly [name: string, server: Server, target: Target])[];
}

const CONNECTIONS = 32;
const CALM_PER_SECOND = 1000;

export async function measureThroughput(
  scene: Scene,
  load: LoadWorker,
  { rounds: count, seconds }: ThroughputOptions,
): Promise<Figure[]> {
  await using hello = await scene.bare('hello');
  await using fastify = await scene.bare('fastify');
  await using agent = await scene.keytender({
    RATE_LIMIT_PER_MIN: '1000000',
    KEYTENDER_LIMITS_CRYPTO_REQUESTS_PER_MINUTE: '1000000',
    // what was signed beforehand is used at once, and forgotten soon
    SIGNATURE_MAX_SKEW_SECS: '30',
  });
  for (const server of [hello, fastify, agent]) await untilReady(server);
  // what is signed in the second of its start is refused
  await pause(1500);
  const rows = rowsOf(scene, { hello, fastify, agent });
  const texts: Record<string, readonly [string, string]> = Object.fromEntries(
    rows.flatMap(({ id, text }): [string, readonly [string, string]][] => [
      [`throughput.${id}`, [`${text}, at saturation`, 'requests/s'] as const],
      [`throughput.${id}.p50`, [`${text}, at saturation, p50`, 'ms'] as const],
      [`throughput.${id}.p99`, [`${text}, at saturation, p99`, 'ms'] as const],
      [`calm.${id}.p50`, [`${text}, at ${CALM_PER_SECOND}/s, p50`, 'ms'] as const],
      [`calm.${id}.p99`, [`${text}, at ${CALM_PER_SECOND}/s, p99`, 'ms'] as const],
    ]),
  );
  const rounds = new Rounds(texts);
  for (let round = -1; round < count; round += 1) {
    for (const { id, requests, programs } of rows) {
      for (const [name, { port }, target] of programs) {
        const job: LoadJob = { port, target, connections: CONNECTIONS, requests, seconds };
        const full = await load.run(job);
        // the first round is a warm-up
        if (round >= 0) {
          rounds.add(`throughput.${id}`, name, full.perSecond);
          rounds.add(`throughput.${id}.p50`, name, full.p50Ms);
          rounds.add(`throughput.${id}.p99`, name, full.p99Ms);
        }
        if (round < 0) continue;
        const calmly = Math.min(requests, CALM_PER_SECOND * seconds);
        const calm = await load.run({ ...job, requests: calmly, perSecond: CALM_PER_SECOND });
        rounds.add(`calm.${id}.p50`, name, calm.p50Ms);
        rounds.add(`calm.${id}.p99`, name, calm.p99Ms);
      }
    }
  }
  return rounds.figures();
}

function rowsOf(
  scene: Scene,
  { hello, fastify, agent }: Readonly<Record<'hello' | 'fastify' | 'agent', Server>>,
): readonly Row[] {
  const bare = ['node:http', hello, plain('/')] as const;
  const hashed = (verifyBytes: number | null): Target => ({
    ...signed(scene, {
      method: verifyBytes === null ? 'GET' : 'POST',
      path: '/hashed',
      verifyBytes,
    }),
  });
  const verify = (verifyBytes: number): Row['programs'] => [
    ['Fastify and the same hashes', fastify, hashed(verifyBytes)],
    [
      'keytender',
      agent,
      signed(scene, { method: 'POST', path: '/v1/tokens/default/verify', verifyBytes }),
    ],
  ];
  return [
    {
      id: 'health',
      text: 'GET /health',
      requests: 200_000,
      programs: [bare, ['Fastify', fastify, plain('/')], ['keytender', agent, plain('/health')]],
    },
    {
      id: 'metrics',
      text: 'GET /metrics',
      requests: 20_000,
      programs: [bare, ['keytender', agent, plain('/metrics')]],
    },
    {
      id: 'signed',
      text: 'signed GET /v1/tokens',
      requests: 30_000,
      programs: [
        bare,
        ['Fastify and the same hashes', fastify, hashed(null)],
        ['keytender', agent, signed(scene, { method: 'GET', path: '/v1/tokens' })],
      ],
    },
    { id: 'verify-1k', text: 'POST /verify of 1 KiB', requests: 20_000, programs: verify(1024) },
    { id: 'verify-64k', text: 'POST /verify of 64 KiB', requests: 1500, programs: verify(65_536) },
  ];
}
