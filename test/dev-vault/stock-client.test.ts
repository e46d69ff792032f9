/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- the types of node-vault describe half of what it has */
// A client that nobody here wrote, and what the command line sends.
import nodeVault from 'node-vault';
import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import { vaultCall, type Loose } from './http-exchange.js';

/** The status that node-vault fails with. */
async function statusOf(call: Promise<unknown>): Promise<number | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return (error as Loose).response?.statusCode as number | undefined;
  }
}

t.test("node-vault's own calls work against it", async (t) => {
  await using vault = await devVault();
  const client = nodeVault({ endpoint: vault.address, token: vault.rootToken }) as Loose;
  t.equal((await client.health()).initialized, true);
  t.equal((await client.initialized()).initialized, true);
  t.equal((await client.status()).sealed, false);
  t.equal((await client.leader()).ha_enabled, false);
  await client.mount({ mount_point: 'own', type: 'kv', options: { version: '2' } });
  t.ok('own/' in (await client.mounts()).data);
  await client.write('own/data/a', { data: { token: 'first' } });
  await client.update('own/data/a', { data: { more: 1 } });
  t.equal((await client.read('own/data/a')).data.data.more, 1);
  t.equal((await client.read('own/data/a?version=1')).data.data.token, 'first');
  t.strictSame((await client.list('own/metadata/')).data.keys, ['a']);
  await client.delete('own/data/a');
  t.equal(await statusOf(client.read('own/data/a')), 404);
  await client.addPolicy({ name: 'p', rules: 'path "own/*" { capabilities = ["read"] }' });
  t.match((await client.getPolicy({ name: 'p' })).data.rules, 'own');
  t.ok((await client.policies()).policies.includes('p'));
  const made = await client.tokenCreate({ policies: ['p'], ttl: '1h' });
  client.token = made.auth.client_token;
  t.strictSame((await client.tokenLookupSelf()).data.policies, ['default', 'p']);
  t.equal((await client.tokenRenewSelf({ increment: 60 })).auth.lease_duration, 60);
  t.equal(await statusOf(client.write('own/data/a', { data: {} })), 403);
  await client.tokenRevokeSelf();
  t.equal(await statusOf(client.tokenLookupSelf()), 403);
  client.token = vault.rootToken;
  await client.enableAuth({ mount_point: 'approle', type: 'approle' });
  await client.addApproleRole({ role_name: 'r', policies: 'p' });
  const { role_id } = (await client.getApproleRoleId({ role_name: 'r' })).data;
  const { secret_id } = (await client.getApproleRoleSecret({ role_name: 'r' })).data;
  const login = await client.approleLogin({ role_id, secret_id });
  t.strictSame(login.auth.policies, ['default', 'p']);
  client.token = vault.rootToken;
  await client.seal();
  t.equal(await statusOf(client.read('own/data/a')), 503);
  t.equal((await client.unseal({ key: vault.unsealKey })).sealed, false);
  await client.unmount({ mount_point: 'own' });
});

/** The requests that the command line makes for each command, in order. */
t.test(
  'the command line finds what it looks for: put, get, patch, metadata, rollback',
  async (t) => {
    await using vault = await devVault({ rootToken: 'root' });
    const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      vaultCall(vault.address, 'root', method, path, body, headers);
    const preflight = async (path: string): Promise<void> => {
      const answer = await call('GET', `sys/internal/ui/mounts/${path}`);
      t.equal(answer.json.data.path, 'secret/');
      t.equal(answer.json.data.options.version, '2');
    };

    await preflight('secret/app');
    t.equal(
      (await call('PUT', 'secret/data/app', { data: { token: 'one' }, options: {} })).json.data
        .version,
      1,
    );
    await call('PUT', 'secret/data/app', { data: { token: 'two' }, options: { cas: 1 } });

    await preflight('secret/app');
    t.equal((await call('GET', 'secret/data/app')).json.data.data.token, 'two');

    const patched = await call(
      'PATCH',
      'secret/data/app',
      { data: { note: 'n' }, options: { cas: 2 } },
      { 'content-type': 'application/merge-patch+json' },
    );
    t.equal(patched.json.data.version, 3);

    await call('PUT', 'secret/metadata/app', { custom_metadata: { owner: 'me' }, max_versions: 5 });
    t.equal((await call('GET', 'secret/metadata/app')).json.data.custom_metadata.owner, 'me');

    // rollback to version 1: read it, read the current version, write the old data with check-and-set.
    const old = await call('GET', 'secret/data/app?version=1');
    const { current_version } = (await call('GET', 'secret/metadata/app')).json.data;
    const rolled = await call('PUT', 'secret/data/app', {
      data: old.json.data.data,
      options: { cas: current_version },
    });
    t.equal(rolled.json.data.version, 4);
    t.strictSame((await call('GET', 'secret/data/app')).json.data.data, { token: 'one' });

    t.equal((await call('PUT', 'secret/delete/app', { versions: ['4'] })).status, 204);
    t.equal((await call('PUT', 'secret/undelete/app', { versions: ['4'] })).status, 204);
    t.equal((await call('PUT', 'secret/destroy/app', { versions: ['1'] })).status, 204);
    t.equal((await call('DELETE', 'secret/metadata/app')).status, 204);
  },
);
