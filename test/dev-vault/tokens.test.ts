import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { devVault, type DevVault } from '../../src/dev-vault/index.js';
import { vaultCall } from './http-exchange.js';
import { signJwt } from './replay.js';

const read = (vault: DevVault, token: string, path = 'secret/data/a') =>
  vaultCall(vault.address, token, 'GET', path);

t.test('a token ends with its TTL, and renewal cannot pass its explicit maximum', async (t) => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  await using vault = await devVault({ now: () => nowMs });
  vault.policy('p', 'path "secret/data/*" { capabilities = ["read"] }');
  vault.kv.put('a', { token: 'x' });
  const { token } = vault.token({ policies: ['p'], ttlSeconds: 60, explicitMaxTtlSeconds: 100 });
  t.equal((await read(vault, token)).status, 200);
  nowMs += 50_000;
  const renewed = await vaultCall(vault.address, token, 'POST', 'auth/token/renew-self', {
    increment: '1h',
  });
  t.equal(renewed.json.auth.lease_duration, 50);
  t.match(renewed.json.warnings[0], /exceeded the effective max_ttl/);
  nowMs += 49_000;
  t.equal((await read(vault, token)).status, 200);
  nowMs += 2_000;
  t.equal((await read(vault, token)).status, 403);
});

t.test('a token with uses is gone after the last', async (t) => {
  await using vault = await devVault();
  const { token } = vault.token({ policies: ['root'], numUses: 2 });
  t.strictSame(
    [
      (await read(vault, token)).status,
      (await read(vault, token)).status,
      (await read(vault, token)).status,
    ],
    [404, 404, 403],
  );
});

t.test('in its last use a token says so, and a batch token is never revoked', async (t) => {
  await using vault = await devVault();
  const call = (token: string, method: string, path: string, body?: object) =>
    vaultCall(vault.address, token, method, path, body);
  const { token } = vault.token({ policies: ['default'], numUses: 1 });
  t.equal((await call(token, 'GET', 'auth/token/lookup-self')).json.data.num_uses, -1);
  t.equal((await call(token, 'GET', 'auth/token/lookup-self')).status, 403);
  const made = await call(vault.rootToken, 'POST', 'auth/token/create', { type: 'batch' });
  const batch = made.json.auth.client_token as string;
  const refused = { errors: ['batch tokens cannot be revoked'] };
  t.strictSame((await call(batch, 'POST', 'auth/token/revoke-self')).json, refused);
  const revoked = await call(vault.rootToken, 'POST', 'auth/token/revoke', { token: batch });
  t.strictSame(revoked.json, refused);
  t.equal((await call(batch, 'GET', 'auth/token/lookup-self')).status, 200);
});

t.test('children go with their parent, orphans stay', async (t) => {
  await using vault = await devVault();
  const { token: parent } = vault.token({ policies: ['root'], ttlSeconds: 600 });
  const make = async (path: string): Promise<string> =>
    String((await vaultCall(vault.address, parent, 'POST', path, {})).json.auth.client_token);
  const child = await make('auth/token/create');
  const orphan = await make('auth/token/create-orphan');
  vault.revoke(parent);
  t.equal((await read(vault, child)).status, 403);
  t.equal((await read(vault, orphan)).status, 404);
});

t.test('the most specific rule of a policy wins, and a deny denies', async (t) => {
  await using vault = await devVault();
  vault.policy(
    'p',
    `path "secret/data/*" { capabilities = ["read"] }
     path "secret/data/no" { capabilities = ["deny"] }
     path "secret/data/+/deep" { capabilities = ["create", "update"] }
     path "secret/data/few" { capabilities = ["update"] allowed_parameters = { "data" = [] } }`,
  );
  vault.policy('q', '{"path":{"secret/data/no":{"capabilities":["read"]}}}');
  const { token } = vault.token({ policies: ['p', 'q'] });
  const can = await vaultCall(vault.address, token, 'POST', 'sys/capabilities-self', {
    paths: [
      'secret/data/a',
      'secret/data/no',
      'secret/data/x/deep',
      'secret/data/x/y',
      'sys/mounts',
      'auth/token/lookup-self',
    ],
  });
  t.strictSame(can.json.data, {
    'secret/data/a': ['read'],
    'secret/data/no': ['deny'],
    'secret/data/x/deep': ['create', 'update'],
    'secret/data/x/y': ['read'],
    'sys/mounts': ['deny'],
    'auth/token/lookup-self': ['read'],
  });
  t.equal((await read(vault, token, 'secret/data/no')).status, 403);
  t.equal((await read(vault, token, 'secret/data/a')).status, 404);
  t.throws(() => {
    vault.policy('bad', 'path "x" { capabilities = ["fly"] }');
  }, /invalid capability "fly"/);
});

t.test('a wrapped answer is unwrapped once, and not after its time', async (t) => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  await using vault = await devVault({ now: () => nowMs });
  vault.kv.put('a', { token: 'x' });
  const wrap = async (): Promise<string> => {
    const headers = { 'x-vault-wrap-ttl': '60s' };
    const answer = await vaultCall(
      vault.address,
      vault.rootToken,
      'GET',
      'secret/data/a',
      undefined,
      headers,
    );
    return String(answer.json.wrap_info.token);
  };
  const first = await wrap();
  const looked = await vaultCall(vault.address, null, 'POST', 'sys/wrapping/lookup', {
    token: first,
  });
  t.equal(looked.json.data.creation_path, 'secret/data/a');
  const unwrapped = await vaultCall(vault.address, first, 'POST', 'sys/wrapping/unwrap');
  t.equal(unwrapped.json.data.data.token, 'x');
  t.equal((await vaultCall(vault.address, first, 'POST', 'sys/wrapping/unwrap')).status, 400);
  const second = await wrap();
  t.equal((await read(vault, second)).status, 403, 'it opens nothing else');
  const third = await wrap();
  nowMs += 61_000;
  t.equal((await vaultCall(vault.address, third, 'POST', 'sys/wrapping/unwrap')).status, 400);
});

t.test('a namespace has mounts and tokens of its own', async (t) => {
  await using vault = await devVault({ namespaces: ['team-a'] });
  const inside = { 'x-vault-namespace': 'team-a' };
  const root = vault.rootToken;
  const ask = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = inside,
  ) => vaultCall(vault.address, root, method, path, body, headers);
  t.equal((await ask('GET', 'secret/data/a')).status, 404);
  t.equal((await ask('POST', 'sys/mounts/kv', { type: 'kv-v2' })).status, 204);
  t.equal((await ask('POST', 'kv/data/a', { data: { n: 1 } })).status, 200);
  t.equal((await ask('GET', 'team-a/kv/data/a', undefined, {})).json.data.data.n, 1, 'by path too');
  t.match((await ask('GET', 'kv/data/a', undefined, {})).json.errors[0], /no handler for route/);
  const { token } = vault.token({ policies: ['default'], namespace: 'team-a' });
  t.equal(
    (await vaultCall(vault.address, token, 'GET', 'auth/token/lookup-self', undefined, inside)).json
      .data.namespace_path,
    'team-a/',
  );
  t.equal(
    (await ask('GET', 'kv/data/a', undefined, { 'x-vault-namespace': 'nobody' })).status,
    404,
  );
});

t.test('an RS256 login works, one out of date or with another audience does not', async (t) => {
  await using vault = await devVault();
  const root = vault.rootToken;
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const post = (path: string, body: unknown, token: string | null = root) =>
    vaultCall(vault.address, token, 'POST', path, body);
  await post('sys/auth/jwt', { type: 'jwt' });
  await post('auth/jwt/config', {
    jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })],
  });
  await post('auth/jwt/role/r', {
    role_type: 'jwt',
    user_claim: 'sub',
    bound_audiences: ['vault'],
  });
  const now = Math.floor(Date.now() / 1000);
  const login = (claims: Record<string, unknown>) =>
    post(
      'auth/jwt/login',
      {
        role: 'r',
        jwt: signJwt(
          privateKey,
          { sub: 'me', aud: 'vault', iat: now, exp: now + 60, ...claims },
          { alg: 'RS256' },
        ),
      },
      null,
    );
  t.equal((await login({})).status, 200);
  t.match((await login({ aud: 'other' })).json.errors[0], /invalid audience/);
  t.match((await login({ exp: now - 600, iat: now - 700 })).json.errors[0], /token is expired/);
  t.match((await login({ nbf: now + 600 })).json.errors[0], /not yet valid/);
});

t.test('a service account token out of date is refused before anybody is asked', async (t) => {
  await using vault = await devVault();
  const root = vault.rootToken;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await vaultCall(vault.address, root, 'POST', 'sys/auth/kubernetes', { type: 'kubernetes' });
  await vaultCall(vault.address, root, 'POST', 'auth/kubernetes/config', {
    kubernetes_host: 'http://127.0.0.1:1',
  });
  await vaultCall(vault.address, root, 'POST', 'auth/kubernetes/role/r', {
    bound_service_account_names: 'a',
    bound_service_account_namespaces: 'n',
  });
  const jwt = signJwt(privateKey, {
    exp: 1,
    'kubernetes.io': { namespace: 'n', serviceaccount: { name: 'a', uid: 'u' } },
  });
  const answer = await vaultCall(vault.address, null, 'POST', 'auth/kubernetes/login', {
    role: 'r',
    jwt,
  });
  t.equal(answer.status, 403);
  t.strictSame(answer.json, { errors: ['invalid expiration time (exp) claim: token is expired'] });
});

t.test('a mount that was moved keeps its secrets', async (t) => {
  await using vault = await devVault();
  vault.kv.put('a', { n: 1 });
  const root = vault.rootToken;
  t.equal(
    (await vaultCall(vault.address, root, 'POST', 'sys/remount', { from: 'secret', to: 'moved' }))
      .status,
    200,
  );
  t.equal((await read(vault, root, 'moved/data/a')).json.data.data.n, 1);
  t.equal((await read(vault, root)).status, 404);
});

t.test('a wrong unseal key is refused in the words for its length', async (t) => {
  await using vault = await devVault();
  vault.seal();
  const refusal = async (bytes: number): Promise<unknown> => {
    const key = 'ab'.repeat(bytes);
    return (await vaultCall(vault.address, null, 'POST', 'sys/unseal', { key })).json.errors;
  };
  t.strictSame(await refusal(2), ['invalid key: key is shorter than minimum 16 bytes']);
  t.strictSame(await refusal(17), [
    'invalid key: failed to setup unseal key: crypto/aes: invalid key size 17',
  ]);
  t.strictSame(await refusal(32), [
    'unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: cipher: message authentication failed',
  ]);
  t.strictSame(await refusal(34), ['invalid key: key is longer than maximum 33 bytes']);
});

t.test('it listens on loopback only, unless forced, and says why', async (t) => {
  for (const address of ['0.0.0.0:0', '[::]:0', '192.0.2.1:8200', 'example.com:1']) {
    await t.rejects(devVault({ address }), /not a Vault for production/);
  }
  for (const address of ['', 'x', '127.0.0.1', '127.0.0.1:99999', ':1']) {
    await t.rejects(devVault({ address }), TypeError);
  }
  await using forced = await devVault({ address: '0.0.0.0:0', allowNonLoopback: true });
  t.match(forced.address, /^http:\/\/0\.0\.0\.0:\d+$/);
  t.match(forced.rootToken, /^dev-/);
});
