// Thousands of generated requests, as bytes, many on one connection without waiting for answers: the program neither
// falls nor fails, serves none of them, and its 401s are all the same. Beside them the holder is served throughout.
import fc from 'fast-check';
import t from 'tap';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';
import { strong } from '../fixtures/readings.js';
import {
  closeConnections,
  secondPasses,
  signedCall,
  signedRequest,
} from '../fixtures/signed-request.js';
import type { SignedCall } from '../fixtures/signed-request.js';
import { strangersRequests, type Generated } from '../http/generated-requests.js';
import { exchange, type RawAnswer } from './raw-request.js';

t.teardown(closeConnections);
const CONNECTIONS = process.env['KEYTENDER_TEST_FULL'] === '1' ? 4_000 : 600;
const REQUESTS_EACH = 16;
const holder = { key: strong('token-1'), keyid: 'default:1' };
/** What may be said to a stranger. 200 stands for what needs no signature, which is not asked for here. */
const expected = [400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 431];

function captured(url: string): Generated[] {
  const calls: SignedCall[] = [
    { ...holder, target: '/v1/tokens' },
    { ...holder, target: '/v1/tokens/default/watch?timeout=0' },
    {
      ...{ ...holder, method: 'POST', target: '/v1/tokens/default/sign' },
      body: '{"method":"GET","url":"http://orders.internal/"}',
    },
    {
      ...{ ...holder, method: 'POST', target: '/v1/tokens/default/verify' },
      body: '{"method":"GET","url":"/"}',
    },
  ];
  return calls.map((call) => {
    const { method, target, headers, body } = signedRequest(url, call);
    const lines = Object.entries(headers)
      .filter(([name]) => name !== 'content-length')
      .map(([name, value]) => [capitals(name), String(value)] as const);
    return { method, target, lines, body: body?.toString('latin1') ?? '' };
  });
}

function capitals(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** With the length of its body, so that the next one on the connection is found. */
function bytesOf({ method, target, lines, body }: Generated): string {
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n`;
  return `${method} ${target} HTTP/1.1\r\n${fields}${length}\r\n${body}`;
}

/** Sometimes a byte is not what it was: then the parser has to say something. */
const damage = fc.oneof(
  { weight: 20, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(4_000), fc.integer({ min: 0, max: 255 })) },
);

function damaged(text: string, change: [number, number] | null): string {
  if (change === null) return text;
  const at = change[0] % text.length;
  return text.slice(0, at) + String.fromCharCode(change[1]) + text.slice(at + 1);
}

t.test(`${CONNECTIONS * REQUESTS_EACH} requests on ${CONNECTIONS} connections`, async (t) => {
  if (CONNECTIONS > 600) t.setTimeout(600_000);
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: {
      KEYTENDER_LIMITS_FAILURES_PER_MINUTE: '100000',
      RATE_LIMIT_PER_MIN: '1000000',
      KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '0',
      AGENT_SCOPES: 'token:list,token:watch,token:sign,token:verify',
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const seen = captured(url);
  for (const request of seen) {
    const [answer] = await exchange(url, closing(bytesOf(request)));
    t.ok(
      [200, 204].includes(answer?.status ?? 0),
      `what he captured was served: ${request.target}`,
    );
  }

  const statuses = new Map<number, number>();
  const refusals = new Set<string>();
  let served = 0;
  const pipelined = fc.array(fc.tuple(strangersRequests(seen), damage), {
    minLength: REQUESTS_EACH,
    maxLength: REQUESTS_EACH,
  });
  const isHeld = async (requests: [Generated, [number, number] | null][]): Promise<boolean> => {
    const text = requests.map(([request, change]) => damaged(bytesOf(request), change)).join('');
    const answers = await exchange(url, closing(text));
    for (const answer of answers) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 401 && answer.text !== '') refusals.add(shown(answer));
    }
    if ((await signedCall(url, { ...holder, target: '/v1/tokens' })).status === 200) served += 1;
    return answers.every(({ status }) => expected.includes(status));
  };
  await fc.assert(fc.asyncProperty(pipelined, isHeld), { numRuns: CONNECTIONS });
  const answered = [...statuses.values()].reduce((sum, count) => sum + count, 0);
  t.comment({ answered, statuses: Object.fromEntries(statuses) });
  t.ok(answered >= 5_000, 'many were answered behind each other');
  t.ok((statuses.get(401) ?? 0) > CONNECTIONS);
  t.equal(refusals.size, 1, `one 401 for all: ${[...refusals].slice(0, 3).join('\n')}`);
  t.equal(served, CONNECTIONS, 'and the holder was served each time');
  t.equal((await agent.health()).status, 'ok');
  t.notOk(agent.lines.some(({ event }) => event === 'internal_error'));
  t.notMatch(agent.output, strong('token-1'));
});

/** Behind the last one there comes nothing more. */
function closing(text: string): Buffer {
  const last = 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n';
  return Buffer.from(text + last, 'latin1');
}

/** All of a refusal but its time and what becomes of its connection. */
function shown({ headers, text }: RawAnswer): string {
  const others = Object.entries(headers).filter(
    ([name]) => !['date', 'connection', 'keep-alive'].includes(name),
  );
  return JSON.stringify({ others, text });
}
