// `check` against a dev Vault over real sockets, for what an operator meets.
import t, { type Test } from 'tap';
import { main } from '../../../src/cli/main.js';
import type { Finding } from '../../../src/cli/check/finding.js';
import { devVault, type DevVault, type DevVaultOptions } from '../../../src/dev-vault/index.js';
import { freePort } from '../fake-agent.js';
import { testIo } from '../test-io.js';

const path = 'keytender/default/token';
const strong = 'c4n4ry-'.repeat(6);
const readOnly = 'path "secret/data/keytender/default/*" { capabilities = ["read"] }';

interface Scene {
  readonly vault: DevVault;
  readonly vaultToken: string;
}

async function scene(t: Test, options: DevVaultOptions = {}): Promise<Scene> {
  const vault = await devVault(options);
  t.teardown(() => vault.close());
  vault.kv.put(path, { token: strong });
  vault.policy('keytender', readOnly);
  return { vault, vaultToken: vault.token({ policies: ['keytender'] }).token };
}

interface Checked {
  readonly code: number;
  readonly findings: readonly Finding[];
  readonly text: string;
  finding(check: string): Finding | undefined;
}

async function check(
  { vault, vaultToken }: Scene,
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Checked> {
  const io = testIo({ env: { VAULT_ADDR: vault.address, VAULT_TOKEN: vaultToken, ...env } });
  const code = await main(['check', '--json', ...argv], io);
  const { findings } = JSON.parse(io.out()) as { findings: Finding[] };
  return {
    code,
    findings,
    text: io.out() + io.err(),
    finding: (name) => findings.find((finding) => finding.check === name),
  };
}

t.test('where the agent would work, everything is ok and the exit code 0', async (t) => {
  const found = await check(await scene(t));
  t.equal(found.code, 0);
  t.same(
    found.findings.map((finding) => `${finding.check} ${finding.verdict}`),
    [
      'settings ok',
      'dns ok',
      'tcp ok',
      'tls ok',
      'reachability ok',
      'seal ok',
      'login ok',
      'capabilities ok',
      'read ok',
      'document ok',
      'history skipped',
      'clock ok',
    ],
  );
});

t.test('it asks and never writes, and prints neither secret', async (t) => {
  const it = await scene(t);
  it.vault.clearRequests();
  const found = await check(it);
  const asked = it.vault.requests.map(({ method, path: asked }) => `${method} ${asked}`);
  t.ok(asked.length > 0);
  t.same(
    asked.filter((one) => !/^GET |^POST \S*sys\/capabilities-self$/.test(one)),
    [],
  );
  t.notMatch(found.text, strong);
  t.notMatch(found.text, it.vaultToken);
});

t.test('lines are for a person: verdict, what, found, fix', async (t) => {
  const { vault, vaultToken } = await scene(t);
  const io = testIo({ env: { VAULT_ADDR: vault.address, VAULT_TOKEN: vaultToken } });
  t.equal(await main(['check'], io), 0);
  t.match(io.out(), /^ok {7}document {6}default: field "token" has 42 bytes$/m);
});

t.test('a login that could write is a warning', async (t) => {
  const it = await scene(t);
  const found = await check({ ...it, vaultToken: it.vault.rootToken });
  t.equal(found.code, 0);
  t.match(found.finding('capabilities'), { verdict: 'warning', fix: /"read" alone/ });
  t.match(found.finding('history'), { verdict: 'ok', found: /versions 1 to 1/ });
});

t.test('a policy without read is 1, with the line to add', async (t) => {
  const it = await scene(t);
  const found = await check({ ...it, vaultToken: it.vault.token({ policies: [] }).token });
  t.equal(found.code, 1);
  t.match(found.finding('capabilities'), {
    verdict: 'failed',
    fix: /path "secret\/data\/keytender\/default\/token" \{ capabilities = \["read"\] \}/,
  });
  t.match(found.finding('read'), { verdict: 'failed', found: /^vault_forbidden/ });
});

t.test("without Vault's default policy it still works, and says what it cannot see", async (t) => {
  const it = await scene(t);
  const { token } = it.vault.token({ policies: ['keytender'], noDefaultPolicy: true });
  const found = await check({ ...it, vaultToken: token });
  t.equal(found.code, 0);
  t.match(found.finding('login'), { verdict: 'warning', fix: /default policy/ });
  t.match(found.finding('capabilities'), { verdict: 'skipped' });
  t.match(found.finding('document'), { verdict: 'ok' });
});

t.test('no Vault token at all is told, and then refused by Vault', async (t) => {
  const it = await scene(t);
  const io = testIo({ env: { VAULT_ADDR: it.vault.address } });
  t.equal(await main(['check'], io), 1);
  t.match(io.out(), /^warning {2}login {9}no Vault token is set.*VAULT_TOKEN_FILE/m);
  t.match(io.out(), /^failed {3}read {10}default: vault_/m);
});

t.test('a dead Vault token is 1, and nothing is asked with it', async (t) => {
  const it = await scene(t);
  const found = await check({ ...it, vaultToken: 'dead' });
  t.equal(found.code, 1);
  t.match(found.finding('login'), { verdict: 'failed', found: /expired, revoked/ });
  t.equal(found.finding('read'), undefined);
});

t.test('a use-limited Vault token is refused', async (t) => {
  const it = await scene(t);
  const { token } = it.vault.token({ policies: ['keytender'], numUses: 9 });
  const found = await check({ ...it, vaultToken: token });
  t.match(found.finding('login'), { verdict: 'failed', found: /limited number of uses/ });
});

const documents: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['31 bytes', { token: 'x'.repeat(31) }, /31 bytes: fewer than the 32/],
  ['no field', { other: strong }, /no field "token"/],
  ['a number', { token: 1 }, /not a string/],
  ['a line break at the end', { token: `${strong}\n` }, /ends in a line break/],
  ['a time that is none', { token: strong, expires_at: 'never' }, /expires_at/],
];
for (const [what, data, sentence] of documents) {
  t.test(`a token with ${what} is 1, with a sentence and a fix`, async (t) => {
    const it = await scene(t);
    it.vault.kv.put(path, data);
    const found = await check(it);
    t.equal(found.code, 1);
    t.match(found.finding('document'), { verdict: 'failed', found: sentence, fix: /openssl rand/ });
    t.notMatch(found.text, strong);
  });
}

t.test('a deleted, a destroyed and a missing secret are three findings', async (t) => {
  const it = await scene(t);
  it.vault.kv.delete(path);
  t.match((await check(it)).finding('read'), { found: /^secret_deleted/, fix: /undelete/ });
  it.vault.kv.destroy(path, [1]);
  t.match((await check(it)).finding('read'), { found: /^secret_destroyed/ });
  it.vault.kv.deleteMetadata(path);
  const missing = await check(it);
  t.equal(missing.code, 1);
  t.match(missing.finding('read'), { found: /^secret_absent/ });
});

t.test('a sealed Vault is 1, and nothing further is asked', async (t) => {
  const it = await scene(t);
  it.vault.seal();
  const found = await check(it);
  t.equal(found.code, 1);
  t.match(found.finding('seal'), { verdict: 'failed', fix: 'vault operator unseal' });
  t.equal(found.finding('login'), undefined);
});

t.test('a Vault that is not there is 1', async (t) => {
  const it = await scene(t);
  const found = await check(it, [], { VAULT_ADDR: `http://127.0.0.1:${await freePort()}` });
  t.equal(found.code, 1);
  t.match(found.finding('tcp'), { verdict: 'failed', fix: /^nc -vz 127\.0\.0\.1 \d+$/ });
  t.match(found.finding('reachability'), { verdict: 'failed', found: /^vault_unreachable/ });
});

t.test('of two addresses one has to serve', async (t) => {
  const it = await scene(t);
  const dead = `http://127.0.0.1:${await freePort()}`;
  const found = await check(it, [], { VAULT_ADDR: `${dead},${it.vault.address}` });
  t.equal(found.code, 0);
  t.match(found.finding('reachability'), { subject: dead, verdict: 'warning' });
  t.match(found.finding('read'), { verdict: 'ok' });
});

t.test('a clock that differs is a warning, by more than a minute a failure', async (t) => {
  for (const [offsetMs, verdict, code] of [
    [30_000, 'warning', 0],
    [-120_000, 'failed', 1],
  ] as const) {
    const found = await check(await scene(t, { now: () => Date.now() + offsetMs }));
    t.match(found.finding('clock'), {
      verdict,
      found: offsetMs > 0 ? /30 s ahead/ : /120 s behind/,
    });
    t.equal(found.code, code);
  }
});

t.test('wrong settings are 2, all of them told, and Vault is not asked', async (t) => {
  const it = await scene(t);
  it.vault.clearRequests();
  const found = await check(it, ['--set', 'refresh.interval=0', '--set', 'nonsense=1']);
  t.equal(found.code, 2);
  t.equal(found.findings.length, 2);
  t.match(found.findings[0], { check: 'settings', verdict: 'failed', fix: String });
  t.equal(it.vault.requests.length, 0);
});

t.test('--offline asks nobody', async (t) => {
  const it = await scene(t);
  it.vault.clearRequests();
  const found = await check(it, ['--offline']);
  t.equal(found.code, 0);
  t.equal(it.vault.requests.length, 0);
  t.same(
    found.findings.map(({ check: name }) => name),
    ['settings'],
  );
});

t.test("static mode has one thing to look at: the token's length", async (t) => {
  for (const [token, verdict, code] of [
    ['x'.repeat(32), 'ok', 0],
    ['x'.repeat(31), 'failed', 1],
  ] as const) {
    const io = testIo({ env: { AGENT_TOKEN: token } });
    t.equal(await main(['check', '--json'], io), code);
    const { findings } = JSON.parse(io.out()) as { findings: Finding[] };
    t.match(
      findings.find(({ check: name }) => name === 'credentials'),
      { verdict },
    );
    t.notMatch(io.out(), token);
  }
});

t.test('a Vault token file that is not there is 2, by its name', async (t) => {
  const it = await scene(t);
  const env = { VAULT_ADDR: it.vault.address, VAULT_TOKEN_FILE: `${t.testdir()}/none` };
  const io = testIo({ env });
  t.equal(await main(['check'], io), 2);
  t.match(io.out(), /^failed {3}settings {6}VAULT_TOKEN_FILE: /m);
});

t.test('an approle login is not tried unless told to, because it may spend a use', async (t) => {
  const it = await scene(t);
  it.vault.clearRequests();
  const io = testIo({
    env: { VAULT_ADDR: it.vault.address, VAULT_ROLE_ID: 'role', VAULT_SECRET_ID: 'once' },
  });
  t.equal(await main(['check', '--json'], io), 0);
  const { findings } = JSON.parse(io.out()) as { findings: Finding[] };
  t.match(
    findings.find(({ check: name }) => name === 'login'),
    { verdict: 'skipped', found: /--login/ },
  );
  t.notOk(it.vault.requests.some(({ path: asked }) => asked.includes('login')));
});
