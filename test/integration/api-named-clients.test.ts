// Named clients of the built program: who has a key of its own in `clients`, what it may do with it, and how long a key
// that was replaced or taken away is still good.
import t from 'tap';
import type { DevVault } from '../../src/dev-vault/index.js';
import type { AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';
import type { Received, SignedCall } from '../fixtures/signed-request.js';

t.teardown(closeConnections);

const PATH = 'keytender/default/clients';
const billing = {
  key: strong('billing-1'),
  scopes: ['token:list', 'token:read'],
  tokens: ['default'],
};
const audits = { key: strong('audits-1'), scopes: ['token:list'], tokens: ['default'] };

type Clients = Readonly<Record<string, unknown>>;

function put(vault: DevVault, clients: Clients): void {
  vault.kv.put(PATH, clients);
}

function call(
  url: string,
  key: string,
  keyid: string,
  more: Partial<SignedCall> = {},
): Promise<Received> {
  return signedCall(url, { target: '/v1/tokens', key, keyid, ...more });
}

/** Asks until the answer has the status; rejects after 15 s. */
async function untilStatus(status: number, ask: () => Promise<Received>): Promise<Received> {
  const endMs = performance.now() + 15_000;
  for (;;) {
    const received = await ask();
    if (received.status === status) return received;
    if (performance.now() > endMs) throw new Error(`still ${received.status}: ${received.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ready(agent: AgentProcess): Promise<string> {
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  return agent.url();
}

t.test('a client reads with a key of its own, within its scopes and its tokens', async (t) => {
  await using vault = await vaultWithToken();
  vault.kv.put('keytender/default/other', { token: strong('other-1') });
  const ofOther = { ...billing, key: strong('elsewhere'), tokens: ['other'] };
  put(vault, { billing: JSON.stringify(billing), audits, elsewhere: ofOther });
  await using agent = agentOf(vault);
  const url = await ready(agent);

  const value = { target: '/v1/tokens/default' };
  for (const keyid of ['client:billing', 'client:billing:1']) {
    const read = await call(url, billing.key, keyid, value);
    t.equal(read.status, 200, keyid);
    t.equal(read.json.value, strong('token-1'));
    t.ok(read.isSigned, 'the answer is signed with the key of the client');
  }
  t.match((await call(url, audits.key, 'client:audits')).json.tokens, [{ name: 'default' }]);
  const refused = [
    await call(url, audits.key, 'client:audits', value),
    await call(url, ofOther.key, 'client:elsewhere', value),
  ];
  for (const { status, json, isSigned } of refused) {
    t.match({ status, json, isSigned }, { status: 403, json: { code: 'insufficient_scope' } });
    t.ok(isSigned);
  }
  t.same((await call(url, ofOther.key, 'client:elsewhere')).json.tokens, [], "another's token");

  const strangers = [
    await call(url, audits.key, 'client:billing:1'),
    await call(url, strong('token-1'), 'client:billing:1'),
    await call(url, billing.key, 'default:1'),
    await call(url, billing.key, 'billing:1'),
    await call(url, billing.key, 'client:nobody:1'),
  ];
  const shown = strangers.map(({ status, headers, text }) =>
    JSON.stringify({ status, headers: { ...headers, date: '' }, text }),
  );
  t.match(shown[0], '"status":401');
  t.equal(new Set(shown).size, 1, 'and every 401 is the same');

  const metrics = (await agent.get('/metrics')).body;
  t.match(
    metrics,
    /signature_verifications_total\{purpose="api",result="ok",key="current",caller="billing"\} 2/,
  );
  const [changed] = agent.lines.filter(({ event }) => event === 'clients_changed');
  t.match(changed, { outcome: 'added', version: 1, names: ['audits', 'billing', 'elsewhere'] });
  for (const one of [billing, audits, ofOther]) t.notMatch(agent.output + metrics, one.key);
});

t.test('a key that is replaced verifies for the grace, and then no more', async (t) => {
  await using vault = await vaultWithToken();
  put(vault, { billing, audits });
  vault.kv.setMetadata(PATH, { custom_metadata: { grace_seconds: '4' } });
  await using agent = agentOf(vault);
  const url = await ready(agent);
  t.equal((await call(url, billing.key, 'client:billing:1')).status, 200);
  const next = { ...billing, key: strong('billing-2') };
  put(vault, { billing: next, audits });

  t.equal((await call(url, next.key, 'client:billing:2')).status, 200, 'at once: Vault is asked');
  const old = await call(url, billing.key, 'client:billing:1');
  t.equal(old.status, 200, 'the old one within its grace');
  t.ok(old.isSigned);
  const value = { target: '/v1/tokens/default' };
  t.equal((await call(url, billing.key, 'client:billing:1', value)).status, 403, 'reads nothing');
  t.equal((await call(url, next.key, 'client:billing', value)).status, 200);
  t.equal((await call(url, audits.key, 'client:audits:1')).status, 200, 'its neighbour goes on');
  t.equal((await call(url, audits.key, 'client:audits:2')).status, 200, 'by either version');

  await untilStatus(401, () => call(url, billing.key, 'client:billing:1'));
  t.equal((await call(url, next.key, 'client:billing:2')).status, 200);
  const lines = agent.lines.filter(({ event }) => event === 'clients_changed');
  t.match(lines[1], { outcome: 'changed', version: 2, names: ['billing'] });
});

t.test(
  'a start in the grace reads back: the old key is known to the new process too',
  async (t) => {
    await using vault = await vaultWithToken();
    put(vault, { billing });
    put(vault, { billing: { ...billing, key: strong('billing-2') } });
    put(vault, { billing: { ...billing, key: strong('billing-2') }, audits });
    await using agent = agentOf(vault);
    const url = await ready(agent);
    t.equal((await call(url, billing.key, 'client:billing:1')).status, 200);
    t.equal((await call(url, strong('billing-2'), 'client:billing:2')).status, 200);
  },
);

t.test(
  'who is taken out is refused within interval and jitter, and so is a destroyed key',
  async (t) => {
    await using vault = await vaultWithToken();
    put(vault, { billing, audits });
    await using agent = agentOf(vault);
    const url = await ready(agent);
    t.equal((await call(url, audits.key, 'client:audits')).status, 200);
    put(vault, { billing });
    await untilStatus(401, () => call(url, audits.key, 'client:audits:1'));
    t.equal((await call(url, billing.key, 'client:billing')).status, 200);
    const reads = (await agent.get('/metrics')).body;
    t.match(reads, /refresh_on_demand_total\{token="unknown",outcome="unchanged"\} 0/, 'unasked');

    // whoever comes back with another key does not bring the old one with him
    put(vault, { billing, audits: { ...audits, key: strong('audits-2') } });
    await untilStatus(200, () => call(url, strong('audits-2'), 'client:audits:3'));
    t.equal((await call(url, audits.key, 'client:audits:1')).status, 401);

    put(vault, { billing: { ...billing, key: strong('billing-4') } });
    await untilStatus(200, () => call(url, strong('billing-4'), 'client:billing:4'));
    t.equal((await call(url, billing.key, 'client:billing:3')).status, 200, 'in its grace');
    vault.kv.destroy(PATH, [3]);
    await untilStatus(401, () => call(url, billing.key, 'client:billing:3'));
    t.equal((await call(url, strong('billing-4'), 'client:billing:4')).status, 200);
  },
);

t.test(
  'scopes are those of the newest document; a malformed entry refuses itself alone',
  async (t) => {
    await using vault = await vaultWithToken();
    put(vault, { billing, audits });
    await using agent = agentOf(vault);
    const url = await ready(agent);
    const value = { target: '/v1/tokens/default' };
    t.equal((await call(url, billing.key, 'client:billing', value)).status, 200);
    put(vault, {
      billing: { ...billing, scopes: ['token:list'] },
      audits: `{"key":"${audits.key}"`,
    });
    await untilStatus(403, () => call(url, billing.key, 'client:billing', value));
    t.equal((await call(url, billing.key, 'client:billing')).status, 200);
    t.equal((await call(url, audits.key, 'client:audits')).status, 401);
    const line = agent.lines.find(({ msg }) => msg === 'the entry of a named client is refused');
    t.match(line, { client: 'audits', version: 2, reason: /JSON text/ });
    t.notMatch(agent.output, audits.key);
    put(vault, { billing, audits });
    await untilStatus(200, () => call(url, audits.key, 'client:audits'));
    t.equal((await agent.health()).status, 'ok');
  },
);

t.test('each client has its own rate, and none uses up that of another', async (t) => {
  await using vault = await vaultWithToken();
  put(vault, { billing: { ...billing, requests_per_minute: 3 }, audits });
  await using agent = agentOf(vault);
  const url = await ready(agent);
  const statuses: number[] = [];
  for (let at = 0; at < 5; at += 1) {
    statuses.push((await call(url, billing.key, 'client:billing')).status);
  }
  t.same(statuses, [200, 200, 200, 429, 429]);
  t.equal((await call(url, audits.key, 'client:audits')).status, 200);
  t.equal((await call(url, strong('token-1'), 'default')).status, 200);
});

t.test('without the secret there are no clients, and nothing is wrong with that', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  const url = await ready(agent);
  t.equal((await call(url, billing.key, 'client:billing')).status, 401);
  t.notMatch(agent.output, 'named clients could not be read');
  t.match(await agent.health(), { status: 'ok', last_refresh_ok: true });
  put(vault, { billing });
  await untilStatus(200, () => call(url, billing.key, 'client:billing'));

  vault.seal();
  await agent.untilOutput(/the named clients could not be read: the last good ones are kept/);
  t.equal((await call(url, billing.key, 'client:billing:1')).status, 200, 'kept while Vault fails');
  vault.unseal();
  await agent.untilOutput(/the named clients can be read again/);
});

t.test('who cannot be confirmed for max_stale is refused', async (t) => {
  await using vault = await vaultWithToken();
  put(vault, { billing });
  await using agent = agentOf(vault, { env: { KEYTENDER_REFRESH_MAX_STALE: '3s' } });
  const url = await ready(agent);
  t.equal((await call(url, billing.key, 'client:billing')).status, 200);
  vault.seal();
  await untilStatus(401, () => call(url, billing.key, 'client:billing:1'));
  vault.unseal();
  await untilStatus(200, () => call(url, billing.key, 'client:billing:1'));
});

t.test(
  'what a client may do with the token, it may after a rotation of the token too',
  async (t) => {
    await using vault = await vaultWithToken();
    put(vault, { billing });
    await using agent = agentOf(vault);
    const url = await ready(agent);
    putToken(vault, 'token-2');
    const value = { target: '/v1/tokens/default' };
    await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
    t.equal((await call(url, billing.key, 'client:billing', value)).json.value, strong('token-2'));
  },
);
