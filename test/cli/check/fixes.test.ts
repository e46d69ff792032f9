// What `check` tells to do: commands with the real mount and path, which do what they say when they are pasted.
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import type { Finding } from '../../../src/cli/check/finding.js';
import {
  policyCommand,
  putCommand,
  undeleteCommand,
  word,
} from '../../../src/cli/check/commands.js';
import { devVault, type DevVault } from '../../../src/dev-vault/index.js';
import { main } from '../../../src/cli/main.js';
import { AgentProcess } from '../../fixtures/agent-process.js';
import { testIo } from '../test-io.js';

const BIN = new URL('../../docs/vault-command.mjs', import.meta.url).pathname;
const path = 'team a/default/token';

interface Scene {
  readonly vault: DevVault;
  readonly env: Readonly<Record<string, string>>;
  readonly check: (
    more?: Readonly<Record<string, string | undefined>>,
    ...args: string[]
  ) => Promise<Checked>;
}

interface Checked {
  readonly code: number | null;
  readonly output: string;
  finding(name: string): Finding | undefined;
}

/** A read-only login, a path that has to be quoted. */
async function scene(t: Test): Promise<Scene> {
  const vault = await devVault();
  t.teardown(() => vault.close());
  vault.policy('reader', 'path "secret/data/team a/default/*" { capabilities = ["read"] }');
  const env = {
    VAULT_ADDR: vault.address,
    VAULT_TOKEN: vault.token({ policies: ['reader'] }).token,
    KEYTENDER_VAULT_PATH_PREFIX: 'secret/team a',
  };
  return {
    vault,
    env,
    async check(more = {}, ...args) {
      const io = testIo({ env: { ...env, ...more } });
      const code = await main(['check', '--json', ...args], io);
      return checkedOf(code, io.out());
    },
  };
}

function checkedOf(code: number | null, output: string): Checked {
  const { findings } = JSON.parse(output) as { findings: Finding[] };
  return { code, output, finding: (name) => findings.find(({ check }) => check === name) };
}

const run = promisify(execFile);

/** In a shell, as an operator. */
async function paste(vault: DevVault, command: string): Promise<void> {
  const setting = `unset NODE_OPTIONS; vault() { node ${word(BIN)} "$@"; };`;
  await run('sh', ['-c', `${setting} ${command}`], {
    env: {
      PATH: process.env['PATH'],
      VAULT_ADDR: vault.address,
      VAULT_TOKEN: vault.rootToken,
    },
  });
}

t.test('the commands that it tells to paste make it well', async (t) => {
  const it = await scene(t);
  await using program = new AgentProcess({
    args: ['check', '--json'],
    env: { ...it.env, KEYTENDER_LISTEN_ADDRESS: undefined },
  });
  const absent = checkedOf((await program.ended).code, program.output);
  t.equal(absent.code, 1);
  t.match(absent.finding('read')?.found, /^secret_absent/);
  await paste(it.vault, absent.finding('read')?.fix ?? '');
  const good = await it.check();
  t.equal(good.code, 0, good.output);
  t.match(good.finding('document'), { verdict: 'ok' });
  const { token } = it.vault.kv.get(path)!.data as { token: string };
  t.notMatch(good.output, token);

  it.vault.kv.put(path, { token: 'short' });
  const short = await it.check();
  t.match(short.finding('document'), { verdict: 'failed' });
  await paste(it.vault, short.finding('document')?.fix ?? '');
  t.equal((await it.check()).code, 0);

  it.vault.kv.delete(path);
  const deleted = await it.check();
  t.match(deleted.finding('read')?.found, /^secret_deleted/);
  await paste(it.vault, deleted.finding('read')?.fix?.split(',')[0] ?? '');
  t.equal((await it.check()).code, 0);

  it.vault.kv.destroy(path, [3]);
  const destroyed = await it.check();
  t.match(destroyed.finding('read')?.found, /^secret_destroyed/);
  t.match(destroyed.finding('history')?.found, 'before the newest: 2 live, 1 live');
  await paste(it.vault, destroyed.finding('read')?.fix ?? '');
  const again = await it.check();
  t.equal(again.code, 0);
  t.match(again.finding('history')?.found, 'before the newest: 3 destroyed, 2 live, 1 live');
});

t.test('every failure of the path names the command for this mount', async (t) => {
  const { vault, check } = await scene(t);
  const root = { VAULT_TOKEN: vault.rootToken };
  const nowhere = await check({ ...root, KEYTENDER_VAULT_PATH_PREFIX: 'nowhere/x' });
  t.equal(nowhere.finding('read')?.fix, 'vault secrets enable -path=nowhere -version=2 kv');
  await fetch(`${vault.address}/v1/sys/mounts/old`, {
    method: 'POST',
    headers: { 'X-Vault-Token': vault.rootToken },
    body: JSON.stringify({ type: 'kv', options: { version: '1' } }),
  });
  const old = await check({ ...root, KEYTENDER_VAULT_PATH_PREFIX: 'old/x' });
  t.equal(old.finding('read')?.fix, 'vault kv enable-versioning old');
  t.match(old.finding('read')?.found, /the mount "old" is kv version 1/);
  t.notMatch(old.finding('read')?.found, /kv put/, 'which would not help');
  const blind = vault.token({ policies: [] }).token;
  const forbidden = await check({ VAULT_TOKEN: blind });
  t.equal(
    forbidden.finding('read')?.fix,
    `echo 'path "secret/data/team a/default/*" { capabilities = ["read"] }' | vault policy write keytender -`,
  );
  t.match(forbidden.finding('capabilities'), { verdict: 'failed', fix: /vault policy write/ });
});

t.test('a login that was made is given back, a wrapped secret id never unwrapped', async (t) => {
  const { vault, check } = await scene(t);
  vault.kv.put(path, { token: 'x'.repeat(40) });
  const api = async (method: string, at: string, body: object = {}, headers = {}) => {
    const answer = await fetch(`${vault.address}/v1/${at}`, {
      method,
      headers: { 'X-Vault-Token': vault.rootToken, ...headers },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
    });
    return (answer.status === 204 ? {} : await answer.json()) as {
      data: Record<string, string>;
      wrap_info: { token: string };
    };
  };
  await api('POST', 'sys/auth/approle', { type: 'approle' });
  await api('POST', 'auth/approle/role/sidecar', { token_policies: ['reader'], token_ttl: '1h' });
  const at = 'auth/approle/role/sidecar';
  const roleId = (await api('GET', `${at}/role-id`)).data['role_id']!;
  const secretId = (await api('POST', `${at}/secret-id`)).data['secret_id']!;
  const env = { VAULT_TOKEN: undefined, VAULT_ROLE_ID: roleId };

  vault.clearRequests();
  const asked = (): string[] => vault.requests.map(({ path: one }) => one);
  const untried = await check({ ...env, VAULT_SECRET_ID: secretId });
  t.match(untried.finding('login'), { verdict: 'skipped', found: /--login/ });
  t.notOk(asked().includes('auth/approle/login'));
  const tried = await check({ ...env, VAULT_SECRET_ID: secretId }, '--login');
  t.equal(tried.code, 0, tried.output);
  t.match(tried.finding('login'), { verdict: 'ok', found: /approle: ends in 1h, renewable/ });
  t.equal(asked().at(-1), 'auth/token/revoke-self');
  t.notMatch(tried.output, secretId);

  const wrap = { 'X-Vault-Wrap-TTL': '120s' };
  const wrapped = (await api('POST', `${at}/secret-id`, {}, wrap)).wrap_info.token;
  vault.clearRequests();
  const kept = await check({ ...env, KEYTENDER_VAULT_AUTH_SECRET_ID_WRAPPED: wrapped }, '--login');
  t.match(kept.finding('login'), { verdict: 'skipped' });
  t.same(
    asked().filter((one) => one !== 'sys/health'),
    [],
  );
  t.notMatch(kept.output, wrapped);
  const refused = await check({ ...env, VAULT_SECRET_ID: 'wrong' }, '--login');
  t.match(refused.finding('login'), {
    verdict: 'failed',
    fix: 'vault read auth/approle/role/ROLE/role-id; vault write -f auth/approle/role/ROLE/secret-id',
  });
});

t.test('what is not plain is quoted for a shell', async (t) => {
  t.equal(word('secret/a-b_c.d'), 'secret/a-b_c.d');
  t.equal(word("it's"), String.raw`'it'\''s'`);
  for (const text of ['$(id)', 'a b', '`id`', 'a;b', '"', '*', '', '\\']) {
    t.equal(execFileSync('sh', ['-c', `printf %s ${word(text)}`], { encoding: 'utf8' }), text);
  }
  const place = {
    location: { mount: 'kv', pathPrefix: '', deployment: 'blue', path: 'token' },
    namespace: 'team/a',
    field: 'key',
  };
  t.equal(
    putCommand(place),
    'vault kv put -namespace=team/a -mount=kv blue/token key="$(openssl rand -base64 32)"',
  );
  t.equal(
    undeleteCommand(place, 7),
    'vault kv undelete -namespace=team/a -mount=kv -versions=7 blue/token',
  );
  t.match(policyCommand(place), 'path "kv/data/blue/*"');
});
