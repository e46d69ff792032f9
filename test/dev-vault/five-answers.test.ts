import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import { vaultCall } from './http-exchange.js';

t.test(
  'never written, deleted, destroyed, pruned and KV v1 are five different answers',
  async (t) => {
    await using vault = await devVault({ rootToken: 'root' });
    const read = (path: string) => vaultCall(vault.address, 'root', 'GET', path);
    await vaultCall(vault.address, 'root', 'POST', 'sys/mounts/old', { type: 'kv' });
    for (let version = 1; version <= 11; version += 1)
      vault.kv.put('t', { token: `value-${version}` });

    const never = await read('secret/data/nothing');
    t.equal(never.status, 404);
    t.strictSame(never.json, { errors: [] });

    const pruned = await read('secret/data/t?version=1');
    t.equal(pruned.status, 404);
    t.strictSame(pruned.json, { errors: [] }, 'as if never written');
    const metadata = await read('secret/metadata/t');
    t.equal(metadata.json.data.oldest_version, 2, 'but the metadata tells');
    t.notOk('1' in metadata.json.data.versions);
    t.equal((await read('secret/metadata/nothing')).status, 404);

    vault.kv.delete('t', [3]);
    const deleted = await read('secret/data/t?version=3');
    t.equal(deleted.status, 404);
    t.equal(deleted.json.data.data, null);
    t.equal(deleted.json.data.metadata.destroyed, false);
    t.match(deleted.json.data.metadata.deletion_time, /Z$/);

    vault.kv.destroy('t', [4]);
    const destroyed = await read('secret/data/t?version=4');
    t.equal(destroyed.status, 404);
    t.equal(destroyed.json.data.data, null);
    t.equal(destroyed.json.data.metadata.destroyed, true);
    t.equal(destroyed.json.data.metadata.deletion_time, '');

    const kv1 = await read('old/data/t');
    t.strictSame(kv1.json, { errors: [] });
    const one = await read('sys/internal/ui/mounts/old/t');
    t.equal(one.json.data.options.version, undefined, 'the mount tells version 1');
    const two = await read('sys/internal/ui/mounts/secret/t');
    t.equal(two.json.data.options.version, '2');
  },
);

t.test('/data/ left out is answered with a warning that says so', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  const answer = await vaultCall(vault.address, 'root', 'GET', 'secret/t');
  t.equal(answer.status, 404);
  t.match(answer.json.warnings[0], /^Invalid path for a versioned K\/V secrets engine/);
});
