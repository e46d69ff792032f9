// The signed API of the built program: what a holder of the token may do with it, and what it may not.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import {
  closeConnections,
  secondPasses,
  signedCall,
  signedRequest,
} from '../fixtures/signed-request.js';
import { headOf } from './raw-request.js';

t.teardown(closeConnections);
const key = strong('token-1');

t.test('a holder lists its token without a value, and every answer is signed', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const listed = await signedCall(url, { target: '/v1/tokens', key, keyid: 'default:1' });
  t.equal(listed.status, 200);
  t.ok(listed.isSigned);
  t.match(listed.json.tokens, [{ name: 'default', version: 1, state: 'fresh', pending: null }]);
  t.notMatch(listed.text, key);
  t.notOk('value' in listed.json.tokens[0]);

  const read = await signedCall(url, { target: '/v1/tokens/default', key, keyid: 'default' });
  t.equal(read.status, 403);
  t.equal(read.json.code, 'insufficient_scope');
  t.ok(read.isSigned, 'a refusal of a known caller is signed too');
  const other = await signedCall(url, { target: '/v1/tokens/other/watch', key, keyid: 'default' });
  t.equal(other.json.code, 'insufficient_scope', "another's token");
});

t.test('with token:read it gets the value, whole and never to be cached', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { AGENT_SCOPES: 'token:read,token:refresh' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  putToken(vault, 'token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  await secondPasses();
  const url = await agent.url();
  const current = { key: strong('token-2'), keyid: 'default:2' };
  const read = await signedCall(url, { target: '/v1/tokens/default', ...current });
  t.equal(read.status, 200);
  t.equal(read.headers['cache-control'], 'no-store');
  t.ok(read.isSigned);
  t.match(read.json, {
    name: 'default',
    value: strong('token-2'),
    version: 2,
    state: 'fresh',
    superseded: [{ value: key, version: 1 }],
    pending: null,
  });
  t.same(Object.keys(read.json as object), [
    'name',
    'value',
    'version',
    'revision',
    'created_at',
    'age_seconds',
    'state',
    'superseded',
    'pending',
  ]);

  const old = await signedCall(url, { target: '/v1/tokens/default', key, keyid: 'default:1' });
  t.equal(old.status, 403, 'a superseded token reads nothing');
  t.notMatch(old.text, 'token-');

  putToken(vault, 'token-3');
  const forced = { method: 'POST', target: '/v1/tokens/default/refresh' };
  const refreshed = await signedCall(url, { ...forced, ...current });
  t.same(refreshed.json, { changed: true, version: 3, outcome: 'rotated' });
  const again = await signedCall(url, { ...forced, ...current });
  t.same(again.json, { changed: false, version: 3, outcome: 'unchanged' });
  t.notMatch(agent.output, strong('token-3'));
  // a line of the trail may come after the answer
  for (const event of ['token_read', 'refresh_forced', 'scope_denied', 'auth_success']) {
    t.ok(await agent.untilOutput(new RegExp(`"event":"${event}"`)), event);
  }
});

t.test('a refresh that Vault cannot answer is 502 and names the class', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  vault.seal();
  const call = { method: 'POST', target: '/v1/tokens/default/refresh', key, keyid: 'default:1' };
  const answer = await signedCall(await agent.url(), call);
  t.equal(answer.status, 502);
  t.match(answer.json, { code: 'refresh_failed', class: 'vault_sealed' });
});

t.test('who signs with a newer token than we hold is not refused: Vault is asked', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_REFRESH_INTERVAL: '1h' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  putToken(vault, 'token-2');
  const newer = { target: '/v1/tokens', key: strong('token-2') };
  const many = await Promise.all(
    ['default:2', 'default', 'default:2', 'default'].map((keyid) =>
      signedCall(url, { ...newer, keyid }),
    ),
  );
  t.same(
    many.map(({ status, isSigned }) => [status, isSigned]),
    many.map(() => [200, true]),
  );
  const metrics = (await agent.get('/metrics')).body;
  t.match(metrics, /refresh_on_demand_total\{token="default",outcome="found"\} [1-4]/);
});

t.test('every 401 is the same, whatever was wrong', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const call = { target: '/v1/tokens', key, keyid: 'default:1' };
  const nowSeconds = Math.floor(Date.now() / 1000);
  const refused = await Promise.all([
    signedCall(url, { ...call, key: 'x'.repeat(32) }),
    signedCall(url, { ...call, keyid: 'nobody:1' }),
    signedCall(url, { ...call, parameters: { tag: 'keytender-service' } }),
    signedCall(url, { ...call, parameters: { created: nowSeconds - 400 } }),
    signedCall(url, { ...call, parameters: { created: nowSeconds + 100 } }),
    signedCall(url, { ...call, tamper: (sent) => (sent.target += '?a=1') }),
    signedCall(url, { ...call, tamper: (sent) => delete sent.headers['signature'] }),
    signedCall(url, {
      ...call,
      body: '{}',
      method: 'POST',
      target: '/v1/tokens/default/refresh',
      tamper: (sent) => (sent.body = Buffer.from('[]')),
    }),
  ]);
  const shown = refused.map(({ status, headers, text }) =>
    JSON.stringify({ status, headers: { ...headers, date: '' }, text }),
  );
  t.same(new Set(shown).size, 1, String(shown));
  t.match(refused[0], { status: 401, json: { code: 'unauthenticated' } });
  t.match(refused[0].headers, { 'www-authenticate': 'Signature realm="keytender"' });
  t.match(refused[0].headers['accept-signature'], /tag="keytender-api"/);
});

t.test('a request is accepted once', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const nonce = 'n'.repeat(20);
  const call = { target: '/v1/tokens', key, keyid: 'default:1', parameters: { nonce } };
  const answers = await Promise.all(Array.from({ length: 20 }, () => signedCall(url, call)));
  const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
  t.same(statuses, [200, ...Array.from({ length: 19 }, () => 409)]);
});

t.test('of equal requests whose bodies come late one is accepted', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const sent = signedRequest(url, {
    ...{ target: '/v1/tokens/default/verify', method: 'POST', key, keyid: 'default:1' },
    body: '{"method":"GET","url":"/","headers":{}}',
  });
  const { port, hostname } = new URL(url);
  const answered = Array.from({ length: 20 }, async () => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    // one that is told before its body came may be reset while that is on its way
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(`${headOf(sent)}Connection: close\r\n\r\n`);
    // by then each has found that nobody has used the nonce
    await pause(500);
    socket.write(sent.body ?? '');
    await closed;
    return Number(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
  });
  const statuses = (await Promise.all(answered)).sort((a, b) => a - b);
  t.same(statuses, [200, ...Array.from({ length: 19 }, () => 409)]);
});

t.test(
  'while Vault fails, who names a newer version is told to come back, all others 401',
  async (t) => {
    await using vault = await vaultWithToken();
    await using agent = agentOf(vault, {
      env: { KEYTENDER_REFRESH_INTERVAL: '1h', KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '60' },
    });
    await agent.untilHealth(({ status }) => status === 'ok');
    await secondPasses();
    const url = await agent.url();
    putToken(vault, 'token-2');
    vault.seal();
    const newer = { target: '/v1/tokens', key: strong('token-2') };
    const told = await signedCall(url, { ...newer, keyid: 'default:2' });
    t.equal(told.status, 503);
    t.match(told.json, { code: 'refresh_busy' });
    t.ok(Number(told.headers['retry-after']) >= 1);
    t.equal(told.headers['signature'], undefined);
    for (const keyid of ['default', 'default:1', 'nobody:9', 'client:nobody']) {
      t.equal((await signedCall(url, { ...newer, keyid })).status, 401, keyid);
    }
    vault.unseal();
    t.equal((await signedCall(url, { ...newer, keyid: 'default:2' })).status, 200);
  },
);

t.test('who waits for Vault to be asked when the agent stops is told that it stops', async (t) => {
  await using vault = await vaultWithToken();
  const env = {
    KEYTENDER_REFRESH_INTERVAL: '1h',
    KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '1',
  };
  await using agent = agentOf(vault, { env });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  putToken(vault, 'token-2');
  const call = { target: '/v1/tokens', key: strong('token-2') };
  t.equal((await signedCall(url, { ...call, keyid: 'default:2' })).status, 200, 'the only permit');
  const waiting = signedCall(url, { ...call, key: strong('token-3'), keyid: 'default:3' });
  await pause(500);
  agent.kill('SIGTERM');
  const { status, json, headers } = await waiting;
  t.match([status, json.code], [503, 'shutting_down']);
  t.ok(Number(headers['retry-after']) >= 1);
  t.match(await agent.ended, { code: 0 });
});

t.test('a reload takes scopes, limits and the allowance for asking; the skew waits', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config.json');
  const write = (settings: object): Promise<void> => writeFile(file, JSON.stringify(settings));
  await write({ refresh: { on_demand_per_minute: 0 } });
  await using vault = await vaultWithToken();
  const env = { KEYTENDER_REFRESH_INTERVAL: '1h' };
  await using agent = agentOf(vault, { args: ['agent', '--config', file], env });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  putToken(vault, 'token-2');
  const call = { target: '/v1/tokens/default', key: strong('token-2'), keyid: 'default:2' };
  t.equal((await signedCall(url, call)).status, 401, 'Vault is never asked');
  await write({
    refresh: { on_demand_per_minute: 6 },
    agent: { scopes: ['token:read'] },
    limits: { requests_per_minute: 2 },
    signature: { max_skew: '1s' },
  });
  agent.kill('SIGHUP');
  await agent.untilOutput(/these changes need a restart/);
  const late = agent.lines.find(({ msg }) => msg === 'these changes need a restart');
  t.match(late?.['settings'], ['signature.max_skew']);
  const past = { parameters: { created: Math.floor(Date.now() / 1000) } };
  await pause(2500);
  const statuses = [
    (await signedCall(url, call)).status,
    (await signedCall(url, { ...call, ...past })).status,
    (await signedCall(url, call)).status,
  ];
  t.same(statuses, [200, 200, 429]);
});
