// Whatever way Node binds it, an address and a name are listened on as written.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { listenTarget } from '../../src/http/bound-socket.js';

async function boundBy(host: string, port = 0): Promise<AddressInfo> {
  const server = createServer();
  t.teardown(() => server.close());
  server.listen(listenTarget({ host, port }));
  await once(server, 'listening');
  return server.address() as AddressInfo;
}

t.test('a number is bound as it is, a name as the resolver says', async (t) => {
  t.equal((await boundBy('127.0.0.1')).address, '127.0.0.1');
  t.match((await boundBy('localhost')).address, /^(127\.0\.0\.1|::1)$/);
});

t.test('a port that is taken is said by the same code, thrown or as an event', async (t) => {
  for (const host of ['127.0.0.1', 'localhost']) {
    const { port } = await boundBy(host);
    await t.rejects(boundBy(host, port), { code: 'EADDRINUSE' }, host);
  }
});
