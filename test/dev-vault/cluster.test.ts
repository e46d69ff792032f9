import t from 'tap';
import { devVaultCluster, type DevVaultNode } from '../../src/dev-vault/index.js';
import { vaultCall } from './http-exchange.js';

async function versionAt(node: DevVaultNode): Promise<number | undefined> {
  const { json } = await vaultCall(node.address, node.rootToken, 'GET', 'secret/data/a');
  const version: unknown = json.data?.metadata.version;
  return typeof version === 'number' ? version : undefined;
}

t.test('a standby answers from a state as old as its lag', async (t) => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  await using cluster = await devVaultCluster({ nodes: 3, lagMs: 80, now: () => nowMs });
  const [active, standby, slow] = cluster.nodes as [DevVaultNode, DevVaultNode, DevVaultNode];
  slow.setLag(5000);
  active.kv.put('a', { token: 'one' });
  t.equal(await versionAt(active), 1);
  t.equal(await versionAt(standby), undefined, 'not there yet');
  nowMs += 100;
  t.equal(await versionAt(standby), 1);
  active.kv.put('a', { token: 'two' });
  nowMs += 70;
  t.equal(await versionAt(standby), 1, 'still the old one');
  nowMs += 20;
  t.equal(await versionAt(standby), 2);
  t.equal(await versionAt(slow), undefined);
  nowMs += 5000;
  t.equal(await versionAt(slow), 2);
});

t.test('a standby lists and reads metadata of the same age as its secrets', async (t) => {
  let nowMs = 1_000_000_000_000;
  await using cluster = await devVaultCluster({ nodes: 2, lagMs: 80, now: () => nowMs });
  const [active, standby] = cluster.nodes as [DevVaultNode, DevVaultNode];
  active.kv.put('a', {});
  const list = () => vaultCall(standby.address, standby.rootToken, 'LIST', 'secret/metadata/');
  t.equal((await list()).status, 404);
  nowMs += 81;
  t.strictSame((await list()).json.data.keys, ['a']);
  active.kv.deleteMetadata('a');
  t.equal((await list()).status, 200);
  nowMs += 81;
  t.equal((await list()).status, 404);
});

t.test('what is written at a standby is written by the active node', async (t) => {
  await using cluster = await devVaultCluster({ nodes: 2, lagMs: 0 });
  const [active, standby] = cluster.nodes as [DevVaultNode, DevVaultNode];
  const answer = await vaultCall(standby.address, standby.rootToken, 'POST', 'secret/data/a', {
    data: { token: 'x' },
  });
  t.equal(answer.status, 200);
  t.equal(await versionAt(active), 1);
});

t.test('a standby that is cut off keeps answering old reads and can write nothing', async (t) => {
  let nowMs = 1_000_000_000_000;
  await using cluster = await devVaultCluster({ nodes: 2, lagMs: 10, now: () => nowMs });
  const [active, standby] = cluster.nodes as [DevVaultNode, DevVaultNode];
  active.kv.put('a', { token: 'one' });
  nowMs += 100;
  standby.cutOff();
  active.kv.put('a', { token: 'two' });
  nowMs += 1_000_000;
  t.equal(await versionAt(standby), 1, 'an old 200');
  const write = await vaultCall(standby.address, standby.rootToken, 'POST', 'secret/data/a', {
    data: {},
  });
  t.equal(write.status, 500);
  t.strictSame(write.json, { errors: ['local node not active but active cluster node not found'] });
  t.equal((await vaultCall(standby.address, null, 'GET', 'sys/leader')).json.leader_address, '');
  standby.reconnect();
  t.equal(await versionAt(standby), 2);
});

t.test('health and leader tell active from standby', async (t) => {
  await using cluster = await devVaultCluster({ nodes: 2 });
  const [active, standby] = cluster.nodes as [DevVaultNode, DevVaultNode];
  const ask = (node: DevVaultNode, path: string) => vaultCall(node.address, null, 'GET', path);
  t.equal((await ask(active, 'sys/health')).status, 200);
  const health = await ask(standby, 'sys/health');
  t.equal(health.status, 429);
  t.equal(health.json.standby, true);
  t.equal((await ask(standby, 'sys/health?standbyok=true')).status, 200);
  t.equal((await ask(standby, 'sys/health?standbycode=473')).status, 473);
  const leader = await ask(standby, 'sys/leader');
  t.match(leader.json, { ha_enabled: true, is_self: false, leader_address: active.address });
  t.equal((await ask(active, 'sys/leader')).json.is_self, true);
});

t.test('another node can be made the active one', async (t) => {
  await using cluster = await devVaultCluster({ nodes: 3 });
  const [first, second] = cluster.nodes as [DevVaultNode, DevVaultNode];
  t.ok(first.isActive);
  cluster.setActive(second);
  t.equal(cluster.active.address, second.address);
  t.notOk(first.isActive);
  t.equal((await vaultCall(first.address, null, 'GET', 'sys/health')).status, 429);
});

t.test('standbys can send clients to the active node instead', async (t) => {
  await using cluster = await devVaultCluster({ nodes: 2, standbys: 'redirect' });
  const [active, standby] = cluster.nodes as [DevVaultNode, DevVaultNode];
  const answer = await vaultCall(
    standby.address,
    standby.rootToken,
    'GET',
    'secret/data/a?version=1',
  );
  t.equal(answer.status, 307);
  t.equal(answer.headers.location, `${active.address}/v1/secret/data/a?version=1`);
  active.seal();
  t.equal(
    (await vaultCall(standby.address, standby.rootToken, 'GET', 'secret/data/a')).status,
    503,
  );
});

t.test('each node has faults and a seal of its own', async (t) => {
  await using cluster = await devVaultCluster({ nodes: 2 });
  const [active, standby] = cluster.nodes as [DevVaultNode, DevVaultNode];
  standby.faults.add({ kind: 'status', status: 500 });
  t.equal((await vaultCall(standby.address, null, 'GET', 'sys/health')).status, 500);
  t.equal((await vaultCall(active.address, null, 'GET', 'sys/health')).status, 200);
  standby.faults.clear();
  standby.seal();
  t.equal(
    (await vaultCall(standby.address, standby.rootToken, 'GET', 'secret/data/a')).status,
    503,
  );
  t.equal((await vaultCall(active.address, active.rootToken, 'GET', 'secret/data/a')).status, 404);
  const leader = await vaultCall(standby.address, null, 'GET', 'sys/leader');
  t.equal(leader.status, 503);
  t.strictSame(leader.json, { errors: ['Vault is sealed'] });
});

t.test('only one to nine nodes', async (t) => {
  await t.rejects(devVaultCluster({ nodes: 0 }), RangeError);
  await t.rejects(devVaultCluster({ nodes: 10 }), RangeError);
});
