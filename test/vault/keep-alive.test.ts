// Connections are kept between polls (the first poll, a lookup and a read at once, may open a second one), and made anew
// where they are gone.
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import t from 'tap';
import { buildTestClient } from './build-test-client.js';

t.test(
  'polls share the connections of the first, and a closed one costs no failed poll',
  async (t) => {
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
    await read();
    const first = sockets.length;
    t.ok(first <= 2, `${first} connections`);
    for (let poll = 0; poll < 120; poll += 1) {
      await read();
      // two polls are never in one turn: the connection is free again
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    t.equal(sockets.length, first, 'none more in two hours of polls');
    for (const socket of sockets) socket.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.match(await read(), { failure: { class: 'secret_absent' } });
    t.equal(sockets.length, first + 1);
  },
);
