// How a login lives on a server: renewed, replaced where that is not allowed or not possible, found dead, given back. By
// a clock that is moved on; what is asked and answered is real, against a dev Vault or the server of TEST_VAULT_ADDR.
import t, { type Test } from 'tap';
import type { VaultConfig } from '../../../src/config/config.js';
import { FaultProxy } from '../../faults/fault-proxy.js';
import { appRole } from '../../fixtures/app-role.js';
import { vaultServer, type VaultServer } from '../../fixtures/vault-server.js';
import { buildTestClient, setting, testAuth, type TestClient } from '../build-test-client.js';
import { PatientClock } from '../patient-clock.js';

interface Scene extends TestClient {
  readonly clock: PatientClock;
  readonly config: VaultConfig;
  /** Vault tokens of the logins that were made, in order. */
  readonly logins: readonly string[];
  /** Until so many requests, as `operation outcome`, were made. */
  readonly until: (request: RegExp, count?: number) => Promise<void>;
  /** The next thing that is to be done behind the back of reads is due. */
  readonly due: () => Promise<void>;
}

async function scene(t: Test, vault: VaultServer, role: object, given?: string): Promise<Scene> {
  const proxy = new FaultProxy(vault.address);
  await proxy.listen();
  t.teardown(() => proxy[Symbol.asyncDispose]());
  const made = await appRole(vault, role);
  const clock = new PatientClock();
  const approle = {
    method: 'approle',
    mount: made.mount,
    roleId: setting(made.roleId),
    secretId: setting(await made.secretId()),
  } as const;
  const auth = { ...testAuth, ...(given === undefined ? approle : { token: setting(given) }) };
  const config: Partial<VaultConfig> = { mount: vault.mount, auth };
  const client = buildTestClient(`http://127.0.0.1:${proxy.port}`, { clock, config });
  t.teardown(() => client.client.close());
  return {
    ...client,
    get requests() {
      // the health of the node is looked at behind reads, whenever
      return client.requests.filter((one) => !one.startsWith('health'));
    },
    clock,
    logins: proxy.logins,
    config: client.config,
    async until(request, count = 1) {
      while (client.requests.filter((one) => request.test(one)).length < count)
        await clock.sleep(5);
    },
    async due() {
      clock.pass(await clock.untilLongWait());
    },
  };
}

/** What the server says of a Vault token; null: it knows none. */
async function lookUp(vault: VaultServer, token: string): Promise<Record<string, unknown> | null> {
  try {
    return (await vault.api('POST', 'auth/token/lookup', { token })).data ?? null;
  } catch {
    return null;
  }
}

t.test('a login is renewed before it ends, and says when that is', async (t) => {
  await using vault = await vaultServer();
  const it = await scene(t, vault, {});
  const { client, clock } = it;
  t.match(await it.read(), { ok: true });
  const first = client.loginExpiresAt() ?? 0;
  const dueMs = await clock.untilLongWait();
  t.ok(dueMs > 0.59 * 3_600_000 && dueMs < 0.74 * 3_600_000, `${dueMs} ms of an hour`);
  await it.due();
  await it.until(/^renew ok$/);
  while (client.loginExpiresAt() === first) await clock.sleep(5);
  t.ok((client.loginExpiresAt() ?? 0) > first);
  t.match(await it.read(), { ok: true });
  t.same(it.requests, ['login ok', 'read ok', 'renew ok', 'read ok']);
  t.same(it.warnings, []);
});

t.test('a login that was replaced is given back: none is left behind', async (t) => {
  await using vault = await vaultServer();
  const it = await scene(t, vault, {});
  t.match(await it.read(), { ok: true });
  for (let count = 1; count <= 3; count += 1) {
    it.client.reconfigure({ ...it.config, auth: { ...it.config.auth, role: `again-${count}` } });
    t.match(await it.read(), { ok: true });
  }
  // reads that may hold an old one are over
  it.clock.pass(10_000);
  await it.until(/^revoke ok$/, 3);
  t.equal(it.logins.length, 4);
  const known = [];
  for (const login of it.logins) known.push((await lookUp(vault, login)) !== null);
  t.same(known, [false, false, false, true]);
  it.client.reconfigure({ ...it.config, auth: { ...it.config.auth, revokeOnExit: true } });
  await it.client.close();
  t.equal(await lookUp(vault, it.logins[3] ?? ''), null, 'nor at the end, where that is wanted');
});

t.test('a batch login is replaced, and not given back: it cannot be', async (t) => {
  await using vault = await vaultServer();
  const it = await scene(t, vault, { token_type: 'batch' });
  t.match(await it.read(), { ok: true });
  await it.due();
  await it.until(/^login ok$/, 2);
  t.match(await it.read(), { ok: true });
  await it.client.close();
  t.same(it.requests, ['login ok', 'read ok', 'login ok', 'read ok']);
  t.same(it.warnings, []);
});

t.test(
  'without the default policy it is read, and told that it cannot be kept alive',
  async (t) => {
    await using vault = await vaultServer();
    const it = await scene(t, vault, { token_no_default_policy: true });
    t.match(await it.read(), { ok: true });
    await it.due();
    await it.until(/^login ok$/, 2);
    t.match(await it.read(), { ok: true });
    t.equal(it.client.renewalFailed(), false, 'reported, not failed');
    t.match(it.warnings, [/do not allow to renew it: attach Vault's default policy/]);
    await it.due();
    await it.until(/^login ok$/, 3);
    t.equal(it.requests.filter((one) => one.startsWith('renew')).length, 1, 'asked for once');
    t.equal(it.warnings.length, 1, 'said once');
    for (const login of it.logins) {
      t.notSame(await lookUp(vault, login), null, 'it may not even be given back');
    }
  },
);

t.test('a given token without the default policy: looked up in vain, and read with', async (t) => {
  await using vault = await vaultServer();
  const made = await vault.api('POST', 'auth/token/create', {
    policies: [vault.policy],
    no_default_policy: true,
    ttl: '1h',
  });
  const it = await scene(t, vault, {}, String(made.auth?.['client_token']));
  t.match(await it.read(), { ok: true });
  t.same(it.requests, ['lookup vault_forbidden', 'read ok']);
  t.match(it.warnings, [/does not tell how long the Vault token lives.*default policy/]);
  t.equal(it.client.loginExpiresAt(), null);
  t.equal(it.client.renewalFailed(), false);
});

t.test('a login that an operator revoked is found dead, and replaced at once', async (t) => {
  await using vault = await vaultServer();
  const it = await scene(t, vault, {});
  t.match(await it.read(), { ok: true });
  await vault.api('POST', 'auth/token/revoke', { token: it.logins[0] });
  it.clock.pass(20_000);
  t.match(await it.read(), { ok: true });
  await it.client.close();
  t.same(it.requests, [
    'login ok',
    'read ok',
    'read vault_forbidden',
    'lookup vault_forbidden',
    'login ok',
    'read ok',
  ]);
});

t.test('a login of less than a minute works, with a warning', async (t) => {
  await using vault = await vaultServer();
  const it = await scene(t, vault, { token_ttl: '30s' });
  t.match(await it.read(), { ok: true });
  t.match(it.warnings, [/^the login lives 30 s only: raise its TTL/]);
  await it.due();
  await it.until(/^renew ok$/);
  t.match(await it.read(), { ok: true });
  t.equal(it.warnings.length, 1);
});

t.test(
  'a root token, and one that cannot be renewed: nothing to do, and its end is told',
  async (t) => {
    await using vault = await vaultServer();
    const root = await vault.api('POST', 'auth/token/create', { policies: ['root'] });
    const forEver = await scene(t, vault, {}, String(root.auth?.['client_token']));
    t.match(await forEver.read(), { ok: true });
    t.equal(forEver.client.loginExpiresAt(), null);
    t.same(forEver.warnings, []);
    const made = await vault.api('POST', 'auth/token/create', {
      policies: [vault.policy],
      renewable: false,
      ttl: '1h',
    });
    const ends = await scene(t, vault, {}, String(made.auth?.['client_token']));
    t.match(await ends.read(), { ok: true });
    await ends.due();
    while (ends.warnings.length === 0) await ends.clock.sleep(5);
    t.match(ends.warnings, [/^the Vault token ends at .* cannot be renewed any further/]);
    t.same(ends.requests, ['lookup ok', 'read ok'], 'it is not asked for in vain');
  },
);
