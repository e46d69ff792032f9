// VAULT_INTEGRATION.md, pasted from top to bottom: by an operator with curl, by one with the vault command, and on the
// machine of the agent. Each way of writing a request is the same request; after each the agent is where the page says.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import type { HealthBody, TokenHealth } from '../../src/health/body.js';
import { blocksOf, page, type Block } from './markdown.js';
import { meaning, record } from './recorder.js';
import { buildFolder, eventually, freePort, Terminal } from './terminal.js';

const ADDRESS = 'https://vault.example.com:8200';
const text = page('VAULT_INTEGRATION.md');
const blocks = blocksOf(text).filter(({ language }) => language === 'sh');
const migrationLine = text.split('\n').indexOf('## Migrating from a static token');
const isOf = (mark: string) => (block: Block) => block.mark === mark;

/** What `/health` says of the token after the block that begins with these words, where an agent runs. */
const afterwards: readonly (readonly [block: RegExp, token: Partial<TokenHealth>])[] = [
  [/keytender agent/, { state: 'fresh', version: 1, superseded: [] }],
  [/"data\\": \{\\"token/, { version: 2 }],
  [/cas/, { version: 3 }],
  [/not_before/, { version: 3, pending: { version: 4, not_before: '2099-01-01T00:00:00.000Z' } }],
  [/DELETE/, { version: 3, pending: null }],
  [/metadata/, { version: 3 }],
  [/clients/, { version: 3 }],
  [/destroy/, { version: 5, superseded: [] }],
  [/undelete/, { version: 5 }],
  [/AGENT_TOKEN=/, { state: 'static', source: 'static', version: null }],
  [/AGENT_TOKEN/, {}],
  [/VAULT_ADDR=/, { state: 'fresh', source: 'vault', version: 6 }],
  [/unset AGENT_TOKEN/, { state: 'fresh', source: 'vault', version: 6 }],
  [/openssl/, { version: 7 }],
];

t.test('every command block is one that is run', async (t) => {
  t.strictSame([...new Set(blocks.map(({ mark }) => mark))].sort(), ['', 'agent', 'curl', 'vault']);
});

t.test('each command stands twice, first for the command line tool, then for curl', async (t) => {
  for (const [at, block] of blocks.entries()) {
    if (block.mark === 'vault') t.equal(blocks[at + 1]?.mark, 'curl', `line ${block.line}`);
    if (block.mark === 'curl') t.equal(blocks[at - 1]?.mark, 'vault', `line ${block.line}`);
  }
});

t.test('the page works when it is pasted', { timeout: 110_000 }, async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  await using other = await devVault({ rootToken: 'root' });
  await using recorder = await record(vault.address);
  await using otherRecorder = await record(other.address);
  using folder = buildFolder();
  using otherFolder = buildFolder();
  const agentToken = 'the-token-that-was-there-before';
  const operatorEnv = { AGENT_TOKEN: agentToken };
  writeFileSync(join(folder.path, 'agent-token'), agentToken, { mode: 0o600 });
  await using curl = new Terminal({
    folder,
    env: operatorEnv,
    replace: { [ADDRESS]: recorder.address, '$(cat ~/.vault-token)': 'root' },
  });
  await using command = new Terminal({
    folder: otherFolder,
    env: operatorEnv,
    replace: { [ADDRESS]: otherRecorder.address, '$(cat ~/.vault-token)': 'root' },
  });
  const listen = `127.0.0.1:${await freePort()}`;
  const hostOptions = {
    folder,
    env: { KEYTENDER_LISTEN_ADDRESS: listen, KEYTENDER_REFRESH_INTERVAL: '1s' },
    replace: { [ADDRESS]: vault.address },
  };
  await using before = new Terminal(hostOptions);
  await using migrating = new Terminal(hostOptions);
  const expected = [...afterwards];
  let isRunning = false;

  for (const block of blocks) {
    const where = `line ${block.line}`;
    if (block.mark === '') await Promise.all([curl.paste(block.text), command.paste(block.text)]);
    if (block.mark === 'vault') await command.paste(block.text);
    if (block.mark === 'curl') {
      await curl.paste(block.text);
      t.strictSame(
        recorder.take().map(meaning),
        otherRecorder.take().map(meaning),
        `${where}: the same requests`,
      );
    }
    if (block.mark === 'agent') {
      const isMigrating = block.line > migrationLine;
      if (isMigrating) await before.stop();
      const host = isMigrating ? migrating : before;
      const out = await host.paste(block.text);
      if (block.text.includes('check')) t.notMatch(out, /^failed/m, 'check finds no fault');
      if (block.text.includes('status')) t.match(out, /^default +fresh +3 /m);
      if (block.text.includes('--client')) t.match(out, /"name":"default"/);
    }
    isRunning ||= block.text.includes('keytender agent');
    const isStep = (block.mark === 'curl' || /keytender agent/.test(block.text)) && isRunning;
    if (!isStep) continue;
    const [words = /^$/, token = {}] = expected.shift() ?? [];
    t.match(block.text, words, `${where}: the step that is expected here`);
    await t.resolves(
      eventually(async () => {
        const response = await fetch(`http://${listen}/health`);
        const { tokens } = (await response.json()) as HealthBody;
        const found = tokens['default'];
        if (!matches(found, token)) throw new Error(JSON.stringify(found));
      }),
      `${where}: ${JSON.stringify(token)}`,
    );
  }
  t.strictSame(expected, [], 'nothing that was expected is missing');
  t.notMatch(before.output + migrating.output, agentToken, 'and no token was printed');
});

function matches(found: TokenHealth | undefined, wanted: Partial<TokenHealth>): boolean {
  return Object.entries(wanted).every(
    ([key, value]) =>
      JSON.stringify((found as unknown as Record<string, unknown> | undefined)?.[key]) ===
      JSON.stringify(value),
  );
}

t.test('the AppRole login of the page works', { timeout: 60_000 }, async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  vault.kv.put('keytender/default/token', { token: 'x'.repeat(32) });
  vault.policy('keytender', page('deploy/vault/policy.hcl'));
  using folder = buildFolder();
  const listen = `127.0.0.1:${await freePort()}`;
  const env = { VAULT_ADDR: vault.address, KEYTENDER_LISTEN_ADDRESS: listen };
  await using operator = new Terminal({ folder, env: { ...env, VAULT_TOKEN: 'root' } });
  await using host = new Terminal({ folder, env });
  const block = blocks.find(({ mark, text }) => mark === 'curl' && text.includes('approle'));
  await operator.paste(block?.text ?? '');
  const settings = /runs with `(\w+=.+?)` and `(\w+=.+?)`/.exec(text)?.slice(1).join(' ');
  t.notMatch(await host.paste(`export ${settings ?? ''}\nkeytender check`), /^failed/m);
  await host.paste('keytender agent');
  await eventually(async () => {
    const { ok } = await fetch(`http://${listen}/readyz`);
    if (!ok) throw new Error(host.output);
  });
});

t.test('the policy on the page is the one in deploy/', async (t) => {
  const onPage = blocksOf(text).find(({ language }) => language === 'hcl');
  const inFile = page('deploy/vault/policy.hcl').replaceAll(/^#.*$/gm, '').trim();
  t.equal(onPage?.text.trim(), inFile);
  t.ok(isOf('vault')(blocks[1] ?? blocks[0]!), 'and is the first thing that is written');
});

t.test('the policy lets an agent read, and nothing more', async (t) => {
  await using vault = await devVault();
  vault.kv.put('keytender/default/token', { token: 'x'.repeat(32) });
  vault.kv.put('keytender/other/token', { token: 'x'.repeat(32) });
  vault.policy('keytender', page('deploy/vault/policy.hcl'));
  const { token } = vault.token({ policies: ['keytender'] });
  const ask = async (method: string, path: string): Promise<number> => {
    const body = method === 'GET' ? {} : { body: '{"data":{"token":"y"}}' };
    const headers = { 'X-Vault-Token': token };
    const answer = await fetch(`${vault.address}/v1/${path}`, { method, headers, ...body });
    return answer.status;
  };
  t.equal(await ask('GET', 'secret/data/keytender/default/token'), 200);
  t.equal(await ask('GET', 'secret/data/keytender/default/token?version=1'), 200);
  t.equal(await ask('PUT', 'secret/data/keytender/default/token'), 403);
  t.equal(await ask('GET', 'secret/data/keytender/other/token'), 403);
  t.equal(await ask('GET', 'secret/metadata/keytender/default/token'), 403);
  t.equal(await ask('GET', 'auth/token/lookup-self'), 200);
});
