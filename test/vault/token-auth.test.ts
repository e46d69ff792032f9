import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import type { SecretSetting } from '../../src/config/config.js';
import { buildTestClient, setting } from './build-test-client.js';

const path = 'keytender/default/token';

async function scene(t: { teardown(close: () => unknown): void }): Promise<{
  readonly vault: Awaited<ReturnType<typeof devVault>>;
  readonly connect: (vaultToken: SecretSetting | string) => ReturnType<typeof buildTestClient>;
}> {
  const vault = await devVault({ rootToken: 'root' });
  t.teardown(() => vault.close());
  vault.kv.put(path, { token: 'first-token-value-0123456789abcdef' });
  vault.policy('reader', `path "secret/data/keytender/default/*" { capabilities = ["read"] }`);
  return {
    vault,
    connect: (vaultToken) => {
      const made = buildTestClient(vault.address, { vaultToken });
      t.teardown(() => made.client.close());
      return made;
    },
  };
}

function file(read: () => string): SecretSetting {
  return { ...setting(''), file: 'vault-token', read: async () => read() };
}

t.test('a token without the default policy reads all the same', async (t) => {
  const { vault, connect } = await scene(t);
  const { token } = vault.token({ policies: ['reader'], noDefaultPolicy: true });
  const { read, requests, client } = connect(token);
  t.match(await read(), { ok: true });
  t.same(requests, ['lookup vault_forbidden', 'read ok']);
  t.equal(client.authenticated(), true);
  t.equal(client.loginExpiresAt(), null, 'it is not known');
});

t.test('a use-limited token is refused after one look, and not spent further', async (t) => {
  const { vault, connect } = await scene(t);
  const { token } = vault.token({ policies: ['reader'], numUses: 5 });
  const { read, requests, client } = connect(file(() => token));
  for (let poll = 0; poll < 5; poll += 1) {
    t.match(await read(), { failure: { class: 'vault_login_failed', message: /number of uses/ } });
  }
  t.same(requests, ['lookup ok']);
  t.equal(client.authenticated(), false);
});

t.test('a token whose last use the look was is refused for that', async (t) => {
  const { vault, connect } = await scene(t);
  const { token } = vault.token({ policies: ['reader'], numUses: 1 });
  const { read, requests } = connect(file(() => token));
  t.match(await read(), { failure: { class: 'vault_login_failed', message: /number of uses/ } });
  t.same(requests, ['lookup ok']);
});

t.test('a file is read again, and a new token in it is used at once', async (t) => {
  const { vault, connect } = await scene(t);
  const [first, second] = [1, 2].map(() => vault.token({ policies: ['reader'] }).token);
  let content = `${first}\n`;
  const { read, requests, client } = connect(file(() => content));
  t.match(await read(), { ok: true });
  vault.revoke(first!);
  t.match(await read(), { failure: { class: 'vault_forbidden' } });
  content = `${second}\n`;
  t.match(await read(), { ok: true });
  t.equal(client.authenticated(), true);
  t.same(requests.slice(-2), ['lookup ok', 'read ok']);
});

t.test('a file that cannot be read for a moment does not end a login', async (t) => {
  const { connect } = await scene(t);
  let isGone = false;
  const { read } = connect(
    file(() => {
      if (isGone) throw new Error('ENOENT: hvs.canary');
      return 'root';
    }),
  );
  t.match(await read(), { ok: true });
  isGone = true;
  t.match(await read(), { ok: true });
});

t.test(
  'a dead token is forbidden, asked for with one request an attempt, and said to be dead',
  async (t) => {
    const { vault, connect } = await scene(t);
    const { token } = vault.token({ policies: ['reader'] });
    const { read, requests, client } = connect(token);
    t.match(await read(), { ok: true });
    vault.revoke(token);
    for (let poll = 0; poll < 10; poll += 1) {
      t.match(await read(), { failure: { class: 'vault_forbidden' } });
    }
    t.same(requests.slice(0, 5), [
      'lookup ok',
      'read ok',
      'read vault_forbidden',
      'lookup vault_forbidden',
      'read vault_forbidden',
    ]);
    t.equal(requests.length, 13, 'one look, then only reads');
    t.equal(client.authenticated(), false);
    const other = connect('bogus');
    t.match(await other.read(), { failure: { message: /expired, revoked or unknown/ } });
    t.same(other.requests, ['lookup vault_forbidden', 'read vault_forbidden']);
    t.equal(other.client.authenticated(), false);
  },
);

t.test('a token that may not read is told apart from a dead one', async (t) => {
  const { vault, connect } = await scene(t);
  const { token } = vault.token();
  const { read, client } = connect(token);
  t.match(await read(), { failure: { class: 'vault_forbidden', message: /its policy needs/ } });
  t.equal(client.authenticated(), true);
});

t.test('without a token requests carry none: a Vault proxy may add its own', async (t) => {
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers['x-vault-token']);
    response.writeHead(403).end('{"errors":["permission denied"]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const made = buildTestClient(`http://127.0.0.1:${port}`, { vaultToken: null });
  t.match(await made.read(), { failure: { class: 'vault_forbidden' } });
  t.ok(seen.length >= 1);
  t.same(new Set(seen), new Set([undefined]));
  t.equal(made.requests[0], 'read vault_forbidden', 'there is nothing to look up first');
  await made.client.close();
  server.close();
});

for (const [name, read] of [
  ['empty', () => ''],
  ['a page of something', () => '<html>\n<body>'],
  ['of characters that no header can have', () => 'hvs.snö'],
  [
    'unreadable',
    () => {
      throw new Error('EACCES: hvs.canary');
    },
  ],
] as const) {
  t.test(`a token file that is ${name} is a login that failed, without a request`, async (t) => {
    const { connect } = await scene(t);
    const { read: readSecret, requests } = connect(file(read));
    const outcome = await readSecret();
    t.match(outcome, { failure: { class: 'vault_login_failed', message: /^vault\.auth\.token / } });
    t.notMatch(JSON.stringify(outcome), 'canary');
    t.same(requests, []);
  });
}
