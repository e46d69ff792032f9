// One budget stands before all addresses: nodes that fail in turn are not asked more often than one that does.
import t from 'tap';
import { devVaultCluster } from '../../src/dev-vault/index.js';
import { systemClock } from '../../src/platform/clock.js';
import { buildTestClient } from './build-test-client.js';

const PER_MINUTE = 60;
const NODES = 3;
const AT_ONCE = PER_MINUTE / 3;

t.test('three sealed nodes are asked no more often, together, than one may be', async (t) => {
  const cluster = await devVaultCluster({ rootToken: 'root', lagMs: 0, nodes: NODES });
  t.teardown(() => cluster.close());
  for (const node of cluster.nodes) node.seal();
  const asked = new Set<string>();
  const startedMs = systemClock.monotonicMs();
  const { client, requests } = buildTestClient(cluster.addresses, {
    perMinute: PER_MINUTE,
    onRequest: ({ address }) => asked.add(address),
  });
  t.teardown(() => client.close());
  const reader = client.reader('token');
  const over = new AbortController();
  // more than what may be asked at once, as fast as it is granted
  const reading = (async () => {
    while (!over.signal.aborted) await reader.read({ budget: 'poll', signal: over.signal });
  })();
  while (requests.length < AT_ONCE + 1) await systemClock.sleep(20);
  const made = requests.length;
  const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
  over.abort(new Error('enough'));
  await t.rejects(reading, { message: 'enough' });
  t.equal(asked.size, NODES, 'all of them were asked');
  const allowed = AT_ONCE + (seconds * PER_MINUTE) / 60;
  t.ok(made <= allowed, `${made} in ${seconds} s, ${allowed} are allowed`);
});
