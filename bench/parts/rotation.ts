// A rotation, from the write in Vault to the answer: asked for by who signs with the new token, found by polling, told to
// hundreds of waiters; what a waiter costs; and nobody refused on the way.
import { type Figure, Rounds } from './figure.js';
import { plainRequest, signedRequest } from './load.js';
import { memoryOf } from './process-facts.js';
import { probe, probing } from './probe.js';
import { freePort, pause } from './program.js';
import { type Scene, type Server, untilReady } from './scene.js';
import { SimpleClient } from './simple-client.js';
import { quantile } from './statistics.js';

export interface RotationOptions {
  /** More than a second each. */
  readonly timed: number;
  readonly polled: number;
  readonly waiters: number;
  readonly wakings: number;
  /** Each of an agent of its own. */
  readonly weighings: number;
}

const texts = {
  'rotation.on-demand.p50': ['Vault write to accepted on demand, p50', 'ms'],
  'rotation.on-demand.p99': ['Vault write to accepted on demand, p99', 'ms'],
  'rotation.polled': ['Vault write to swapped by polling every second', 'ms'],
  'rotation.woken.p50': ['swap to woken, p50', 'ms'],
  'rotation.woken.p99': ['swap to woken, p99', 'ms'],
  'rotation.waiter': ['memory of one waiter', 'KB'],
  'rotation.waiter-held': ['heap that one waiter holds', 'KB'],
} as const;

const refusalTexts = {
  'rotation.refused': ['valid requests refused in these rotations', 'requests'],
  'rotation.count': ['rotations', ''],
} as const;

const GRACE_MS = 1000;

const raised = {
  RATE_LIMIT_PER_MIN: '100000',
  KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '6000',
  KEYTENDER_TOKEN_SUPERSEDED_MAX: '16',
};

/** As fast as at most 16 of them fall into one grace. */
export async function measureRefusals(scene: Scene, rotations: number): Promise<Figure[]> {
  const rounds = new Rounds(refusalTexts);
  await scene.write(FIRST_OF_MANY);
  const many = await onDemand(scene, FIRST_OF_MANY, rotations, GRACE_MS / 16 + 5);
  rounds.add('rotation.refused', 'keytender', many.refused);
  rounds.add('rotation.count', 'keytender', rotations);
  return rounds.figures();
}

/** Keys of their own, whatever other parts wrote. */
const FIRST_OF_MANY = 100_000;

export async function measureRotation(scene: Scene, options: RotationOptions): Promise<Figure[]> {
  const rounds = new Rounds(texts);
  // rotations that are apart: versions in their grace are looked at too, which takes a read each
  const first = 1;
  await scene.write(first);
  const apart = await onDemand(scene, first, options.timed, GRACE_MS + 100);
  for (const [id, share] of [
    ['rotation.on-demand.p50', 0.5],
    ['rotation.on-demand.p99', 0.99],
  ] as const) {
    rounds.add(id, 'one direct Vault read', quantile(apart.direct, share));
    rounds.add(id, 'the same over a socket just used', quantile(apart.again, share));
    rounds.add(id, 'a request whose key is held', quantile(apart.held, share));
    rounds.add(id, 'keytender', quantile(apart.accepted, share));
  }
  const polled = await byPolling(scene, rounds, first + options.timed, options.polled);
  const woken = await waking(scene, rounds, polled, options);
  await weighing(scene, rounds, woken, options);
  return rounds.figures();
}

interface Accepted {
  /** Milliseconds from the write to the answer. */
  readonly accepted: readonly number[];
  /** By a program of its own that has been idle for as long as the agent. */
  readonly direct: readonly number[];
  /** Right after that. */
  readonly again: readonly number[];
  /** What the agent takes for the next request, when nothing has to be asked. */
  readonly held: readonly number[];
  readonly refused: number;
}

/** Nobody polls; the first request with each new token is what makes the agent ask. */
async function onDemand(
  scene: Scene,
  first: number,
  count: number,
  everyMs: number,
): Promise<Accepted> {
  await using agent = await started(scene, { ...raised, KEYTENDER_REFRESH_INTERVAL: '1h' });
  await using reader = await scene.reader();
  await untilReady(reader);
  const accepted: number[] = [];
  const direct: number[] = [];
  const again: number[] = [];
  const held: number[] = [];
  let refused = 0;
  using client = new SimpleClient(agent.port);
  using vault = new SimpleClient(Number(new URL(scene.vaultUrl).port));
  using asking = new SimpleClient(reader.port);
  const readDirectly = async (): Promise<void> => {
    await asking.send(plainRequest(reader.port, '/'));
    direct.push(Number(asking.body));
  };
  for (let version = first + 1; version <= first + count; version += 1) {
    // made before the clock starts, as all load is
    const signedByNewest = request(scene, agent, version);
    const signedOnceMore = request(scene, agent, version);
    const read = scene.readRequest();
    await scene.write(version, GRACE_MS / 1000);
    // in turns: whoever comes second finds Vault awake
    if (version % 2 === 0) await readDirectly();
    let startedMs = performance.now();
    const newest = await client.send(signedByNewest);
    accepted.push(performance.now() - startedMs);
    if (version % 2 === 1) await readDirectly();
    startedMs = performance.now();
    await vault.send(read);
    again.push(performance.now() - startedMs);
    startedMs = performance.now();
    const second = await client.send(signedOnceMore);
    held.push(performance.now() - startedMs);
    const older = await client.send(request(scene, agent, version - 1));
    refused += [newest, second, older].filter((status) => status !== 200).length;
    await pause(Math.ceil(everyMs));
  }
  return { accepted, direct, again, held, refused };
}

async function byPolling(
  scene: Scene,
  rounds: Rounds,
  first: number,
  count: number,
): Promise<number> {
  await using agent = await started(scene, { ...raised, KEYTENDER_REFRESH_INTERVAL: '1s' });
  using client = new SimpleClient(agent.port);
  let version = first;
  for (let round = 0; round < count; round += 1) {
    const { revision } = await watch(scene, client, agent, version, '');
    const waiting = watch(scene, client, agent, version, revision);
    version += 1;
    const startedMs = performance.now();
    await scene.write(version);
    await waiting;
    rounds.add('rotation.polled', 'keytender', performance.now() - startedMs);
  }
  return version;
}

/** The moment of the swap is the moment at which the first of them is woken. */
async function waking(
  scene: Scene,
  rounds: Rounds,
  first: number,
  { waiters, wakings }: RotationOptions,
): Promise<number> {
  await using agent = await started(scene, { ...raised, KEYTENDER_REFRESH_INTERVAL: '1s' });
  using one = new SimpleClient(agent.port);
  const clients = Array.from({ length: waiters }, () => new SimpleClient(agent.port));
  const woken: number[] = [];
  let version = first;
  for (let round = 0; round < wakings; round += 1) {
    const { revision } = await watch(scene, one, agent, version, '');
    for (const client of clients) await client.open();
    const arrivals: number[] = [];
    const waiting = clients.map(async (client) => {
      await watch(scene, client, agent, version, revision);
      arrivals.push(performance.now());
    });
    await pause(2000);
    version += 1;
    await scene.write(version);
    await Promise.all(waiting);
    const swappedMs = Math.min(...arrivals);
    woken.push(...arrivals.map((atMs) => atMs - swappedMs));
  }
  for (const client of clients) client[Symbol.dispose]();
  rounds.add('rotation.woken.p50', 'keytender', quantile(woken, 0.5));
  rounds.add('rotation.woken.p99', 'keytender', quantile(woken, 0.99));
  return version;
}

/** Held before those that are weighed: what the first waiters make the program load and compile is not theirs. */
const EARLIER_WAITERS = 100;
/** Answered before: what a program takes to compile what has become hot is some 20 MB, with any waiters or none. */
const EARLIER_REQUESTS = 5000;

/** What waiters add to a program that is warm: resident, and of its heap apart from the garbage that their requests left. */
async function weighing(
  scene: Scene,
  rounds: Rounds,
  version: number,
  { waiters, weighings }: RotationOptions,
): Promise<void> {
  const add = (
    id: keyof typeof texts,
    amountsKb: readonly [before: number, after: number],
  ): void => {
    rounds.add(id, 'keytender', (amountsKb[1] - amountsKb[0]) / waiters);
  };
  for (let round = 0; round < weighings; round += 1) {
    await using agent = await started(scene, raised);
    const residentKb = (): number => memoryOf(agent.program.pid).rssMb * 1024;
    add('rotation.waiter', await heldBy(waiters, scene, agent, version, residentKb));
  }
  const probePort = await freePort();
  const env = { ...raised, PROBE_PORT: String(probePort), PROBE_COLLECTS: '1' };
  await using agent = await started(scene, env, probing);
  const heapKb = async (): Promise<number> => (await probe(probePort)).heapUsed / 1024;
  add('rotation.waiter-held', await heldBy(waiters, scene, agent, version, heapKb));
}

/** Before and with so many waiters, after requests and waiters enough to make the program compile what it does. */
async function heldBy(
  waiters: number,
  scene: Scene,
  agent: Server,
  version: number,
  amount: () => number | Promise<number>,
): Promise<readonly [before: number, after: number]> {
  using one = new SimpleClient(agent.port);
  for (let sent = 0; sent < EARLIER_REQUESTS; sent += 1) {
    await one.send(request(scene, agent, version));
  }
  const { revision } = await watch(scene, one, agent, version, '');
  const hold = async (count: number): Promise<number> => {
    const clients = Array.from({ length: count }, () => new SimpleClient(agent.port));
    for (const client of clients) await client.open();
    // they end with the agent
    for (const client of clients)
      void watch(scene, client, agent, version, revision).catch(() => 0);
    await pause(2000);
    return amount();
  };
  return [await hold(EARLIER_WAITERS), await hold(waiters)];
}

async function started(
  scene: Scene,
  env: Readonly<Record<string, string>>,
  preload?: string,
): Promise<Server> {
  const agent = await scene.keytender(env, preload);
  await untilReady(agent);
  // what is signed in the second of its start is refused
  await pause(1500);
  return agent;
}

function request(scene: Scene, { port }: Server, version: number, path = '/v1/tokens'): Buffer {
  const target = { method: 'GET', path, key: scene.key(version), verifyBytes: null } as const;
  return signedRequest(port, target);
}

async function watch(
  scene: Scene,
  client: SimpleClient,
  agent: Server,
  version: number,
  revision: string,
): Promise<{ revision: string }> {
  const query = revision === '' ? '' : `?timeout=60&revision=${revision}`;
  const path = `/v1/tokens/default/watch${query}`;
  const status = await client.send(request(scene, agent, version, path));
  if (status !== 200) throw new Error(`a watch was answered ${status}`);
  return JSON.parse(client.body) as { revision: string };
}
