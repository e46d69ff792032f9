import { createHook } from 'node:async_hooks';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { checkWhileConnected } from '../../src/http/late-requests.js';

const EVERY_MS = 20;
/** What a timer of Node's takes at most. */
const NEVER_MS = 2 ** 31 - 1;

const intervalOf = (server: Server) =>
  (server as Server & { connectionsCheckingInterval: number }).connectionsCheckingInterval;

async function started(t: Test): Promise<Server> {
  const server = createServer({ headersTimeout: 100, connectionsCheckingInterval: EVERY_MS });
  checkWhileConnected(server, EVERY_MS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return server;
}

/** Sends half a header and no more; resolves with what came back. */
async function answerToHalf(server: Server): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  await once(socket, 'close');
  return text;
}

t.test('this Node has what starts the timer anew', async (t) => {
  for (const server of [createServer(), createTlsServer()]) {
    checkWhileConnected(server, EVERY_MS);
    t.equal(intervalOf(server), NEVER_MS);
  }
});

t.test('nobody is looked for where nobody is', async (t) => {
  const server = await started(t);
  t.equal(intervalOf(server), NEVER_MS);
  const sockets: Socket[] = [];
  for (let count = 0; count < 2; count += 1) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    await once(server, 'connection');
    t.equal(intervalOf(server), EVERY_MS, 'from the first connection on');
  }
  const accepted = () =>
    new Promise<number>((resolve) => {
      server.getConnections((_error, count) => {
        resolve(count);
      });
    });
  for (const socket of sockets) {
    t.equal(intervalOf(server), EVERY_MS, 'while one is left');
    const before = await accepted();
    socket.destroy();
    while ((await accepted()) === before) await new Promise(setImmediate);
  }
  // the last one is counted out by the server before it is gone for those who listen
  while (intervalOf(server) !== NEVER_MS) await new Promise(setImmediate);
  t.pass('and no longer');
});

t.test('a late request is refused, also after a time without any', async (t) => {
  const server = await started(t);
  t.match(await answerToHalf(server), /^HTTP\/1\.1 408 /);
  while (intervalOf(server) !== NEVER_MS) await new Promise(setImmediate);
  t.match(await answerToHalf(server), /^HTTP\/1\.1 408 /);
});

t.test('a closed server gets no timer back when its last connection ends', async (t) => {
  const server = await started(t);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  let timers = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout') timers += 1;
    },
  });
  server.close();
  hook.enable();
  t.teardown(() => hook.disable());
  socket.destroy();
  if (!accepted.closed) await once(accepted, 'close');
  t.equal(timers, 0);
});
