// Every way to log in, against a dev Vault or the real server that TEST_VAULT_ADDR names.
import { generateKeyPairSync, sign } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { SecretSetting, VaultAuthConfig } from '../../../src/config/config.js';
import { appRole, type AppRole } from '../../fixtures/app-role.js';
import { vaultServer, type VaultServer } from '../../fixtures/vault-server.js';
import { buildTestClient, setting, testAuth, type TestClient } from '../build-test-client.js';
import { PatientClock } from '../patient-clock.js';

function connect(t: Test, vault: VaultServer, auth: Partial<VaultAuthConfig>): TestClient {
  const made = buildTestClient(vault.address, {
    // no backoff is over before a test has looked
    clock: new PatientClock(),
    config: { mount: vault.mount, auth: { ...testAuth, token: null, ...auth } },
  });
  t.teardown(() => made.client.close());
  return made;
}

const file = (read: () => string): SecretSetting => ({
  ...setting(''),
  file: 'x',
  read: async () => read(),
});

const approle = (role: AppRole, auth: Partial<VaultAuthConfig>): Partial<VaultAuthConfig> => ({
  method: 'approle',
  mount: role.mount,
  roleId: setting(role.roleId),
  ...auth,
});

t.test('approle: role id and secret id log in once, and the login lives its TTL', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  const secretId = setting(await role.secretId());
  const { read, requests, client } = connect(t, vault, approle(role, { secretId }));
  t.match(await read(), { ok: true, reading: { version: 1 } });
  t.match(await read(), { ok: true });
  t.same(requests, ['login ok', 'read ok', 'read ok']);
  t.ok(Math.abs((client.loginExpiresAt() ?? 0) - Date.now() - 3_600_000) < 10_000);
});

t.test('approle: a refused secret id is not tried again before its backoff', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  let secretId = 'wrong';
  const { read, requests } = connect(t, vault, approle(role, { secretId: file(() => secretId) }));
  for (let poll = 0; poll < 20; poll += 1) {
    t.match(await read(), { failure: { class: 'vault_login_failed' } });
  }
  t.same(requests, ['login vault_login_failed']);
  secretId = await role.secretId();
  t.match(await read(), { ok: true }, 'another one is tried at once');
});

t.test(
  'approle: without a role id, or at a mount that is not there, the login fails',
  async (t) => {
    await using vault = await vaultServer();
    const role = await appRole(vault);
    const secretId = setting(await role.secretId());
    const without = connect(t, vault, approle(role, { secretId, roleId: setting(' ') }));
    t.match(await without.read(), { failure: { class: 'vault_login_failed', message: /role_id/ } });
    t.same(without.requests, [], 'nothing to ask with');
    const elsewhere = connect(t, vault, approle(role, { secretId, mount: 'kt-nowhere' }));
    t.match(await elsewhere.read(), { failure: { class: 'vault_login_failed' } });
  },
);

t.test(
  'approle: a role that limits the uses of its tokens is refused, the token given back',
  async (t) => {
    await using vault = await vaultServer();
    const role = await appRole(vault, { token_num_uses: 5 });
    const secretId = setting(await role.secretId());
    const { read, requests } = connect(t, vault, approle(role, { secretId }));
    t.match(await read(), { failure: { class: 'vault_login_failed', message: /token_num_uses/ } });
    t.same(requests, ['login ok', 'revoke ok']);
  },
);

t.test('approle: a wrapped secret id is looked up, unwrapped once and kept', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  const wrapped = await role.wrapped();
  const auth = approle(role, { role: 'sidecar', secretIdWrapped: file(() => wrapped) });
  const { read, requests } = connect(t, vault, auth);
  t.match(await read(), { ok: true });
  t.same(requests, ['lookup ok', 'unwrap ok', 'login ok', 'read ok']);
  const restarted = connect(t, vault, auth);
  t.match(await restarted.read(), {
    failure: { class: 'vault_login_failed', message: /was used, has expired or is unknown/ },
  });
  t.same(restarted.requests, ['lookup vault_login_failed'], 'used already, and not an alarm');
});

t.test('approle: a cached secret id outlives a restart, for its owner alone', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  const folder = t.testdir({});
  const secretIdCache = `${folder}/secret-id`;
  let wrapped = await role.wrapped();
  let isGone = false;
  const secretIdWrapped = file(() => {
    if (isGone) throw new Error('ENOENT');
    return wrapped;
  });
  const auth = approle(role, { secretIdWrapped, secretIdCache });
  t.match(await connect(t, vault, auth).read(), { ok: true });
  t.equal((await stat(secretIdCache)).mode & 0o777, 0o600);
  t.notMatch(await readFile(secretIdCache, 'utf8'), wrapped);
  const restarted = connect(t, vault, auth);
  t.match(await restarted.read(), { ok: true });
  t.same(restarted.requests, ['login ok', 'read ok']);
  isGone = true;
  t.match(await connect(t, vault, auth).read(), { ok: true }, 'the wrapping token may go');
  isGone = false;
  wrapped = await role.wrapped();
  const renewed = connect(t, vault, auth);
  t.match(await renewed.read(), { ok: true });
  t.same(renewed.requests[1], 'unwrap ok', 'a new wrapping token is not mistaken for the old');
});

t.test('approle: a cache that cannot be written is said, and no reason to fail', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  const wrapped = await role.wrapped();
  const folder = t.testdir({});
  await mkdir(`${folder}/taken`);
  await chmod(folder, 0o700);
  const auth = approle(role, {
    secretIdWrapped: file(() => wrapped),
    secretIdCache: `${folder}/taken`,
  });
  const { read, warnings } = connect(t, vault, auth);
  t.match(await read(), { ok: true });
  t.match(warnings, [/secret_id_cache/]);
});

t.test('approle: a wrapping token of something else is an alarm, and stays wrapped', async (t) => {
  await using vault = await vaultServer();
  const role = await appRole(vault);
  const headers = { 'X-Vault-Wrap-TTL': '120s' };
  const other = await vault.api('POST', 'sys/wrapping/wrap', { secret_id: 'x' }, { headers });
  const wrapped = String(other.wrap_info?.['token']);
  const auth = approle(role, { secretIdWrapped: file(() => wrapped) });
  const { read, requests } = connect(t, vault, auth);
  t.match(await read(), { failure: { class: 'vault_login_failed', message: /^ALARM/ } });
  await read();
  t.same(requests, ['lookup vault_login_failed']);
  const kept = await vault.api('POST', 'sys/wrapping/lookup', { token: wrapped }, { token: null });
  t.equal(kept.data?.['creation_path'], 'sys/wrapping/wrap');
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

t.test('jwt: the file is read at each login, and a bad one is refused once', async (t) => {
  await using vault = await vaultServer();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issue = (claims: object): string => {
    const now = Math.floor(Date.now() / 1000);
    const text = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode({ iat: now, exp: now + 600, aud: 'vault', ...claims })}`;
    const signature = sign('sha256', Buffer.from(text), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${text}.${signature.toString('base64url')}`;
  };
  const mount = await vault.enableAuth('jwt');
  await vault.api('POST', `auth/${mount}/config`, {
    jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })],
  });
  await vault.api('POST', `auth/${mount}/role/sidecar`, {
    role_type: 'jwt',
    bound_audiences: ['vault'],
    user_claim: 'sub',
    bound_subject: 'app',
    token_policies: [vault.policy],
    token_ttl: '15m',
  });
  const jwtFile = `${t.testdir({})}/jwt`;
  const auth = { method: 'jwt', mount, role: 'sidecar', jwtFile } as const;
  const { read, requests } = connect(t, vault, auth);
  t.match(await read(), { failure: { class: 'vault_login_failed', message: /jwt_file/ } });
  t.same(requests, []);
  await writeFile(jwtFile, issue({ sub: 'someone else' }));
  const other = connect(t, vault, auth);
  for (let poll = 0; poll < 5; poll += 1) {
    t.match(await other.read(), { failure: { class: 'vault_login_failed' } });
  }
  t.same(other.requests, ['login vault_login_failed']);
  await writeFile(jwtFile, `${issue({ sub: 'app' })}\n`);
  t.match(await other.read(), { ok: true });
  const old = connect(t, vault, auth);
  await writeFile(jwtFile, issue({ sub: 'app', exp: Math.floor(Date.now() / 1000) - 600 }));
  t.match(await old.read(), { failure: { class: 'vault_login_failed' } });
});

/** A server in a container asks back by another name than ours. */
const seesUsAs = process.env['TEST_VAULT_SEES_US_AS'];
const seenAs =
  seesUsAs === undefined
    ? { listen: '127.0.0.1', host: '127.0.0.1' }
    : { listen: '0.0.0.0', host: seesUsAs };

t.test(
  'kubernetes: the projected token logs in; an API server that is down is a failed login',
  async (t) => {
    await using vault = await vaultServer();
    const api = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        const review = JSON.parse(text) as { spec: { token: string } };
        const account = Buffer.from(review.spec.token.split('.')[1] ?? '', 'base64url').toString();
        const { sub } = JSON.parse(account) as { sub: string };
        const user = { username: sub, uid: 'uid-1', groups: ['system:serviceaccounts'] };
        response.writeHead(201, { 'Content-Type': 'application/json' });
        response.end(
          JSON.stringify({
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenReview',
            status: { authenticated: true, user },
          }),
        );
      });
    });
    await new Promise<void>((resolve) => api.listen(0, seenAs.listen, resolve));
    t.teardown(() => api.close());
    const mount = await vault.enableAuth('kubernetes');
    const ca = await readFile(new URL('../tls/ca.pem', import.meta.url), 'utf8');
    await vault.api('POST', `auth/${mount}/config`, {
      kubernetes_host: `http://${seenAs.host}:${(api.address() as AddressInfo).port}`,
      kubernetes_ca_cert: ca,
      disable_local_ca_jwt: true,
    });
    await vault.api('POST', `auth/${mount}/role/sidecar`, {
      bound_service_account_names: ['app'],
      bound_service_account_namespaces: ['prod'],
      token_policies: [vault.policy],
      token_ttl: '10m',
    });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const project = (name: string): string => {
      const sub = `system:serviceaccount:prod:${name}`;
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: 'https://kubernetes.default.svc',
        sub,
        exp: now + 600,
        iat: now,
        'kubernetes.io': { namespace: 'prod', serviceaccount: { name, uid: 'uid-1' } },
      };
      const text = `${encode({ alg: 'RS256', kid: 'k' })}.${encode(claims)}`;
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    };
    const jwtFile = `${t.testdir({ token: project('app') })}/token`;
    const auth = { method: 'kubernetes', mount, role: 'sidecar', jwtFile } as const;
    const { read, requests } = connect(t, vault, auth);
    t.match(await read(), { ok: true });
    t.same(requests, ['login ok', 'read ok']);
    await writeFile(jwtFile, project('other'));
    t.match(await connect(t, vault, auth).read(), { failure: { class: 'vault_login_failed' } });
    await writeFile(jwtFile, project('app'));
    api.closeAllConnections();
    await new Promise((resolve) => api.close(resolve));
    const down = connect(t, vault, auth);
    for (let poll = 0; poll < 5; poll += 1) {
      t.match(await down.read(), { failure: { class: 'vault_login_failed' } });
    }
    t.same(down.requests, ['login vault_login_failed']);
  },
);
