import { connect } from 'node:net';
import { request } from 'node:http';
import t from 'tap';
import { devVault, FAULT_KINDS, type DevVault, type Fault } from '../../src/dev-vault/index.js';
import { vaultCall } from './http-exchange.js';

async function withSecret(): Promise<DevVault> {
  const vault = await devVault({ rootToken: 'root' });
  vault.kv.put('a', { token: 'a-secret-value-of-some-length' });
  return vault;
}

const read = (vault: DevVault) => vaultCall(vault.address, 'root', 'GET', 'secret/data/a');

/** What a plain client sees: status and how much came before the end or the error. */
function raw(vault: DevVault, waitMs = 300): Promise<{ text: string; end: string }> {
  const { hostname, port } = new URL(vault.address);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => {
      socket.write('GET /v1/secret/data/a HTTP/1.1\r\nHost: x\r\nX-Vault-Token: root\r\n\r\n');
    });
    const timer = setTimeout(() => {
      finish('silence');
    }, waitMs);
    const finish = (end: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, end });
    };
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('end', () => {
      finish('end');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      finish(error.code ?? 'error');
    });
  });
}

const seen = new Set<string>();
function fault(vault: DevVault, wanted: Fault): ReturnType<DevVault['faults']['add']> {
  seen.add(wanted.kind);
  return vault.faults.add(wanted);
}

t.test('refuse: nothing listens until it is taken back, then the same port does', async (t) => {
  await using vault = await withSecret();
  const added = fault(vault, { kind: 'refuse' });
  await vault.settled();
  t.equal((await raw(vault)).end, 'ECONNREFUSED');
  added.remove();
  await vault.settled();
  t.equal((await read(vault)).status, 200);
});

t.test('reset: the connection is reset instead of an answer', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'reset', times: 1 });
  t.match(await raw(vault), { text: '', end: 'ECONNRESET' });
  t.equal((await read(vault)).status, 200, 'once only');
});

t.test('hang: the request is read and never answered', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'hang' });
  t.match(await raw(vault, 100), { text: '', end: 'silence' });
  t.match(vault.requests.at(-1), { path: 'secret/data/a', status: 0, fault: 'hang' });
});

t.test('hang-at-connect: the connection is taken and nothing is read from it', async (t) => {
  await using vault = await withSecret();
  const added = fault(vault, { kind: 'hang-at-connect' });
  t.match(await raw(vault, 100), { text: '', end: 'silence' });
  t.equal(vault.requests.length, 0, 'no request was seen');
  added.remove();
  t.equal((await read(vault)).status, 200);
});

t.test('delay: the right answer, late', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'delay', ms: 60 });
  const before = performance.now();
  t.equal((await read(vault)).status, 200);
  t.ok(performance.now() - before >= 55);
});

t.test('drip: the right answer, byte by byte', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'drip', everyMs: 5, bytes: 50, times: 1 });
  t.equal((await read(vault)).json.data.metadata.version, 1);
  fault(vault, { kind: 'drip', everyMs: 20 });
  const partial = await raw(vault, 150);
  t.equal(partial.end, 'silence');
  t.match(partial.text, /\r\n\r\n\{/);
});

t.test('truncate: an orderly end in the middle of the body', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'truncate', afterBytes: 10 });
  const { text, end } = await raw(vault);
  t.equal(end, 'end');
  t.equal(text.split('\r\n\r\n')[1]?.length, 10);
  await t.rejects(read(vault));
});

t.test('reset-mid-body: a reset in the middle of the body', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'reset-mid-body', afterBytes: 10 });
  const { text, end } = await raw(vault);
  t.equal(end, 'ECONNRESET');
  t.equal(text.split('\r\n\r\n')[1]?.length, 10);
});

t.test('oversized: as many bytes as asked for, JSON to the end', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'oversized', bytes: 3_000_000 });
  const { text, json } = await read(vault);
  t.equal(text.length, 3_000_000);
  t.match(json.data.data.token, /^aaaa/);
});

t.test('garbage: a body that is none, or no HTTP at all', async (t) => {
  await using vault = await withSecret();
  const added = fault(vault, { kind: 'garbage' });
  const answer = await read(vault);
  t.equal(answer.status, 200);
  t.equal(answer.json, undefined);
  added.remove();
  fault(vault, { kind: 'garbage', instead: 'answer' });
  await t.rejects(read(vault), { code: /^HPE_/ });
});

t.test('content-type: another type, and if wanted another body', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'content-type', contentType: 'text/plain', times: 1 });
  const plain = await read(vault);
  t.equal(plain.headers['content-type'], 'text/plain');
  t.equal(plain.json.data.metadata.version, 1);
  fault(vault, { kind: 'content-type', contentType: 'text/html', body: '<html>' });
  t.equal((await read(vault)).text, '<html>');
});

t.test('status: any, with body and headers, where it is wanted', async (t) => {
  await using vault = await withSecret();
  const added = fault(vault, {
    kind: 'status',
    status: 429,
    headers: { 'Retry-After': '7' },
    body: { errors: ['slow down'] },
    path: 'secret/*',
    method: 'get',
  });
  const answer = await read(vault);
  t.equal(answer.status, 429);
  t.equal(answer.headers['retry-after'], '7');
  t.strictSame(answer.json, { errors: ['slow down'] });
  t.equal(
    (await vaultCall(vault.address, 'root', 'GET', 'sys/health')).status,
    200,
    'other paths are well',
  );
  t.equal(
    (await vaultCall(vault.address, 'root', 'POST', 'secret/data/a', { data: {} })).status,
    200,
    'other methods too',
  );
  t.equal(added.count, 1);
  fault(vault, { kind: 'status', status: 500, path: /health$/ });
  t.equal((await vaultCall(vault.address, 'root', 'GET', 'sys/health')).status, 500);
});

t.test('redirect: to an address with the path of the request', async (t) => {
  await using vault = await withSecret();
  fault(vault, { kind: 'redirect', to: 'http://127.0.0.1:1' });
  const answer = await read(vault);
  t.equal(answer.status, 307);
  t.equal(answer.headers.location, 'http://127.0.0.1:1/v1/secret/data/a');
});

t.test('clock: Date and what is written are that far off', async (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  await using vault = await devVault({ rootToken: 'root', now: () => now });
  fault(vault, { kind: 'clock', offsetMs: -3_600_000 });
  const answer = await vaultCall(vault.address, 'root', 'POST', 'secret/data/b', { data: {} });
  t.equal(answer.headers.date, 'Wed, 31 Dec 2025 23:00:00 GMT');
  t.match(answer.json.data.created_time, /^2025-12-31T23:00:00/);
});

t.test('every kind of fault was seen', async (t) => {
  t.strictSame([...seen].sort(), [...FAULT_KINDS]);
});

t.test('times, skip and probability say how often, the last one by the seed', async (t) => {
  const pattern = async (seed: number): Promise<string> => {
    await using vault = await devVault({ rootToken: 'root', seed });
    vault.faults.add({ kind: 'status', status: 500, probability: 0.5 });
    let text = '';
    for (let index = 0; index < 24; index += 1) {
      text +=
        (await vaultCall(vault.address, 'root', 'GET', 'secret/data/a')).status === 500 ? 'x' : '.';
    }
    return text;
  };
  const first = await pattern(7);
  t.equal(await pattern(7), first);
  t.not(await pattern(8), first);
  t.match(first, /x/);
  t.match(first, /\./);
  await using vault = await devVault({ rootToken: 'root' });
  vault.faults.add({ kind: 'status', status: 500, skip: 1, times: 2 });
  const statuses = [];
  for (let index = 0; index < 5; index += 1)
    statuses.push((await vaultCall(vault.address, 'root', 'GET', 'sys/health')).status);
  t.strictSame(statuses, [200, 500, 500, 200, 200]);
});

t.test('clear takes all of them back', async (t) => {
  await using vault = await withSecret();
  vault.faults.add({ kind: 'refuse' });
  vault.faults.add({ kind: 'status', status: 500 });
  vault.faults.clear();
  await vault.settled();
  t.equal((await read(vault)).status, 200);
});

t.test('numbers that no fault can have are refused', async (t) => {
  await using vault = await devVault();
  t.throws(() => vault.faults.add({ kind: 'reset', probability: 2 }), RangeError);
  t.throws(() => vault.faults.add({ kind: 'reset', times: -1 }), RangeError);
  t.throws(() => vault.faults.add({ kind: 'status', status: 99 }), RangeError);
});

t.test('closing does not wait for what hangs', async (t) => {
  const vault = await withSecret();
  vault.faults.add({ kind: 'hang' });
  const { hostname, port } = new URL(vault.address);
  const hanging = new Promise((resolve) => {
    request({ hostname, port, path: '/v1/secret/data/a' }).on('error', resolve).end();
  });
  while (vault.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = performance.now();
  await vault.close();
  t.ok(performance.now() - before < 500);
  t.match(await hanging, { code: 'ECONNRESET' });
  await vault.close();
});
