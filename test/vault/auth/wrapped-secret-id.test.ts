// A wrapped secret id that is not what it should be: one that was used, has expired or was never there is the same
// failure, because Vault answers alike; one that was made for something else is the only alarm. Nothing is unwrapped
// before it was looked up. https://developer.hashicorp.com/vault/docs/concepts/response-wrapping
import t, { type Test } from 'tap';
import { isSecretIdPath } from '../../../src/vault/auth/secret-id.js';
import { appRole, type AppRole } from '../../fixtures/app-role.js';
import { vaultServer, type VaultServer } from '../../fixtures/vault-server.js';
import { buildTestClient, setting, testAuth } from '../build-test-client.js';
import { PatientClock } from '../patient-clock.js';

const POLLS = 10;

interface Tried {
  readonly failure: unknown;
  readonly requests: readonly string[];
}

/** Polls with `wrapping` in place of a secret id. */
async function poll(
  t: Test,
  vault: VaultServer,
  { mount, roleId }: AppRole,
  wrapping: string,
): Promise<Tried> {
  const auth = {
    ...testAuth,
    method: 'approle',
    mount,
    role: 'sidecar',
    roleId: setting(roleId),
    secretIdWrapped: setting(wrapping),
  } as const;
  const { read, requests, client } = buildTestClient(vault.address, {
    clock: new PatientClock(),
    config: { mount: vault.mount, auth },
  });
  t.teardown(() => client.close());
  const failures = [];
  for (let count = 0; count < POLLS; count += 1) {
    const outcome = await read();
    failures.push(outcome.ok ? 'none' : outcome.failure.message);
  }
  t.equal(new Set(failures).size, 1);
  return { failure: failures[0], requests };
}

/** Until the server forgot it. */
async function expired(vault: VaultServer, wrapping: string): Promise<void> {
  for (;;) {
    try {
      await vault.api('POST', 'sys/wrapping/lookup', { token: wrapping }, { token: null });
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

t.test('used, expired and unknown are one failure, after one look, and no alarm', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  const [late, used] = [await role.wrapped({ ttl: '1s' }), await role.wrapped()];
  await vault.api('POST', 'sys/wrapping/unwrap', undefined, { token: used });
  await expired(vault, late);
  const tried = [];
  for (const wrapping of [used, late, 'hvs.was-never-there']) {
    tried.push(await poll(t, vault, role, wrapping));
  }
  for (const { failure, requests } of tried) {
    t.match(failure, /^the wrapping token .* was used, has expired or is unknown to vault/);
    t.same(requests, ['lookup vault_login_failed'], `${POLLS} polls within the backoff`);
  }
  t.equal(new Set(tried.map(({ failure }) => failure)).size, 1);
});

t.test('made for another role, or for something else, is an alarm and stays wrapped', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  await vault.api('POST', `auth/${role.mount}/role/other`, { token_policies: [vault.policy] });
  for (const path of [`auth/${role.mount}/role/other/secret-id`, 'sys/wrapping/wrap']) {
    const wrapping = await role.wrapped({ path });
    const { failure, requests } = await poll(t, vault, role, wrapping);
    t.match(failure, /^ALARM/, path);
    t.same(requests, ['lookup vault_login_failed'], 'it is not unwrapped');
    await vault.api('POST', 'sys/wrapping/unwrap', undefined, { token: wrapping });
  }
});

t.test('which creation paths are those of a secret id', async (t) => {
  const rows: readonly (readonly [string, string | null, boolean])[] = [
    ['auth/approle/role/app/secret-id', null, true],
    ['auth/approle/role/app/secret-id', 'app', true],
    ['auth/approle/role/App/secret-id', 'app', true],
    ['auth/approle/role/app/custom-secret-id', 'app', true],
    ['team-a/auth/approle/role/app/secret-id', 'app', true],
    ['auth/approle/role/other/secret-id', 'app', false],
    ['auth/approle/role//secret-id', null, false],
    ['auth/approle/role/app/secret-id/lookup', 'app', false],
    ['auth/approle/role/app/role-id', 'app', false],
    ['auth/approle2/role/app/secret-id', 'app', false],
    ['xauth/approle/role/app/secret-id', 'app', false],
    ['secret/data/auth/approle/role/app', null, false],
    ['sys/wrapping/wrap', null, false],
    ['', null, false],
  ];
  for (const [path, role, isOne] of rows) {
    t.equal(isSecretIdPath(path, 'approle', role), isOne, `${path} ${role ?? ''}`);
  }
});
