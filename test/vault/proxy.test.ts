import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectTo, type AddressInfo, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { devVault, type DevVault } from '../../src/dev-vault/index.js';
import { buildTestClient, type TestClient } from './build-test-client.js';

const pem = (name: string): string => new URL(`tls/${name}`, import.meta.url).pathname;

interface Proxy {
  readonly url: string;
  readonly asked: string[];
  mode: 'tunnel' | 'refuse' | 'hang' | 'page';
  readonly sockets: Socket[];
}

async function startProxy(t: Test): Promise<Proxy> {
  const server = createServer((_request, response) => response.end('a page'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = {
    url: `http://127.0.0.1:${port}`,
    asked: [],
    sockets: [],
    mode: 'tunnel',
  };
  server.on('connect', (request, socket: Socket) => {
    proxy.asked.push(request.url ?? '');
    proxy.sockets.push(socket.on('error', () => undefined));
    if (proxy.mode === 'hang') return;
    if (proxy.mode !== 'tunnel') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const [host, targetPort] = (request.url ?? '').split(':');
    const target = connectTo(Number(targetPort), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    proxy.sockets.push(target);
  });
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of proxy.sockets) socket.destroy();
  });
  return proxy;
}

async function startVault(t: Test, isTls: boolean): Promise<DevVault> {
  const tls = { cert: readFileSync(pem('server.pem')), key: readFileSync(pem('server.key')) };
  const vault = await devVault({ rootToken: 'root', ...(isTls ? { tls } : {}) });
  t.teardown(() => vault.close());
  vault.kv.put('keytender/default/token', { token: 'abcdefghijklmnop0123456789' });
  return vault;
}

function connect(t: Test, vault: DevVault, proxy: Proxy): TestClient {
  const config = { proxy: proxy.url, caCert: pem('ca.pem'), timeoutMs: 400 };
  const made = buildTestClient(vault.address, { config });
  t.teardown(() => made.client.close());
  return made;
}

for (const isTls of [false, true]) {
  t.test(
    `a configured proxy is gone through by CONNECT, ${isTls ? 'https' : 'http'}`,
    async (t) => {
      const [vault, proxy] = [await startVault(t, isTls), await startProxy(t)];
      const { read } = connect(t, vault, proxy);
      for (let poll = 0; poll < 5; poll += 1) t.match(await read(), { ok: true });
      t.equal(proxy.asked[0], new URL(vault.address).host);
      t.ok(proxy.asked.length <= 2, 'the tunnel is kept');
    },
  );
}

t.test('a proxy that refuses, is gone or hangs has its class, and is tried again', async (t) => {
  const [vault, proxy] = [await startVault(t, true), await startProxy(t)];
  const { read } = connect(t, vault, proxy);
  proxy.mode = 'refuse';
  t.match(await read(), { failure: { class: 'vault_unreachable', message: /vault\.proxy/ } });
  proxy.mode = 'hang';
  t.match(await read(), { failure: { class: 'vault_timeout' } });
  const hanging = proxy.sockets.at(-1);
  if (hanging?.readableEnded === false) await once(hanging.resume(), 'end');
  t.pass('the connection to the proxy is given up with the call');
  proxy.mode = 'tunnel';
  t.match(await read(), { ok: true });
  const gone = connect(t, vault, { ...proxy, url: 'http://127.0.0.1:1' });
  t.match(await gone.read(), { failure: { class: 'vault_unreachable' } });
});
