// No valid request is refused while the token is rotated over and over: clients that watch, clients with a superseded
// token, clients that know each new token before the agent does. Several series; the long ones with
// KEYTENDER_TEST_FULL=1 (10,000 rotations; ten minutes at the defaults).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { devVaultCluster } from '../../src/dev-vault/index.js';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';
import { Series, total, type SeriesOptions } from './rotation-series.js';

const IS_FULL = process.env['KEYTENDER_TEST_FULL'] === '1';
const ROTATIONS = IS_FULL ? 10_000 : 300;
const HOUR_MS = 3_600_000;

t.teardown(closeConnections);
if (IS_FULL) t.setTimeout(HOUR_MS);
// the runner's own limit for a file
if (IS_FULL) t.comment(`timeout=${HOUR_MS}`);

const raised = {
  KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '6000',
  RATE_LIMIT_PER_MIN: '1000000',
  KEYTENDER_TOKEN_SUPERSEDED_MAX: '16',
};

async function begin(options: SeriesOptions): Promise<Series> {
  await options.agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  return new Series(options, await options.agent.url());
}

async function onDemandOf(agent: AgentProcess): Promise<Record<string, number>> {
  const { body } = await agent.get('/metrics');
  const found = body.matchAll(/refresh_on_demand_total\{token="default",outcome="(\w+)"\} (\d+)/g);
  return Object.fromEntries([...found].map(([, outcome = '', count]) => [outcome, Number(count)]));
}

/** Nobody polls: the interval is an hour, each rotation arrives because somebody signs with the new token. */
async function onDemand(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const socket = join(folder, 'agent.sock');
  await using agent = agentOf(vault, {
    env: { ...raised, KEYTENDER_REFRESH_INTERVAL: '1h', KEYTENDER_LISTEN_SOCKET: socket },
  });
  const series = await begin({ agent, vault, graceSeconds: 1, supersededMax: 16 });
  series.foreign();
  series.foreign();
  series.terse();
  series.cold();
  series.watcher();
  if (IS_FULL) series.coldLibrary(folder);
  await series.library(socket);
  const startedMs = performance.now();
  while (series.version < ROTATIONS + 1) {
    const before = series.counts.answered['foreign'] ?? 0;
    await series.rotate();
    if (series.hasRefusal()) break;
    // each version is used, and found by asking; a machine that is busy elsewhere need not see that of every one
    const patientUntil = performance.now() + 250;
    const isUsed = (): boolean => (series.counts.answered['foreign'] ?? 0) > before;
    while (!isUsed() && !series.hasRefusal() && performance.now() < patientUntil) await pause(1);
  }
  await series.end();
  const { counts } = series;
  const seconds = (performance.now() - startedMs) / 1000;
  const demand = await onDemandOf(agent);
  t.comment({ rotations: series.version - 1, seconds, ...counts, demand });
  t.same(counts.refused, {});
  t.same(counts.retried, {});
  t.equal(series.version, ROTATIONS + 1);
  for (const client of ['foreign', 'terse', 'cold', 'watcher', 'library']) {
    t.ok((counts.answered[client] ?? 0) > ROTATIONS / 10, client);
  }
  if (IS_FULL) t.ok(counts.answered['cold library'], 'cold library');
  t.ok(Number(demand['found']) > ROTATIONS / 10, 'they arrived on demand');
}

/** Several versions are written between two polls, at the default allowance for asking in between. */
async function fasterThanTheInterval(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  const env = { RATE_LIMIT_PER_MIN: '1000000', KEYTENDER_TOKEN_SUPERSEDED_MAX: '16' };
  await using agent = agentOf(vault, { env });
  const series = await begin({ agent, vault, graceSeconds: 4, supersededMax: 16 });
  series.foreign();
  series.terse();
  series.cold();
  series.watcher();
  const rotations = IS_FULL ? 400 : 30;
  while (series.version < rotations + 1 && !series.hasRefusal()) {
    await series.rotate();
    await pause(250);
  }
  await series.end();
  t.comment({ rotations, ...series.counts });
  const { refused, retried, answered, slowestMs } = series.counts;
  t.same(refused, {});
  for (const client of ['foreign', 'terse', 'cold', 'watcher']) t.ok(answered[client], client);
  t.ok(total(answered) > rotations);
  // the allowance for asking is spent nearly always: then a poll has to help in time
  t.ok(total(retried) < total(answered) / 100, 'hardly anybody has to come again');
  t.ok(slowestMs < 15_000, `nobody waits over 15 s: ${slowestMs} ms`);
}

/** Vault answers from a state that is `lagMs` old; the caller is on the new token already. */
async function laggingNode(t: Test, lagMs: number, rotations: number): Promise<void> {
  await using cluster = await devVaultCluster({ nodes: 2, lagMs });
  const vault = cluster.active;
  putToken(vault, 'token-1');
  await pause(lagMs);
  await using agent = agentOf(vault, {
    env: {
      ...raised,
      VAULT_ADDR: cluster.nodes[1]?.address,
      KEYTENDER_REFRESH_INTERVAL: '1h',
    },
  });
  const series = await begin({ agent, vault, graceSeconds: 60, supersededMax: 16 });
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(folder, { recursive: true }));
  series.cold(20);
  series.coldLibrary(folder);
  series.watcher();
  while (series.version < rotations + 1) {
    await series.rotate();
    const { version } = series;
    const callers = ['default', `default:${version}`].map((keyid) =>
      series.call('foreign', version, { keyid }),
    );
    await Promise.all(callers);
  }
  await series.end();
  t.comment({ lagMs, ...series.counts });
  t.same(series.counts.refused, {});
  t.same(series.counts.retried, {});
  t.equal(series.counts.answered['foreign'], 2 * rotations);
  t.ok(series.counts.answered['cold library'], 'cold library');
}

/** Nothing is raised: a rotation a minute, all clients together under 120 requests a minute. */
async function atTheDefaults(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_REFRESH_INTERVAL: undefined } });
  const options = { graceSeconds: null, defaultGraceSeconds: 300, supersededMax: 4 };
  const series = await begin({ agent, vault, ...options });
  series.foreign('foreign', 2_000);
  series.terse(4_000);
  series.cold(2_000);
  series.watcher(5_000);
  for (let rotation = 0; rotation < 10; rotation += 1) {
    await series.rotate();
    await pause(60_000);
  }
  await series.end();
  t.comment({ rotations: series.version - 1, ...series.counts });
  t.same(series.counts.refused, {});
  t.same(series.counts.retried, {});
  t.ok(total(series.counts.answered) > 600);
}

async function afterItsGrace(t: Test): Promise<void> {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const old = { target: '/v1/tokens', key: strong('token-1'), keyid: 'default:1' };
  putToken(vault, 'token-2', { grace_seconds: 3 });
  const writtenMs = Date.now();
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  const swappedMs = Date.now();
  const within = await signedCall(url, old);
  // on a machine that took longer than the grace to come here this says nothing
  if (Date.now() < writtenMs + 3_000) t.equal(within.status, 200);
  // who was current until the swap has the whole grace from then
  await pause(swappedMs + 4_000 - Date.now());
  t.equal((await signedCall(url, old)).status, 401);
}

t.test(`${ROTATIONS} rotations on demand: no refusal`, onDemand);
t.test('beside each other', { jobs: 4 }, async (t) => {
  await Promise.all([
    t.test('rotations faster than the interval: no refusal', fasterThanTheInterval),
    t.test('a node that lags 100 ms: no refusal', (t) => laggingNode(t, 100, IS_FULL ? 100 : 8)),
    t.test('a node that lags 2 s: no refusal', (t) => laggingNode(t, 2_000, IS_FULL ? 25 : 2)),
    t.test('a second after its grace a token is refused', afterItsGrace),
    ...(IS_FULL
      ? [t.test('a rotation a minute at the defaults, for ten minutes: no refusal', atTheDefaults)]
      : []),
  ]);
});
