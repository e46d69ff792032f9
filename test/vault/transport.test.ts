// The way to Vault as networks change it: a name that moves, a connection that died without a word, proxies that
// nobody configured; and how many connections all the polling costs.
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { devVault, type DevVault } from '../../src/dev-vault/index.js';
import { systemClock, type Clock } from '../../src/platform/clock.js';
import type { NameLookup } from '../../src/vault/name-watch.js';
import { AgentProcess } from '../fixtures/agent-process.js';
import { buildTestClient } from './build-test-client.js';

/** The system's clock, which a test moves on. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  now = (): number => systemClock.now();
  monotonicMs = (): number => systemClock.monotonicMs() + this.shiftMs;
  sleep = (ms: number, signal?: AbortSignal): Promise<void> => systemClock.sleep(ms, signal);
}

async function vaultAt(t: Test, address: string): Promise<DevVault> {
  const vault = await devVault({ address, rootToken: 'root' });
  t.teardown(() => vault.close());
  vault.kv.put('keytender/default/token', { token: 'a-token-of-more-than-enough-bytes' });
  return vault;
}

const reads = ({ requests }: DevVault): number =>
  requests.filter(({ path }) => path.startsWith('secret/data/')).length;

interface Names {
  readonly lookup: NameLookup;
  /** Of the one name that there is; empty: no answer. */
  addresses: string[];
  asked: number;
}

function names(...addresses: string[]): Names {
  const found: Names = {
    addresses,
    asked: 0,
    lookup: (_hostname, _options, callback) => {
      found.asked += 1;
      const all = found.addresses.map((address) => ({ address, family: 4 }));
      setImmediate(() => {
        if (all.length > 0) callback(null, all);
        else callback(Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' }), []);
      });
    },
  };
  return found;
}

t.test(
  'a name that moves to another address is followed, though connections are kept',
  async (t) => {
    const before = await vaultAt(t, '127.0.0.1:0');
    const { port } = new URL(before.address);
    const after = await vaultAt(t, `127.0.0.2:${port}`);
    const dns = names('127.0.0.1');
    const clock = new ShiftedClock();
    const { read, client } = buildTestClient(`http://vault.test:${port}`, {
      clock,
      lookup: dns.lookup,
    });
    t.teardown(() => client.close());
    const minute = async (): Promise<void> => {
      t.match(await read(), { ok: true });
      // the lookup behind it ends
      await systemClock.sleep(20);
      clock.shiftMs += 60_000;
    };
    for (let count = 0; count < 4; count += 1) await minute();
    t.equal(reads(before), 4);
    dns.addresses = [];
    await minute();
    await minute();
    t.equal(reads(before), 6, 'name servers that do not answer change nothing');
    dns.addresses = ['127.0.0.9', '127.0.0.1'];
    await minute();
    await minute();
    t.equal(reads(before), 8, 'nor does another address beside it');
    dns.addresses = ['127.0.0.2'];
    await minute();
    await minute();
    t.equal(reads(after), 1, 'the second poll after the move');
    await minute();
    t.equal(reads(before), 9);
    t.ok(dns.asked < 30, `${dns.asked} lookups`);
  },
);

t.test('an address that is no name is never looked up', async (t) => {
  const vault = await vaultAt(t, '127.0.0.1:0');
  const dns = names('127.0.0.9');
  const clock = new ShiftedClock();
  const { read, client } = buildTestClient(vault.address, { clock, lookup: dns.lookup });
  t.teardown(() => client.close());
  for (let count = 0; count < 3; count += 1) {
    t.match(await read(), { ok: true });
    clock.shiftMs += 60_000;
  }
  t.equal(dns.asked, 0);
});

interface Relay {
  readonly address: string;
  /** Accepted so far. */
  readonly connections: () => number;
  /** From now on nothing of what is open goes through any more, and nobody is told. */
  readonly freeze: () => void;
}

/** Hands bytes on to `vault`. */
async function relay(t: Test, vault: DevVault): Promise<Relay> {
  const { port: upstreamPort } = new URL(vault.address);
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    const upstream = connect(Number(upstreamPort), '127.0.0.1');
    for (const end of [socket, upstream]) {
      open.add(end);
      end.on('error', () => undefined);
      end.on('close', () => open.delete(end));
    }
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => accepted,
    freeze() {
      for (const socket of open) socket.unpipe().pause();
    },
  };
}

t.test(
  'a connection that died without a word costs one deadline, and is not used again',
  async (t) => {
    const vault = await vaultAt(t, '127.0.0.1:0');
    const between = await relay(t, vault);
    const { read, client } = buildTestClient(between.address, { config: { timeoutMs: 500 } });
    t.teardown(() => client.close());
    for (let poll = 0; poll < 3; poll += 1) {
      t.match(await read(), { ok: true });
      await systemClock.sleep(5);
    }
    const before = between.connections();
    between.freeze();
    const failures = [];
    for (;;) {
      const outcome = await read();
      if (outcome.ok) break;
      failures.push(outcome.failure.class);
    }
    t.ok(failures.length <= before, 'one for each that was open at most');
    t.same([...new Set(failures)], ['vault_timeout']);
    t.ok(between.connections() <= before + 2, 'new ones in their place');
  },
);

t.test('polls open no connection, and proxies of the environment are none', async (t) => {
  const vault = await vaultAt(t, '127.0.0.1:0');
  const between = await relay(t, vault);
  const proxy = 'http://127.0.0.1:9';
  await using agent = new AgentProcess({
    env: {
      VAULT_ADDR: between.address,
      VAULT_TOKEN: 'root',
      KEYTENDER_REFRESH_INTERVAL: '1s',
      KEYTENDER_REFRESH_JITTER: '0',
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      HTTPS_PROXY: proxy,
      ALL_PROXY: proxy,
      NODE_USE_ENV_PROXY: '1',
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  // the first poll asks several things at once
  while (reads(vault) < 2) await systemClock.sleep(50);
  const first = between.connections();
  while (reads(vault) < 10) await systemClock.sleep(50);
  t.equal(between.connections(), first, 'eight polls open none');
  t.ok(first <= 4, `${first} connections`);
});

t.test('certificates are read again when their files change, whole ones only', async (t) => {
  const pem = (name: string): URL => new URL(`tls/${name}`, import.meta.url);
  const [cert, key, ca] = await Promise.all(
    ['server.pem', 'server.key', 'ca.pem'].map((name) => readFile(pem(name), 'utf8')),
  );
  const vault = await devVault({
    rootToken: 'root',
    tls: { cert: cert!, key: key!, ca: ca!, requestCert: true },
  });
  t.teardown(() => vault.close());
  vault.kv.put('keytender/default/token', { token: 'a-token-of-more-than-enough-bytes' });
  const folder = t.testdir({ 'ca.pem': 'not yet', 'client.pem': '', 'client.key': '' });
  const take = async (name: string, from: string): Promise<void> =>
    writeFile(`${folder}/${name}`, await readFile(pem(from)), { mode: 0o600 });
  await take('client.pem', 'client.pem');
  await take('client.key', 'other.key');
  const { read, client } = buildTestClient(vault.address, {
    config: {
      caCert: `${folder}/ca.pem`,
      clientCert: `${folder}/client.pem`,
      clientKey: `${folder}/client.key`,
    },
  });
  t.teardown(() => client.close());
  t.match(await read(), { failure: { class: 'vault_tls' } });
  await take('ca.pem', 'ca.pem');
  t.match(await read(), { failure: { class: 'vault_tls' } }, 'the key is of another certificate');
  await take('client.key', 'client.key');
  t.match(await read(), { ok: true });
  await take('client.key', 'other.key');
  t.match(await read(), { ok: true }, 'what is half replaced does not replace what works');
  await writeFile(`${folder}/ca.pem`, ca!.slice(0, 100));
  t.match(await read(), { ok: true });
});
