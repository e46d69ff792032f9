// One connection, not one a poll, and a new one where the old one is gone.
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import t from 'tap';
import { buildTestClient } from './build-test-client.js';

t.test('polls share one connection, and a closed one costs no failed poll', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(404).end('{"errors":["x"]}');
  });
  server.on('connection', (socket) => sockets.push(socket));
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const { read, client } = buildTestClient(`http://127.0.0.1:${port}`);
  t.teardown(() => client.close());
  for (let poll = 0; poll < 120; poll += 1) await read();
  t.equal(sockets.length, 1, 'two hours of polls');
  const closed = new Promise((resolve) => sockets[0]?.once('close', resolve));
  sockets[0]?.end();
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.match(await read(), { failure: { class: 'secret_absent' } });
  t.equal(sockets.length, 2);
});
