// Several addresses, as they are in a cluster: which node is asked, and when another one is.
import t, { type Test } from 'tap';
import { devVaultCluster, type DevVaultCluster } from '../../src/dev-vault/index.js';
import { systemClock, type Clock } from '../../src/platform/clock.js';
import { nodeState } from '../../src/vault/node-survey.js';
import { settle } from '../fixtures/fake-clock.js';
import { buildTestClient, setting, testAuth, type TestClient } from './build-test-client.js';

const path = 'keytender/default/token';
const MINUTE = 60_000;

/** The system's clock, which a test moves on. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  now = (): number => systemClock.now();
  monotonicMs = (): number => systemClock.monotonicMs() + this.shiftMs;
  sleep = (ms: number, signal?: AbortSignal): Promise<void> => systemClock.sleep(ms, signal);
}

/** What goes on behind reads: each node's health is asked, one after another. */
async function surveyEnds(requests: readonly string[], nodes: number): Promise<void> {
  do {
    await systemClock.sleep(30);
    await settle();
  } while (requests.filter((one) => one.startsWith('health')).length % nodes !== 0);
}

interface Scene extends TestClient {
  readonly cluster: DevVaultCluster;
  readonly clock: ShiftedClock;
  /** Addresses by number, in the order they were asked for the secret. */
  readonly asked: number[];
  /** Reads once a minute, and lets what goes on behind it end. */
  readonly minutes: (count: number) => Promise<void>;
}

async function scene(t: Test): Promise<Scene> {
  const cluster = await devVaultCluster({ rootToken: 'root', lagMs: 0 });
  t.teardown(() => cluster.close());
  cluster.active.kv.put(path, { token: 'first-token-value-0123456789abcdef' });
  const clock = new ShiftedClock();
  const asked: number[] = [];
  // the active node last: nobody would ask it otherwise
  const addresses = [...cluster.addresses].reverse();
  const made = buildTestClient(addresses, {
    clock,
    onRequest: ({ operation, address }) => {
      if (operation === 'read') asked.push(addresses.indexOf(address));
    },
  });
  t.teardown(() => made.client.close());
  return {
    ...made,
    cluster,
    clock,
    asked,
    async minutes(count) {
      for (let minute = 0; minute < count; minute += 1) {
        await made.read();
        await surveyEnds(made.requests, addresses.length);
        clock.shiftMs += MINUTE;
      }
    },
  };
}

t.test(
  'one read in five minutes goes to the active node, the others stay where they are',
  async (t) => {
    const { asked, minutes, requests } = await scene(t);
    await minutes(61);
    const visits = asked.flatMap((address, index) => (address === 2 ? [index] : []));
    t.ok(visits.length >= 12 && visits.length <= 20, `${visits.length} visits`);
    for (const [index, at] of visits.entries()) {
      t.ok(at - (visits[index - 1] ?? -4) <= 5, `minute ${at}`);
    }
    t.equal(asked.filter((address) => address === 1).length, 0);
    const health = requests.filter((request) => request === 'health ok').length;
    t.ok(health <= 3 * 22, `${health} looks at the health of three nodes in an hour`);
  },
);

t.test('a standby that was cut off does not hide a rotation for longer than that', async (t) => {
  const { cluster, minutes, read } = await scene(t);
  await minutes(2);
  for (const node of cluster.nodes) if (!node.isActive) node.cutOff();
  cluster.active.kv.put(path, { token: 'second-token-value-0123456789abcdef' });
  let seenAfter = 0;
  for (let minute = 1; minute <= 6 && seenAfter === 0; minute += 1) {
    const outcome = await read();
    if (outcome.ok && outcome.reading.kind === 'live' && outcome.reading.version === 2) {
      seenAfter = minute;
    }
    await minutes(1);
  }
  t.ok(seenAfter > 0 && seenAfter <= 5, `seen in minute ${seenAfter}`);
});

t.test(
  'the first address is gone back to when it has been well twice, and not before',
  async (t) => {
    const { cluster, minutes, asked, client } = await scene(t);
    const first = cluster.nodes[2]!;
    first.seal();
    await minutes(6);
    t.not(client.address(), first.address);
    first.unseal();
    asked.length = 0;
    await minutes(4);
    t.ok(asked.filter((address) => address === 0).length <= 1, 'not at once');
    await minutes(10);
    t.equal(client.address(), first.address);
  },
);

t.test('what a node answers that says it is cut off is not taken, until it is well', async (t) => {
  const cluster = await devVaultCluster({ rootToken: 'root', lagMs: 0 });
  t.teardown(() => cluster.close());
  cluster.active.kv.put(path, { token: 'first-token-value-0123456789abcdef' });
  for (const addresses of [[cluster.addresses[1]!], cluster.addresses.slice(1)]) {
    const clock = new ShiftedClock();
    const { read, client, requests } = buildTestClient(addresses, { clock });
    t.teardown(() => client.close());
    const minutes = async (count: number): Promise<string[]> => {
      const outcomes = [];
      for (let minute = 0; minute < count; minute += 1) {
        const outcome = await read();
        outcomes.push(outcome.ok ? 'ok' : outcome.failure.class);
        await surveyEnds(requests, addresses.length);
        clock.shiftMs += MINUTE;
      }
      return outcomes;
    };
    t.same([...new Set(await minutes(3))], ['ok']);
    const faults = cluster.nodes.map((node) =>
      node.faults.add({ kind: 'status', path: 'sys/health', status: 474 }),
    );
    const during = await minutes(9);
    t.same([...new Set(during)], ['ok', 'vault_standby']);
    t.ok(during.indexOf('vault_standby') <= 5, during.join());
    t.notOk(during.slice(during.indexOf('vault_standby')).includes('ok'), during.join());
    for (const fault of faults) fault.remove();
    t.equal((await minutes(4)).at(-1), 'ok');
    const looks = requests.filter((one) => one.startsWith('health')).length;
    t.ok(looks <= addresses.length * 16, `${looks} looks in 16 minutes`);
  }
});

t.test('what sys/health says of a node', async (t) => {
  for (const status of [429, 472, 473]) t.equal(nodeState(status), 'standby');
  for (const status of [474, 500, 501, 503, 530, null]) t.equal(nodeState(status), 'unusable');
  t.equal(nodeState(200), 'active');
});

t.test('a read that a caller triggered goes to the active node, polls do not', async (t) => {
  const { client, asked, minutes, read: poll } = await scene(t);
  await minutes(2);
  await poll();
  asked.length = 0;
  const { signal } = new AbortController();
  const reader = client.reader('token');
  for (const budget of ['on_demand', 'poll', 'on_demand', 'poll'] as const) {
    t.match(await reader.read({ budget, signal }), { ok: true });
  }
  t.same(asked, [2, 0, 2, 0]);
});

t.test(
  'an active node that fails is forgotten: others are asked, and who is active anew',
  async (t) => {
    const { client, cluster, clock, asked, minutes, requests } = await scene(t);
    await minutes(2);
    const { signal } = new AbortController();
    const reader = client.reader('token');
    const read = () => reader.read({ budget: 'on_demand', signal });
    const fault = cluster.active.faults.add({ kind: 'status', status: 500 });
    asked.length = 0;
    t.match(await read(), { ok: false, failure: { class: 'vault_error' } });
    t.match(await read(), { ok: true }, 'it is not asked again');
    t.same(asked, [2, 0]);
    fault.remove();
    cluster.setActive(cluster.nodes[1]!);
    clock.shiftMs += MINUTE;
    const looks = requests.filter((one) => one.startsWith('health')).length;
    await read();
    await surveyEnds(requests, 3);
    t.ok(requests.filter((one) => one.startsWith('health')).length > looks, 'looked for');
    asked.length = 0;
    t.match(await read(), { ok: true });
    t.same(asked, [1], 'the one that is active now');
  },
);

t.test(
  'a standby that cannot log us in (500) is left, a login that is refused moves nothing',
  async (t) => {
    for (const [status, wanted] of [
      [500, 1],
      [400, 0],
      [403, 0],
    ] as const) {
      const cluster = await devVaultCluster({ rootToken: 'root', lagMs: 0, nodes: 2 });
      t.teardown(() => cluster.close());
      const addresses = [...cluster.addresses].reverse();
      const { client, read, requests } = buildTestClient(addresses, {
        config: {
          auth: {
            ...testAuth,
            method: 'approle',
            mount: 'approle',
            roleId: setting('role'),
            secretId: setting('secret'),
          },
        },
      });
      t.teardown(() => client.close());
      cluster.nodes[1]!.faults.add({ kind: 'status', path: 'auth/approle/login', status });
      t.match(await read(), { ok: false, failure: { class: 'vault_login_failed' } });
      t.equal(client.address(), addresses[wanted], String(status));
      t.equal(
        requests.filter((one) => one.startsWith('login')).length,
        1,
        'no second login at once',
      );
    }
  },
);
