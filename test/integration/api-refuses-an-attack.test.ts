// What somebody who listens, replays or invents can send, one row a case (attack-table.ts), through a real socket: the
// status outside, the reason inside; every 401 the same to the byte; docs/errors.md and /openapi.json say the same.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AgentProcess } from '../fixtures/agent-process.js';
import type { DevVault } from '../../src/dev-vault/index.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import {
  closeConnections,
  secondPasses,
  send,
  signedCall,
  signedRequest,
  type Sent,
} from '../fixtures/signed-request.js';
import { attackTable, held, list, macByHand, type Attack } from './attack-table.js';
import { tableUnder } from '../docs/markdown.js';
import { exchange, headOf, type RawAnswer } from './raw-request.js';

t.teardown(closeConnections);

interface Scene extends AsyncDisposable {
  readonly agent: AgentProcess;
  readonly vault: DevVault;
  readonly url: string;
}

/** As `held` says, and two named clients. */
async function scene(env: Record<string, string> = {}): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify({ tokens: { default: {}, other: { path: 'other' } } }));
  const vault = await vaultWithToken();
  vault.kv.put('keytender/default/other', { token: held.other.key });
  const client = { scopes: ['token:list'], tokens: ['default'] };
  vault.kv.put('keytender/default/clients', {
    billing: { ...client, key: strong('billing-1') },
    audits: { ...client, key: strong('audits-1') },
  });
  const agent = agentOf(vault, { args: ['agent', '--config', config], env });
  await agent.untilHealth(({ status }) => status === 'ok');
  putToken(vault, 'token-2', { grace_seconds: 0 });
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  await secondPasses();
  return {
    ...{ agent, vault, url: await agent.url() },
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await vault[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** What the attack puts on the wire. */
function bytesOf(
  url: string,
  { call, head = (text) => text }: Attack,
): { sent: Sent; bytes: Buffer } {
  const sent = signedRequest(url, call);
  call.tamper?.(sent);
  const text = head(headOf(sent), new URL(url).host);
  const top = Buffer.from(`${text}Connection: close\r\n\r\n`, 'latin1');
  return { sent, bytes: Buffer.concat([top, sent.body ?? Buffer.alloc(0)]) };
}

async function attack(url: string, row: Attack): Promise<RawAnswer & { readonly sent: Sent }> {
  const { sent, bytes } = bytesOf(url, row);
  const [answer, ...others] = await exchange(url, bytes);
  if (answer === undefined || others.length > 0) throw new Error(`${row.name}: not one answer`);
  return { ...answer, sent };
}

/** How often each result was counted, over all labels. */
async function verifications(agent: AgentProcess): Promise<Map<string, number>> {
  const { body } = await agent.get('/metrics');
  const found = body.matchAll(/verifications_total\{.*purpose="api".*result="(\w+)".*\} (\d+)/g);
  const sums = new Map<string, number>();
  for (const [, result = '', count] of found) {
    sums.set(result, (sums.get(result) ?? 0) + Number(count));
  }
  return sums;
}

function grown(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...after].filter(([key, count]) => count > (before.get(key) ?? 0)).map(([key]) => key);
}

/** All of a refusal but its time. */
function shown({ status, headers, names, text }: RawAnswer): string {
  return JSON.stringify({ status, headers: { ...headers, date: '' }, names, text });
}

interface OpenApi {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>
    >
  >;
}

/** Whether the document declares the status where the request went to a path and method that it has. */
function isDeclared({ paths }: OpenApi, { method, target }: Sent, status: number): boolean {
  const path = target.split('?')[0] ?? '';
  const known = Object.entries(paths).filter(([template]) =>
    new RegExp(`^${template.replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`).test(path),
  );
  const operations = known.map(
    ([, item]) => item[method === 'HEAD' ? 'get' : method.toLowerCase()],
  );
  return operations.every((one) => one === undefined || String(status) in one.responses);
}

t.test('the attack table', async (t) => {
  await using attacked = await scene({ KEYTENDER_LIMITS_FAILURES_PER_MINUTE: '1000' });
  const { agent, url } = attacked;
  const openapi = JSON.parse((await agent.get('/openapi.json')).body) as OpenApi;
  const refusals = new Map<string, string>();
  for (const row of attackTable()) {
    const before = await verifications(agent);
    const answer = await attack(url, row);
    t.equal(answer.status, row.status, row.name);
    if (answer.sent.method !== 'HEAD') {
      t.match(JSON.parse(answer.text), { code: row.code, status: row.status }, row.name);
    }
    const reasons = grown(before, await verifications(agent)).filter((one) => one !== 'ok');
    t.same(reasons, row.reason === null ? [] : [row.reason], row.name);
    t.ok(isDeclared(openapi, answer.sent, row.status), `${row.name}: ${row.status} is declared`);
    if (row.status === 401 && answer.sent.method !== 'HEAD') refusals.set(shown(answer), row.name);
  }
  t.equal(refusals.size, 1, `all 401 are the same: ${[...refusals].join('\n')}`);
  await replays(t, attacked);
  t.equal((await signedCall(url, list)).status, 200, 'and who is in order is served');
  t.equal(
    (await signedCall(url, macByHand)).status,
    200,
    'the rows with other MACs had the base right',
  );
  t.notMatch(agent.output, held.default.key);
});

/** What was in order the first time. */
async function replays(t: Test, { agent, url }: Scene): Promise<void> {
  const captured = signedRequest(url, list);
  t.equal((await send(url, captured)).status, 200);
  const before = await verifications(agent);
  t.match(await send(url, captured), { status: 409, json: { code: 'replay_detected' } });
  t.same(grown(before, await verifications(agent)), ['replay']);
  const label = { ...captured, headers: { ...captured.headers } };
  for (const name of ['signature', 'signature-input']) {
    label.headers[name] = String(label.headers[name]).replace('keytender=', 'other=');
  }
  t.equal((await send(url, label)).status, 409, 'under another label');

  // the signature of an answer, as it came, played as that of a request
  const asked = signedRequest(url, list);
  const { headers } = await send(url, asked);
  for (const name of ['signature', 'signature-input', 'content-digest', 'content-type']) {
    asked.headers[name] = String(headers[name]);
  }
  t.equal((await send(url, asked)).status, 401, 'an answer played as a request');
}

t.test('docs/errors.md has the rows of the table, and no others', async (t) => {
  const page = await readFile('docs/errors.md', 'utf8');
  const told = tableUnder(page, 'Refused requests').flatMap(([status, code, reason, names = '']) =>
    names.split('; ').map((name) => [name, status, code, reason].join(' | ').replaceAll('`', '')),
  );
  const replay = ['the same request again | 409 | replay_detected | replay'];
  const rows = attackTable().map(({ name, status, code, reason }) =>
    [name.replaceAll('|', '\\|'), status, code, reason ?? '–'].join(' | '),
  );
  t.same(told.sort(), [...rows, ...replay].sort());
});

t.test('the body of a stranger is never asked for', async (t) => {
  await using attacked = await scene();
  const head = headOf({
    method: 'POST',
    target: '/v1/tokens/default/verify',
    headers: { host: new URL(attacked.url).host, 'content-length': '5', expect: '100-continue' },
    body: undefined,
  });
  const [answer] = await exchange(attacked.url, Buffer.from(`${head}\r\n`));
  t.equal(answer?.status, 401);
});

t.test('a key has its allowance: beyond it 429, signed, with Retry-After', async (t) => {
  await using attacked = await scene();
  const answers = await Promise.all(
    Array.from({ length: 140 }, () => signedCall(attacked.url, list)),
  );
  const refused = answers.filter(({ status }) => status === 429);
  t.ok(refused.length >= 10, String(refused.length));
  t.ok(refused.every(({ isSigned, headers }) => isSigned && Number(headers['retry-after']) >= 1));
  t.ok(answers.filter(({ status }) => status === 200).length >= 120);
});
