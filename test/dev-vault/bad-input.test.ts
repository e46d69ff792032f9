import { connect } from 'node:net';
import { request, Agent } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import { devVault, NOT_FOR_PRODUCTION, type DevVault } from '../../src/dev-vault/index.js';
import { Core } from '../../src/dev-vault/core.js';
import { furnish } from '../../src/dev-vault/dev-vault.js';
import { dispatch } from '../../src/dev-vault/http/dispatch.js';
import { readTarget, type Incoming } from '../../src/dev-vault/http/incoming.js';
import { VaultNode } from '../../src/dev-vault/node.js';
import { exchange, vaultCall } from './http-exchange.js';
import { scaled } from './test-scale.js';
import { addSystemMounts } from '../../src/dev-vault/system-mounts.js';

const REQUESTS = scaled(50_000);
const BATCH = 500;
/** Of each batch; the rest goes to the handlers directly. */
const OVER_SOCKETS = 50;
const AT_ONCE = 50;

const segment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('secret', 'data', 'metadata', 'sys', 'auth', 'token', 'create', 'a'),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '..',
      '.',
      '',
      '%2F',
      '%2e%2e',
      '..%2f',
      '%00',
      '%zz',
      '%ff',
      '%',
      '\\',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'mounts',
      'health',
      'wrapping',
      'unwrap',
      'approle',
      'login',
      'config',
      'undelete',
      'destroy',
      'policies',
      'acl',
      'quotas',
      'rate-limit',
      'internal',
      'ui',
      'remount',
      'seal-status',
      'namespaces',
      'capabilities-self',
      'role',
      'lookup-self',
    ),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 8, unit: 'grapheme' }).map(encodeURIComponent) },
);
const target = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.array(segment, { maxLength: 6 }).map((parts) => `/v1/${parts.join('/')}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/',
      '//',
      '*',
      '/v1',
      '/v1/',
      '/v2/secret',
      '/ui/',
      'http://elsewhere/v1/secret/data/a',
      '/v1/secret/data/a#b',
    ),
  },
);
const query = fc.constantFrom(
  '',
  '',
  '',
  '?',
  '?version=1',
  '?version=x',
  '?list=true',
  '?list=2',
  '?version=1&version=2',
  '?%zz',
  '?a[]=1',
  '?__proto__=1',
  '?help=1',
);
const method = fc.constantFrom(
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'LIST',
  'SCAN',
  'HEAD',
  'OPTIONS',
  'LINK',
  'TRACE',
  'PROPFIND',
);
const field = fc.constantFrom(
  'data',
  'options',
  'cas',
  'versions',
  'version',
  'custom_metadata',
  'max_versions',
  'delete_version_after',
  'policies',
  'ttl',
  'type',
  'path',
  'token',
  'key',
  'from',
  'to',
  'role_id',
  'num_uses',
  'policy',
  'rate',
  'refusedWith',
  'errors',
  'status',
  'bare',
  '__proto__',
  'constructor',
);
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(field, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 }),
);
const body = fc.oneof(
  { weight: 6, arbitrary: json.map((value) => JSON.stringify(value)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(json, fc.nat())
      .map(([value, cut]) => JSON.stringify(value).slice(0, cut % 40)),
  },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '['.repeat(100_000),
      '{"a":'.repeat(50_000),
      '1e999',
      '{"data":{"a":"\\ud800"}}',
      '\u0000',
    ),
  },
);
const contentType = fc.constantFrom(
  'application/json',
  'application/merge-patch+json',
  'application/x-www-form-urlencoded',
  'text/html',
  ';',
  'a/b; c=',
);

interface Shot {
  readonly method: string;
  readonly target: string;
  readonly body: string | Buffer | undefined;
  readonly headers: Record<string, string>;
}

const shot: fc.Arbitrary<Shot> = fc
  .tuple(
    method,
    target,
    query,
    fc.option(body, { nil: undefined }),
    contentType,
    fc.constantFrom('root', 'root', 'root', '', 's.bad'),
    fc.constantFrom('', '', '', 'team-a', '../x', '5m', '-1'),
  )
  .map(([method, path, query, body, type, token, extra]) => ({
    method,
    target: path + query,
    body: method === 'TRACE' ? undefined : body,
    headers: {
      'content-type': type,
      ...(token === '' ? {} : { 'x-vault-token': token }),
      ...(extra === ''
        ? {}
        : extra.startsWith('5') || extra.startsWith('-')
          ? { 'x-vault-wrap-ttl': extra }
          : { 'x-vault-namespace': extra }),
    },
  }));

/** Resolves with the status, or with 0 where the parser of this side would not even send it. */
function fire(
  vault: DevVault,
  agent: Agent,
  { method, target, body, headers }: Shot,
): Promise<number> {
  const { hostname, port } = new URL(vault.address);
  return new Promise((resolve, reject) => {
    let outgoing;
    try {
      outgoing = request({
        agent,
        hostname,
        port,
        method,
        path: target,
        headers: {
          ...headers,
          'content-length': String(body === undefined ? 0 : Buffer.byteLength(body)),
        },
      });
    } catch (error) {
      if (error instanceof TypeError) {
        resolve(0);
        return;
      }
      reject(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      response.on('error', reject);
      response.on('end', () => {
        resolve(response.statusCode ?? 0);
      });
      response.resume();
    });
    outgoing.end(body);
  });
}

/** The same request at the handlers, without a socket in between. */
function incomingOf({ method, target, body, headers }: Shot): Incoming | undefined {
  const read = readTarget(target);
  if (read === undefined) return undefined;
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  return { ...read, method, query: new URLSearchParams(read.rawQuery), headers, body: bytes };
}

/** Every status that Vault answers with here; anything else would be a crash or an invention. */
const STATUSES = new Set([0, 200, 204, 307, 400, 403, 404, 405, 413, 415, 429, 500, 503]);
/** A login without a role id is answered 500 by a real server too, and so are the other errors here. */
const KNOWN_500 =
  /missing role_id|could not load backend configuration|does not exist|constraint should be enabled|past the max TTL/;

function count(statuses: Map<number, number>, status: number): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

t.test(`${REQUESTS} generated requests get an answer each and none is a crash`, async (t) => {
  const core = new Core({ now: Date.now, furnish: addSystemMounts });
  furnish(core, { rootToken: 'root' });
  const node = new VaultNode(core);
  await using vault = await devVault({ rootToken: 'root', requestsKept: 10 });
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  t.teardown(() => {
    agent.destroy();
  });
  const statuses = new Map<number, number>();
  let sent = 0;
  for (const batch of fc.sample(
    fc.array(shot, { minLength: BATCH, maxLength: BATCH }),
    REQUESTS / BATCH,
  )) {
    // Each batch meets an open server whose root token works, whatever the one before did.
    node.sealed = false;
    if (!core.tokens.has('root')) furnish(core, { rootToken: 'root' });
    vault.unseal();
    for (const one of batch.slice(OVER_SOCKETS)) {
      const incoming = incomingOf(one);
      const answer = incoming === undefined ? undefined : await dispatch(node, incoming);
      if (answer?.status === 500) t.match(answer.body, KNOWN_500, JSON.stringify(one));
      count(statuses, answer?.status ?? 400);
      sent += 1;
    }
    const answers = await Promise.all(
      batch.slice(0, OVER_SOCKETS).map((one) => fire(vault, agent, one)),
    );
    for (const status of answers) count(statuses, status);
    sent += answers.length;
  }
  t.ok(sent >= 50_000, `${sent} requests`);
  t.strictSame(
    [...statuses.keys()].filter((status) => !STATUSES.has(status)),
    [],
  );
  t.strictSame(vault.crashes.slice(0, 3), []);
  t.equal((await vaultCall(vault.address, null, 'GET', 'sys/health')).status, 200);
});

for (const [what, target, status, errors] of [
  ['a relative path', '/v1/secret/data/a/..%2Fb', 400, ['relative paths not supported']],
  ['an escaped slash', '/v1/secret/data/a%2Fb', 404, []],
  ['unicode', '/v1/secret/data/sn%C3%B6', 404, []],
  ['another prefix', '/v2/secret/data/a', 404, []],
] as const) {
  t.test(`${what} in the path is answered ${status}`, async (t) => {
    await using vault = await devVault({ rootToken: 'root' });
    const answer = await exchange(vault.address, {
      method: 'GET',
      target,
      headers: { 'x-vault-token': 'root' },
    });
    t.equal(answer.status, status);
    t.strictSame(JSON.parse(answer.text), { errors });
  });
}

t.test('double slashes and dots in the path are redirected to the clean path', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  for (const [target, location] of [
    ['/v1/secret//data/a', '/v1/secret/data/a'],
    ['/v1/secret/./data/a?x=1', '/v1/secret/data/a?x=1'],
    ['/v1/secret/b/../data/a/', '/v1/secret/data/a/'],
  ] as const) {
    const answer = await exchange(vault.address, { method: 'GET', target });
    t.equal(answer.status, 307, target);
    t.equal(answer.headers.location, location);
  }
});

t.test('an escape that is none and a control character are refused', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  t.equal(
    (await exchange(vault.address, { method: 'GET', target: '/v1/secret/data/%zz' })).status,
    400,
  );
  t.equal(
    (await exchange(vault.address, { method: 'GET', target: '/v1/secret/data/%00' })).status,
    400,
  );
});

for (const [what, body, status, errors] of [
  ['cut JSON', '{"data": {', 400, ['error parsing JSON']],
  ['an array', '[1]', 400, ['error parsing JSON']],
  ['a text', '"x"', 400, ['error parsing JSON']],
  ['nothing', '', 400, ['no data provided']],
  ['null', 'null', 400, ['no data provided']],
  ['a number too large', '{"data":{"a":1e999}}', 400, ['error parsing JSON']],
  ['nesting without end', '{"data":'.repeat(5000), 400, ['error parsing JSON']],
  [
    'data that is a number',
    '{"data":5}',
    400,
    [
      `error converting input for field "data": '' expected type 'map[string]interface {}', got unconvertible type 'json.Number'`,
    ],
  ],
  [
    'data that is a list',
    '{"data":[1]}',
    400,
    [
      `error converting input for field "data": '[0]' expected type 'map[string]interface {}', got unconvertible type 'json.Number'`,
    ],
  ],
  [
    'a cas that is a list',
    '{"data":{},"options":{"cas":[1]}}',
    400,
    ['error parsing check-and-set parameter'],
  ],
] as const) {
  t.test(`a write of ${what} is answered ${status}`, async (t) => {
    await using vault = await devVault({ rootToken: 'root' });
    const answer = await vaultCall(vault.address, 'root', 'POST', 'secret/data/a', body);
    t.equal(answer.status, status);
    t.strictSame(answer.json, { errors });
    t.equal(vault.kv.get('a'), undefined, 'nothing was written');
  });
}

t.test('a body over the limit is refused with 413', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  const body = Buffer.alloc(33_554_433, 0x20);
  const answer = await exchange(vault.address, {
    method: 'POST',
    target: '/v1/secret/data/a',
    headers: { 'x-vault-token': 'root' },
    body,
  });
  t.equal(answer.status, 413);
  t.strictSame(JSON.parse(answer.text), { errors: ['http: request body too large'] });
});

for (const [what, bytes, status] of [
  ['a method nobody knows', 'FOO /v1/secret/data/a HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 400],
  ['no host', 'GET /v1/sys/health HTTP/1.1\r\n\r\n', 400],
  [
    'both lengths',
    'POST /v1/secret/data/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
] as const) {
  t.test(`${what} is answered ${status}`, async (t) => {
    await using vault = await devVault();
    const { hostname, port } = new URL(vault.address);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.end(bytes, 'latin1');
      });
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString('latin1')));
      socket.on('end', () => {
        resolve(text);
      });
      socket.on('error', reject);
    });
    t.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    t.match(answer, /^Date: .* GMT\r$/im);
    t.match(answer, NOT_FOR_PRODUCTION);
  });
}

t.test('names of the prototype are keys like any other', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  const body = '{"data":{"__proto__":{"polluted":1},"constructor":"c"}}';
  await vaultCall(vault.address, 'root', 'POST', 'secret/data/a', body);
  const answer = await vaultCall(vault.address, 'root', 'GET', 'secret/data/a');
  t.match(answer.text, '"data":{"__proto__":{"polluted":1},"constructor":"c"}');
  t.equal(Reflect.get({}, 'polluted'), undefined);
});

t.test('a client that goes away leaves nothing behind', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  const { hostname, port } = new URL(vault.address);
  const socket = connect(Number(port), hostname);
  socket.write('POST /v1/secret/data/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"data"');
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.destroy();
  t.equal((await vaultCall(vault.address, 'root', 'GET', 'sys/health')).status, 200);
  t.equal(vault.kv.get('a'), undefined);
});

t.test('every answer says that it is not a Vault for production', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  for (const target of ['/v1/sys/health', '/v1/secret/data/a', '/nowhere', '/']) {
    const answer = await exchange(vault.address, { method: 'GET', target });
    t.equal(answer.headers['x-keytender-dev-vault'], NOT_FOR_PRODUCTION, target);
    t.ok(Number.isFinite(Date.parse(answer.headers.date ?? '')), 'and when it was given');
  }
});
