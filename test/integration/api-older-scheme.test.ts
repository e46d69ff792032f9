// The older signature scheme of the built program, row by row: which texts it refuses with, in which order, what it
// leaves alone, and that it is off unless it was asked for.
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, send, signedCall } from '../fixtures/signed-request.js';
import type { Received, Sent } from '../fixtures/signed-request.js';

t.teardown(closeConnections);

const PATH = '/api/v1/auth/rotate-token';
const key = strong('token-1');
const wanted = { new_token: strong('token-2') };
const on = {
  LEGACY_SIGNATURES: 'accept',
  AGENT_ID: 'app-0',
  AGENT_SCOPES: 'auth:rotate,token:list',
};

interface Older {
  readonly key?: string;
  readonly body?: string;
  /** Over what is set; undefined takes a field away. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly target?: string;
}

function ask(url: string, older: Older = {}): Promise<Omit<Received, 'isSigned'>> {
  const body = Buffer.from(older.body ?? JSON.stringify(wanted));
  const headers = {
    host: new URL(url).host,
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-agent-id': 'app-0',
    'x-timestamp': String(now()),
    'x-request-id': randomUUID(),
    'x-agent-signature': createHmac('sha256', older.key ?? key)
      .update(body)
      .digest('base64'),
    ...older.headers,
  };
  const set = Object.entries<string | string[] | undefined>(headers).filter(
    ([, value]) => value !== undefined,
  );
  const sent: Sent = {
    method: 'POST',
    target: older.target ?? PATH,
    headers: Object.fromEntries(set) as Sent['headers'],
    body,
  };
  return send(url, sent);
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function staticAgent(env: Readonly<Record<string, string>> = {}): AgentProcess {
  return new AgentProcess({ env: { AGENT_TOKEN: key, ...on, ...env } });
}

/** A row: what is sent, the status, the text, whole. */
type Row = readonly [name: string, older: Older, status: number, error: string];

const other = createHmac('sha256', 'x'.repeat(32)).update('{}').digest();
const signatureIs = (text: string): Older => ({ headers: { 'x-agent-signature': text } });

const rows: readonly Row[] = [
  ['nothing', { headers: { 'x-agent-id': undefined } }, 401, 'Invalid or missing X-Agent-Id'],
  ['another id', { headers: { 'x-agent-id': 'app-1' } }, 401, 'Invalid or missing X-Agent-Id'],
  [
    'two ids',
    { headers: { 'x-agent-id': ['app-0', 'app-0'] } },
    401,
    'Invalid or missing X-Agent-Id',
  ],
  [
    'no time, and no signature either',
    { headers: { 'x-timestamp': undefined, 'x-agent-signature': undefined } },
    401,
    'invalid signature: missing X-Timestamp',
  ],
  [
    'no number',
    { headers: { 'x-timestamp': 'now' } },
    401,
    'invalid signature: invalid X-Timestamp',
  ],
  [
    'a fraction',
    { headers: { 'x-timestamp': '1.5' } },
    401,
    'invalid signature: invalid X-Timestamp',
  ],
  [
    'too old',
    { headers: { 'x-timestamp': String(now() - 400) } },
    401,
    'invalid signature: stale request (timestamp skew)',
  ],
  [
    'too far ahead',
    { headers: { 'x-timestamp': String(now() + 400) } },
    401,
    'invalid signature: stale request (timestamp skew)',
  ],
  [
    'milliseconds',
    { headers: { 'x-timestamp': String(Date.now()) } },
    401,
    'invalid signature: stale request (timestamp skew)',
  ],
  [
    'no signature',
    { headers: { 'x-agent-signature': undefined } },
    401,
    'invalid signature: missing X-Agent-Signature',
  ],
  ['no base64', signatureIs('§§§'), 401, 'invalid signature: invalid signature encoding'],
  [
    'hexadecimal with a sign',
    signatureIs(`${other.toString('hex')}-`),
    401,
    'invalid signature: invalid signature encoding',
  ],
  ['another key', { key: 'x'.repeat(32) }, 401, 'invalid signature: signature mismatch'],
  [
    'a short one',
    signatureIs(other.subarray(0, 16).toString('base64')),
    401,
    'invalid signature: signature mismatch',
  ],
  [
    'of another body',
    signatureIs(other.toString('base64')),
    401,
    'invalid signature: signature mismatch',
  ],
  [
    'a wrong signature before a missing id',
    { key: 'x'.repeat(32), headers: { 'x-request-id': undefined } },
    401,
    'invalid signature: signature mismatch',
  ],
  ['no request id', { headers: { 'x-request-id': undefined } }, 400, 'missing X-Request-Id'],
  ['no uuid', { headers: { 'x-request-id': 'one' } }, 400, 'missing X-Request-Id'],
  [
    'a uuid of another version',
    { headers: { 'x-request-id': '6ba7b810-9dad-11d1-80b4-00c04fd430c8' } },
    400,
    'missing X-Request-Id',
  ],
];

t.test('each refusal has its own text, and nothing else', async (t) => {
  await using agent = staticAgent();
  const url = await agent.url();
  for (const [name, older, status, error] of rows) {
    const received = await ask(url, older);
    t.same([received.status, received.json], [status, { error }], name);
    t.equal(received.headers['content-type'], 'application/json');
    t.equal(received.headers['signature'], undefined);
  }
  const metrics = (await agent.get('/metrics')).body;
  t.match(metrics, `keytender_legacy_requests_total{outcome="refused"} ${rows.length}`);
  t.match(metrics, 'keytender_legacy_requests_total{outcome="ok"} 0');
  t.notMatch(agent.output, key);
});

t.test('it swaps a static token, once for each request id', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'token');
  await writeFile(file, key, { mode: 0o600 });
  await using agent = new AgentProcess({ env: { AGENT_TOKEN_FILE: file, ...on } });
  const url = await agent.url();
  t.match(
    agent.output,
    /takes requests whose signature covers the body alone/,
    'told at the start',
  );
  const same = { 'x-request-id': randomUUID(), authorization: `Bearer ${strong('of somebody')}` };
  const weak = { body: '{"new_token":"short"}', headers: same };
  const refused = await ask(url, weak);
  t.equal(refused.status, 400);
  t.match(refused.json, { code: 'weak_token', error: /at least 32 bytes/ });
  const replayed = await ask(url, { headers: same });
  t.same([replayed.status, replayed.json], [409, { error: 'replay detected' }]);
  const upper = { 'x-request-id': same['x-request-id'].toUpperCase() };
  t.equal((await ask(url, { headers: upper })).status, 409, 'in whatever case');

  const done = await ask(url);
  t.same([done.status, done.json], [200, { rotated: true, version: null }]);
  t.equal(await readFile(file, 'utf8'), wanted.new_token);
  const old = await ask(url);
  t.same(old.json, { error: 'invalid signature: signature mismatch' }, 'the current token alone');
  for (const body of ['{}', '[]', '"text"', '']) {
    t.equal((await ask(url, { key: wanted.new_token, body })).status, 400, `a body of ${body}`);
  }
  t.match((await agent.get('/metrics')).body, 'legacy_requests_total{outcome="ok"} 1');
  for (const token of [key, wanted.new_token]) t.notMatch(agent.output, token);
});

t.test('the holder of the token needs the scope, and has its rate', async (t) => {
  await using agent = staticAgent({ AGENT_SCOPES: 'token:list', RATE_LIMIT_PER_MIN: '3' });
  const url = await agent.url();
  for (let at = 0; at < 70; at += 1) {
    const bad = await ask(url, { key: 'x'.repeat(32) });
    if (bad.status !== 401) t.fail(`a refused one became ${bad.status}`);
  }
  for (let at = 0; at < 3; at += 1) {
    const received = await ask(url);
    t.same([received.status, received.json], [403, { error: 'insufficient scope' }]);
  }
  const limited = await ask(url);
  t.same([limited.status, limited.json], [429, { error: 'rate limited' }]);
  t.ok(Number(limited.headers['retry-after']) >= 1);
  t.equal(
    (await ask(url, { headers: { 'x-agent-id': 'app-1' } })).status,
    401,
    'the id comes first',
  );
});

t.test('without a written id every request is refused', async (t) => {
  await using agent = new AgentProcess({
    env: { AGENT_TOKEN: key, LEGACY_SIGNATURES: 'accept', AGENT_SCOPES: 'auth:rotate' },
  });
  const received = await ask(await agent.url());
  t.same([received.status, received.json], [401, { error: 'AGENT_ID not configured' }]);
});

t.test('RFC 9421 goes on beside it, and no other route takes it', async (t) => {
  await using agent = staticAgent();
  const url = await agent.url();
  await secondPasses();
  for (const target of ['/v1/auth/rotate-token', '/v1/tokens/default/refresh']) {
    const received = await ask(url, { target });
    t.match([received.status, received.json.code], [401, 'unauthenticated'], target);
  }
  const holder = { key, keyid: 'default', body: JSON.stringify(wanted), method: 'POST' };
  const wrong = await signedCall(url, { ...holder, key: 'x'.repeat(32), target: PATH });
  t.match([wrong.status, wrong.json.code], [401, 'unauthenticated'], 'by its own rules');
  const done = await signedCall(url, { ...holder, target: PATH });
  t.equal(done.status, 200);
  t.ok(done.isSigned);
});

t.test('it is off by default; with Vault the value stays Vault’s', async (t) => {
  await using vault = await vaultWithToken();
  await using off = agentOf(vault, { env: { AGENT_SCOPES: 'auth:rotate' } });
  await using agent = agentOf(vault, { env: on });
  await off.untilHealth(({ status }) => status === 'ok');
  await agent.untilHealth(({ status }) => status === 'ok');
  const refused = await ask(await off.url());
  t.match([refused.status, refused.json.code], [401, 'unauthenticated']);
  const url = await agent.url();
  const owned = await ask(url);
  t.match([owned.status, owned.json.code], [409, 'vault_owns_token']);
  putToken(vault, 'token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  t.same((await ask(url)).json, { error: 'invalid signature: signature mismatch' });
  t.equal((await ask(url, { key: strong('token-2') })).status, 409);
});
