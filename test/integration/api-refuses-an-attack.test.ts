// What somebody who listens, replays or invents can send, one row a case, through a real socket: the status outside,
// the reason in the audit trail inside.
import { connect } from 'node:net';
import t from 'tap';
import { contentDigest } from '../../src/signature/index.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';
import {
  closeConnections,
  secondPasses,
  send,
  signedCall,
  signedRequest,
  type Sent,
  type SignedCall,
} from '../fixtures/signed-request.js';

t.teardown(closeConnections);
const holder = { key: strong('token-1'), keyid: 'default:1' };
const list: SignedCall = { ...holder, target: '/v1/tokens' };
const verifyCall: SignedCall = {
  ...holder,
  method: 'POST',
  target: '/v1/tokens/default/verify',
  body: '{"method":"GET","url":"http://a.example/"}',
};

function edit(name: string, change: (field: string) => string): (sent: Sent) => void {
  return (sent) => {
    sent.headers[name] = change(String(sent.headers[name]));
  };
}
const input = (change: (field: string) => string) => edit('signature-input', change);
const now = (): number => Math.floor(Date.now() / 1000);

type Row = readonly [name: string, call: SignedCall, status: number, reason: string | null];

const rows: readonly Row[] = [
  [
    'another route',
    { ...list, tamper: (s) => (s.target = '/v1/tokens/default') },
    401,
    'signature_mismatch',
  ],
  ['another query', { ...list, tamper: (s) => (s.target += '?a') }, 401, 'signature_mismatch'],
  [
    'another method',
    {
      ...verifyCall,
      target: '/v1/tokens/default/refresh',
      tamper: (s) => (s.target = verifyCall.target),
    },
    401,
    'signature_mismatch',
  ],
  [
    'body swapped',
    { ...verifyCall, tamper: (s) => (s.body = Buffer.from('x'.repeat(42))) },
    401,
    'digest_mismatch',
  ],
  [
    'body and digest swapped',
    {
      ...verifyCall,
      tamper: (s) => {
        s.body = Buffer.from('y'.repeat(42));
        s.headers['content-digest'] = contentDigest(s.body);
      },
    },
    401,
    'signature_mismatch',
  ],
  [
    'digest not covered',
    { ...verifyCall, tamper: input((f) => f.replace(' "content-digest"', '')) },
    401,
    'missing_component',
  ],
  [
    'body without a digest',
    {
      ...list,
      tamper: (s) => {
        s.body = Buffer.from('x');
        s.headers['content-length'] = '1';
      },
    },
    401,
    'missing_component',
  ],
  [
    'digest of another algorithm',
    { ...verifyCall, tamper: edit('content-digest', () => 'md5=:AAAA:') },
    401,
    'unsupported_algorithm',
  ],
  [
    'list shortened',
    { ...list, tamper: input((f) => f.replace(' "@query"', '')) },
    401,
    'missing_component',
  ],
  [
    'list reordered',
    {
      ...list,
      tamper: input((f) => f.replace('"@method" "@authority"', '"@authority" "@method"')),
    },
    401,
    'signature_mismatch',
  ],
  [
    'list with a duplicate',
    { ...list, tamper: input((f) => f.replace('"@method"', '"@method" "@method"')) },
    401,
    'unsupported_component',
  ],
  [
    'component with ;tr',
    { ...list, tamper: input((f) => f.replace('"@query"', '"@query";tr')) },
    401,
    'unsupported_component',
  ],
  [
    'component with ;req',
    { ...list, tamper: input((f) => f.replace('"@query"', '"@query";req')) },
    401,
    'unsupported_component',
  ],
  [
    'component with ;sf',
    { ...list, tamper: input((f) => f.replace('"@query"', '"@query" "host";sf')) },
    401,
    'unsupported_component',
  ],
  [
    '@status in a request',
    { ...list, tamper: input((f) => f.replace('"@query"', '"@query" "@status"')) },
    401,
    'unsupported_component',
  ],
  ['duplicate label', { ...list, tamper: input((f) => `${f}, ${f}`) }, 401, 'malformed_signature'],
  [
    'duplicate parameter',
    { ...list, tamper: input((f) => `${f};created=1`) },
    401,
    'malformed_signature',
  ],
  [
    'two signatures with our tag',
    {
      ...list,
      tamper: (s) => {
        s.headers['signature-input'] =
          `${String(s.headers['signature-input'])}, b${String(s.headers['signature-input'])}`;
        s.headers['signature'] =
          `${String(s.headers['signature'])}, b${String(s.headers['signature'])}`;
      },
    },
    401,
    'malformed_signature',
  ],
  [
    'no tag',
    { ...list, tamper: input((f) => f.replace(';tag="keytender-api"', '')) },
    401,
    'wrong_tag',
  ],
  [
    'a signature for a service',
    { ...list, parameters: { tag: 'keytender-service' } },
    401,
    'wrong_tag',
  ],
  [
    'an answer as a request',
    { ...list, parameters: { tag: 'keytender-answer' } },
    401,
    'wrong_tag',
  ],
  [
    'another algorithm',
    { ...list, tamper: input((f) => `${f};alg="ed25519"`) },
    401,
    'unsupported_algorithm',
  ],
  ['alg none', { ...list, tamper: input((f) => `${f};alg="none"`) }, 401, 'unsupported_algorithm'],
  ['far in the past', { ...list, parameters: { created: now() - 3600 } }, 401, 'too_old'],
  [
    'far in the future',
    { ...list, parameters: { created: now() + 3600 } },
    401,
    'created_in_future',
  ],
  [
    'before the agent started',
    { ...list, parameters: { created: now() - 60 } },
    401,
    'before_start',
  ],
  ['expired', { ...list, parameters: { expires: now() - 1 } }, 401, 'expired'],
  [
    'no nonce',
    { ...list, tamper: input((f) => f.replace(/;nonce="[^"]*"/, '')) },
    401,
    'malformed_signature',
  ],
  [
    'a short nonce',
    { ...list, tamper: input((f) => f.replace(/;nonce="[^"]*"/, ';nonce="short"')) },
    401,
    'malformed_signature',
  ],
  [
    'no keyid',
    { ...list, tamper: input((f) => f.replace(/;keyid="[^"]*"/, '')) },
    401,
    'malformed_signature',
  ],
  [
    'created as text',
    { ...list, tamper: input((f) => f.replace(/;created=(\d+)/, ';created="$1"')) },
    401,
    'malformed_signature',
  ],
  ['the key of nobody', { ...list, keyid: 'client:nobody:1' }, 401, 'unknown_key'],
  ['another token', { ...list, keyid: 'other:1' }, 401, 'unknown_key'],
  ['another key', { ...list, key: strong('other') }, 401, 'signature_mismatch'],
  [
    'a short MAC',
    { ...list, tamper: edit('signature', (f) => f.replace(/=:.*:/, '=:AAAA:')) },
    401,
    'malformed_signature',
  ],
  [
    'unsigned',
    {
      ...list,
      tamper: (s) => {
        delete s.headers['signature'];
        delete s.headers['signature-input'];
      },
    },
    401,
    'missing_signature',
  ],
  [
    'a signature without its input',
    { ...list, tamper: (s) => delete s.headers['signature-input'] },
    401,
    'malformed_signature',
  ],
  ['a scope that is missing', { ...list, target: '/v1/tokens/default' }, 403, null],
  ['a foreign authority', { ...list, headers: { host: 'evil.example' } }, 421, null],
  ['a foreign origin', { ...list, headers: { origin: 'http://evil.example' } }, 403, null],
  ['%2e', { ...list, target: '/v1/%2e/tokens' }, 404, null],
  ['//', { ...list, target: '//v1/tokens' }, 404, null],
];

t.test('the attack table', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_LIMITS_FAILURES_PER_MINUTE: '1000' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const verifications = async (): Promise<Map<string, number>> => {
    const { body } = await agent.get('/metrics');
    const found = body.matchAll(/verifications_total\{purpose="api",result="(\w+)".*\} (\d+)/g);
    const sums = new Map<string, number>();
    for (const [, result = '', count] of found) {
      sums.set(result, (sums.get(result) ?? 0) + Number(count));
    }
    return sums;
  };
  for (const [name, call, status, reason] of rows) {
    const before = await verifications();
    const answer = await signedCall(url, call);
    t.equal(answer.status, status, name);
    if (reason !== null) {
      const after = await verifications();
      const grown = [...after].filter(([key, count]) => count > (before.get(key) ?? 0));
      t.same(
        grown.map(([key]) => key),
        [reason],
        name,
      );
    }
  }

  const captured = signedRequest(url, list);
  t.equal((await send(url, captured)).status, 200);
  const replayed = await send(url, captured);
  t.match(replayed, { status: 409, json: { code: 'replay_detected' } });
  t.equal((await signedCall(url, list)).status, 200, 'and who is in order is served');
});

t.test('what no parser agrees about never reaches a route', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  const { port, host } = new URL(await agent.url());
  const statusOf = (text: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
      socket.once('close', () => {
        resolve(Number(answer.split(' ')[1]));
      });
      socket.once('error', reject);
    });
  for (const head of [
    `GET http://${host}/v1/tokens HTTP/1.1\r\nHost: ${host}`,
    `GET /v1/tokens HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}`,
    'GET /v1/tokens HTTP/1.1',
    `GET /v1/tokens HTTP/1.0\r\nHost: ${host}`,
    `GET /v1/tokens#x=1 HTTP/1.1\r\nHost: ${host}`,
    `GET /v1\\tokens HTTP/1.1\r\nHost: ${host}`,
  ]) {
    t.equal(await statusOf(`${head}\r\nConnection: close\r\n\r\n`), 400, head);
  }
  const held = `POST /v1/tokens/default/verify HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;
  t.equal(await statusOf(held), 401, 'the body of a stranger is never asked for');
});

t.test(
  'a flood of bad signatures: 429 for the stranger, nothing for who is in order',
  async (t) => {
    await using vault = await vaultWithToken();
    await using agent = agentOf(vault);
    await agent.untilHealth(({ status }) => status === 'ok');
    await secondPasses();
    const url = await agent.url();
    const statuses = new Set<number>();
    const good: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const bad = await Promise.all(
        Array.from({ length: 50 }, () => signedCall(url, { ...list, key: strong('bad') })),
      );
      for (const { status } of bad) statuses.add(status);
      good.push((await signedCall(url, list)).status);
      t.equal((await agent.get('/readyz')).status, 200);
    }
    t.same([...statuses].sort(), [401, 429]);
    t.ok(good.every((status) => status === 200));
    const failures = agent.lines.filter(({ event }) => event === 'auth_failure');
    t.equal(failures.length, 10, 'ten lines, the rest is counted');
  },
);

t.test('a key has its allowance: beyond it 429, signed, with Retry-After', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const answers = await Promise.all(Array.from({ length: 140 }, () => signedCall(url, list)));
  const refused = answers.filter(({ status }) => status === 429);
  t.ok(refused.length >= 10, String(refused.length));
  t.ok(refused.every(({ isSigned, headers }) => isSigned && Number(headers['retry-after']) >= 1));
  t.ok(answers.filter(({ status }) => status === 200).length >= 120);
});
