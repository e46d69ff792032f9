import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { devVault, type DevVault, type DevVaultOptions } from '../../src/dev-vault/index.js';
import type { Fault, ServerFault } from '../../src/dev-vault/index.js';
import type { FailureClass } from '../../src/health/failure.js';
import { systemClock } from '../../src/platform/clock.js';
import { buildTestClient, type TestClient, type TestClientOptions } from './build-test-client.js';

const path = 'keytender/default/token';
const value = 'first-token-value-0123456789abcdef';
const pem = (name: string): string => new URL(`tls/${name}`, import.meta.url).pathname;

function isServerFault(fault: Fault): fault is ServerFault {
  return ['refuse', 'hang-at-connect', 'clock'].includes(fault.kind);
}

async function startVault(t: Test, options: DevVaultOptions = {}): Promise<DevVault> {
  const vault = await devVault({ rootToken: 'root', ...options });
  t.teardown(() => vault.close());
  vault.kv.put(path, { token: value });
  return vault;
}

function connect(
  t: Test,
  addresses: string | readonly string[],
  options: TestClientOptions = {},
): TestClient {
  const made = buildTestClient(addresses, options);
  t.teardown(() => made.client.close());
  return made;
}

/** A server of the test's own, closed with every connection. */
async function serve(
  t: Test,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly address: string; readonly server: Server }> {
  const server = createServer(handle);
  await listen(t, server);
  t.teardown(() => {
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function listen(t: Test, server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
  });
}

t.test('the newest version and older ones are read, with what identifies them', async (t) => {
  const vault = await startVault(t);
  vault.kv.put(path, { token: 'second' });
  const { read, requests, client } = connect(t, vault.address);
  t.equal(client.authenticated(), false, 'not before it asked');
  t.match(await read(), {
    ok: true,
    reading: { kind: 'live', version: 2, fields: { token: 'second' } },
  });
  t.match(await read(1), { ok: true, reading: { version: 1, fields: { token: value } } });
  t.match(await read(9), { ok: true, reading: { kind: 'unknown' } });
  t.same(requests, ['lookup ok', 'read ok', 'read_version ok', 'read_version secret_absent']);
  t.equal(client.authenticated(), true);
  t.equal(client.loginExpiresAt(), null, 'a root token never expires');
  t.equal(client.address(), vault.address);
});

t.test('deleted, undeleted, destroyed and forgotten are told apart', async (t) => {
  const vault = await startVault(t);
  const { read } = connect(t, vault.address);
  vault.kv.delete(path);
  t.match(await read(), { ok: true, reading: { kind: 'deleted', version: 1 } });
  vault.kv.undelete(path, [1]);
  t.match(await read(), { ok: true, reading: { kind: 'live', version: 1 } });
  vault.kv.destroy(path, [1]);
  t.match(await read(), { ok: true, reading: { kind: 'destroyed', version: 1 } });
  vault.kv.deleteMetadata(path);
  t.match(await read(), { ok: false, failure: { class: 'secret_absent' } });
});

t.test('a version that would mean the newest is refused before anything is asked', async (t) => {
  const { read, requests } = connect(t, 'http://127.0.0.1:1');
  for (const version of [0, -1, 1.5, Number.NaN]) await t.rejects(read(version), RangeError);
  t.same(requests, []);
});

t.test('a login that expires says when', async (t) => {
  const vault = await startVault(t);
  vault.policy('keytender', `path "secret/data/keytender/default/*" { capabilities = ["read"] }`);
  const { token } = vault.token({ policies: ['keytender'], ttlSeconds: 3_600 });
  const { read, client } = connect(t, vault.address, { vaultToken: token });
  t.match(await read(), { ok: true });
  const left = (client.loginExpiresAt() ?? 0) - systemClock.now();
  t.ok(left > 3_590_000 && left <= 3_600_000, `${left} ms left`);
});

const rows: readonly (readonly [string, Fault, FailureClass])[] = [
  ['a reset connection', { kind: 'reset' }, 'vault_unreachable'],
  ['a connection reset in the body', { kind: 'reset-mid-body' }, 'vault_unreachable'],
  ['an answer cut off', { kind: 'truncate' }, 'vault_unreachable'],
  ['no listener', { kind: 'refuse' }, 'vault_unreachable'],
  ['bytes that are no HTTP', { kind: 'garbage', instead: 'answer' }, 'vault_unreachable'],
  ['bytes that are no JSON', { kind: 'garbage' }, 'secret_malformed'],
  ['no answer', { kind: 'hang' }, 'vault_timeout'],
  ['a connection that is never served', { kind: 'hang-at-connect' }, 'vault_timeout'],
  ['a slow drip', { kind: 'drip', everyMs: 50 }, 'vault_timeout'],
  ['an answer too large', { kind: 'oversized', bytes: 1_100_000 }, 'vault_answer_too_large'],
  [
    'a sealed node',
    { kind: 'status', status: 503, body: { errors: ['Vault is sealed'] } },
    'vault_sealed',
  ],
  ['another 503', { kind: 'status', status: 503 }, 'vault_error'],
  ['500', { kind: 'status', status: 500 }, 'vault_error'],
  ['502', { kind: 'status', status: 502, body: '<html>' }, 'vault_error'],
  ['400', { kind: 'status', status: 400 }, 'vault_refused'],
  ['429', { kind: 'status', status: 429 }, 'vault_rate_limited'],
  ['a redirect elsewhere', { kind: 'redirect', to: 'http://127.0.0.1:1' }, 'vault_standby'],
  ['404', { kind: 'status', status: 404 }, 'secret_absent'],
  ['403', { kind: 'status', status: 403 }, 'vault_forbidden'],
  ['an empty 200', { kind: 'status', status: 200, body: '' }, 'secret_malformed'],
];

for (const [name, fault, failureClass] of rows) {
  // an established connection does not notice
  if (fault.kind === 'hang-at-connect') continue;
  t.test(`${name} is ${failureClass}, and the next read is good when it is over`, async (t) => {
    const vault = await startVault(t);
    const { read, requests } = connect(t, vault.address, { config: { timeoutMs: 300 } });
    t.match(await read(), { ok: true });
    vault.faults.add(isServerFault(fault) ? fault : { ...fault, path: 'secret/*' });
    await vault.settled();
    const before = requests.length;
    const startedMs = systemClock.monotonicMs();
    t.match(await read(), { ok: false, failure: { class: failureClass } });
    const tookMs = systemClock.monotonicMs() - startedMs;
    if (failureClass === 'vault_timeout') t.ok(tookMs > 290 && tookMs < 450, `${tookMs} ms`);
    t.equal(requests[before], `read ${failureClass}`);
    t.ok(requests.length - before <= 2, 'at most one question about the refusal');
    vault.faults.clear();
    await vault.settled();
    t.match(await read(), { ok: true, reading: { fields: { token: value } } });
  });
}

for (const [name, fault, failureClass] of rows) {
  // without a login there is no read: a refused lookup alone stops nothing
  t.test(`${name} at the first read of all: the class is the same`, async (t) => {
    const vault = await startVault(t);
    vault.faults.add(fault);
    await vault.settled();
    const { read, requests } = connect(t, vault.address, { config: { timeoutMs: 300 } });
    t.match(await read(), { ok: false, failure: { class: failureClass } });
    t.ok(requests.length <= 3, requests.join(', '));
    vault.faults.clear();
    await vault.settled();
    t.match(await read(), { ok: true });
  });
}

t.test('a name that does not resolve is unreachable', async (t) => {
  const { read } = connect(t, 'http://vault.invalid:8200');
  t.match(await read(), { ok: false, failure: { class: 'vault_unreachable', message: /DNS/ } });
});

t.test('headers without an end are an answer too large', async (t) => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}\r\n`);
  });
  await listen(t, server);
  const { read, client } = connect(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.match(await read(), { ok: false, failure: { class: 'vault_answer_too_large' } });
  await client.close();
});

t.test('many polls use one connection', async (t) => {
  const vault = await startVault(t);
  let connections = 0;
  const { address, server } = await serve(t, (request, response) => {
    response.setHeader('Keep-Alive', 'timeout=600');
    void fetch(vault.address + (request.url ?? ''), {
      headers: { 'X-Vault-Token': 'root' },
    }).then(async (answer) => response.writeHead(answer.status).end(await answer.text()));
  });
  server.on('connection', () => (connections += 1));
  const { read } = connect(t, address);
  for (let poll = 0; poll < 20; poll += 1) t.match(await read(), { ok: true });
  // the pool opens a second one when the first read follows the lookup at once
  t.ok(connections <= 2, `${connections}`);
});

t.test('a read that is aborted ends at once and its socket is gone', async (t) => {
  const { address, server } = await serve(t, () => undefined);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  const { read } = connect(t, address);
  const abort = new AbortController();
  const reading = read(undefined, abort.signal);
  await once(server, 'request');
  const startedMs = systemClock.monotonicMs();
  const closed = once(sockets[0]!, 'close');
  abort.abort(new Error('stopping'));
  await t.rejects(reading, { message: 'stopping' });
  t.ok(systemClock.monotonicMs() - startedMs < 50);
  await closed;
});

t.test('a connection that is never established is given up with the call', async (t) => {
  // a TLS handshake that nobody answers
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await listen(t, server);
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { read, client } = connect(t, address, { config: { timeoutMs: 200 } });
  t.match(await read(), { ok: false, failure: { class: 'vault_timeout' } });
  t.equal(sockets.length, 1);
  if (!sockets[0]!.destroyed) await once(sockets[0]!.resume(), 'close');
  t.pass('the socket is closed');
  t.match(
    await read(),
    { ok: false, failure: { class: 'vault_timeout' } },
    'and is not waited for again',
  );
  await client.close();
});

t.test('each wait and each request is announced with how long it may take', async (t) => {
  const vault = await startVault(t);
  const told: number[] = [];
  const { read } = connect(t, vault.address, { onDeadline: (ms) => told.push(ms) });
  await read();
  t.same(told, [5_000, 5_000], 'lookup and read');
});

t.test('a closed client ends what is under way', async (t) => {
  const { address, server } = await serve(t, () => undefined);
  const { read, client } = connect(t, address);
  const refused = t.rejects(read(), { message: 'the Vault client is closed' });
  await once(server, 'request');
  await client.close();
  await client.close();
  await refused;
});

t.test('the next address is asked when one cannot serve, and kept', async (t) => {
  const [one, two] = [await startVault(t), await startVault(t)];
  const { read, client } = connect(t, [one.address, two.address]);
  one.seal();
  t.match(await read(), { ok: false, failure: { class: 'vault_sealed' } });
  t.match(await read(), { ok: true });
  t.equal(client.address(), two.address);
  one.unseal();
  t.match(await read(), { ok: true });
  t.equal(client.address(), two.address, 'not left without a reason');
});

t.test('a redirect to a configured address is followed by the next attempt', async (t) => {
  const [standby, active] = [await startVault(t), await startVault(t)];
  standby.faults.add({ kind: 'redirect', to: active.address });
  const { read, client } = connect(t, [standby.address, active.address]);
  t.match(await read(), { ok: false, failure: { class: 'vault_standby', message: /asked next/ } });
  t.equal(client.address(), active.address);
  t.match(await read(), { ok: true });
});

t.test("a server's clock that is an hour off is seen, a second is not", async (t) => {
  const vault = await startVault(t);
  const { read, client } = connect(t, vault.address);
  await read();
  t.equal(client.clockOffsetMs(), 0);
  vault.faults.add({ kind: 'clock', offsetMs: 3_600_000 });
  for (let poll = 0; poll < 3; poll += 1) await read();
  const offset = client.clockOffsetMs();
  t.ok(Math.abs(offset - 3_600_000) < 1_000, `${offset}`);
});

t.test(
  'a mount that is not there, and one without versions, have sentences of their own',
  async (t) => {
    const vault = await startVault(t);
    const absent = connect(t, vault.address, { config: { mount: 'nowhere' } });
    t.match(await absent.read(), {
      failure: { class: 'secret_absent', message: /nothing is mounted/ },
    });
    const asRoot = { method: 'POST', headers: { 'X-Vault-Token': 'root' } };
    const mounted = await fetch(`${vault.address}/v1/sys/mounts/old`, {
      ...asRoot,
      body: JSON.stringify({ type: 'kv', options: { version: '1' } }),
    });
    t.equal(mounted.status, 204);
    const old = connect(t, vault.address, { config: { mount: 'old' } });
    t.match(await old.read(), {
      failure: { class: 'secret_absent', message: /enable-versioning old/ },
    });
  },
);

t.test('why a secret is absent is asked once, until it was there again', async (t) => {
  const vault = await startVault(t);
  const { read, requests } = connect(t, vault.address);
  vault.kv.deleteMetadata(path);
  for (let poll = 0; poll < 3; poll += 1) {
    t.match(await read(), { failure: { class: 'secret_absent', message: /vault kv put/ } });
  }
  vault.kv.put(path, { token: value });
  t.match(await read(), { ok: true });
  vault.kv.deleteMetadata(path);
  await read();
  t.equal(requests.filter((request) => request.startsWith('mounts')).length, 2);
});

t.test('namespace and base path go along, the rest of the environment does not', async (t) => {
  const hostile = {
    VAULT_ADDR: 'http://127.0.0.1:1',
    VAULT_TOKEN: 'hvs.from-the-environment',
    VAULT_NAMESPACE: 'from-the-environment',
    VAULT_PREFIX: '/from-the-environment',
    VAULT_SKIP_VERIFY: '1',
    HTTP_PROXY: 'http://127.0.0.1:1',
    http_proxy: 'http://127.0.0.1:1',
    HTTPS_PROXY: 'http://127.0.0.1:1',
    ALL_PROXY: 'http://127.0.0.1:1',
    NODE_USE_ENV_PROXY: '1',
    DEBUG: '*',
  };
  const before = { ...process.env };
  Object.assign(process.env, hostile);
  t.teardown(() => {
    for (const name of Object.keys(hostile)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before);
  });
  const seen: IncomingMessage[] = [];
  const { address } = await serve(t, (request, response) => {
    seen.push(request);
    response.writeHead(404).end('{"errors":[]}');
  });
  await connect(t, address).read();
  t.ok(seen.length >= 2);
  for (const { url, headers } of seen) {
    t.match(url, /^\/v1\/(auth|secret|sys)\//);
    t.equal(headers['x-vault-token'], 'root');
    t.equal(headers['x-vault-request'], 'true');
    t.equal(headers['x-vault-namespace'], undefined);
  }
  seen.length = 0;
  await connect(t, `${address}/behind/a/path`, { config: { namespace: 'team-a' } }).read();
  for (const { url, headers } of seen) {
    t.match(url, /^\/behind\/a\/path\/v1\/(auth|secret|sys)\//);
    t.equal(headers['x-vault-namespace'], 'team-a');
  }
});

t.test('a proxy that answers for another server is not followed anywhere', async (t) => {
  const asked: string[] = [];
  const elsewhere = await serve(t, (request, response) => {
    asked.push(request.url ?? '');
    response.end('{}');
  });
  const { address } = await serve(t, (_request, response) => {
    response.writeHead(307, { Location: `${elsewhere.address}/v1/secret/data/x` }).end();
  });
  t.match(await connect(t, address).read(), { failure: { class: 'vault_standby' } });
  t.same(asked, [], 'the Vault token goes to configured addresses only');
});

t.test('TLS: a private authority and a client certificate', async (t) => {
  const { readFileSync } = await import('node:fs');
  const tls = {
    cert: readFileSync(pem('server.pem')),
    key: readFileSync(pem('server.key')),
    ca: readFileSync(pem('ca.pem')),
    requestCert: true,
  };
  const vault = await startVault(t, { tls });
  const caCert = pem('ca.pem');
  const clientCert = pem('client.pem');
  const clientKey = pem('client.key');
  const { read } = connect(t, vault.address, { config: { caCert, clientCert, clientKey } });
  t.match(await read(), { ok: true, reading: { fields: { token: value } } });
  const without = connect(t, vault.address, { config: { caCert } });
  t.match(await without.read(), { failure: { class: 'vault_tls', message: /vault\.client_cert/ } });
  const crossed = connect(t, vault.address, {
    config: { caCert, clientCert, clientKey: pem('other.key') },
  });
  t.match(await crossed.read(), { failure: { class: 'vault_tls', message: /vault\.client_key/ } });
});

t.test(
  'TLS: an unknown authority, another name and an expired certificate each say so',
  async (t) => {
    const { readFileSync } = await import('node:fs');
    const tlsOf = (name: string): DevVaultOptions => ({
      tls: { cert: readFileSync(pem(`${name}.pem`)), key: readFileSync(pem(`${name}.key`)) },
    });
    const caCert = pem('ca.pem');
    const good = await startVault(t, tlsOf('server'));
    t.match(await connect(t, good.address).read(), {
      failure: { class: 'vault_tls', message: /vault\.ca_cert/ },
    });
    const other = await startVault(t, tlsOf('other'));
    t.match(await connect(t, other.address, { config: { caCert } }).read(), {
      failure: { class: 'vault_tls', message: /vault\.tls_server_name/ },
    });
    const named = connect(t, other.address, { config: { caCert, tlsServerName: 'vault.example' } });
    t.match(await named.read(), { ok: true }, 'unless that name is expected');
    const expired = await startVault(t, tlsOf('expired'));
    t.match(await connect(t, expired.address, { config: { caCert } }).read(), {
      failure: { class: 'vault_tls', message: /renew/ },
    });
    const plain = await startVault(t);
    const asTls = plain.address.replace('http:', 'https:');
    t.match(await connect(t, asTls).read(), {
      failure: { class: 'vault_tls', message: /does not speak TLS/ },
    });
  },
);

t.test(
  'nothing that Vault echoes gets into a failure: not its words, not our credentials',
  async (t) => {
    const canary = 'canary-hvs.0123456789abcdef';
    const { address } = await serve(t, (request, response) => {
      const echo = `${String(request.headers['x-vault-token'])} ${canary}`;
      const status = Number(
        new URL(request.url ?? '', 'http://x').searchParams.get('version') ?? 0,
      );
      response.writeHead(status === 0 ? 403 : status, {
        'X-Echo': echo,
        'Retry-After': canary,
        Location: `http://${canary}.example/`,
      });
      const body = {
        errors: [echo],
        warnings: [echo],
        data: { [canary]: echo, metadata: { echo } },
      };
      response.end(JSON.stringify(body));
    });
    const told: unknown[] = [];
    const { read } = connect(t, address, {
      vaultToken: canary,
      onRequest: (event) => told.push(event),
    });
    told.push(await read());
    for (let status = 200; status < 600; status += 7) told.push(await read(status));
    t.notMatch(JSON.stringify(told), canary);
  },
);
