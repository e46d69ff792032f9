import { once } from 'node:events';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { atTurnEnd } from '../../src/platform/turn-end.js';
import { writeAnswer } from '../../src/http/write-answer.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('what is written waits for all of the turn, keeps its order, and comes once', async (t) => {
  const seen: string[] = [];
  atTurnEnd(() => {
    seen.push('first');
    process.nextTick(() => seen.push('what the first leaves to do'));
    atTurnEnd(() => seen.push('of the next turn'));
  });
  atTurnEnd(() => seen.push('second'));
  seen.push('the turn itself');
  await Promise.resolve();
  t.same(seen, ['the turn itself']);
  await turn();
  t.same(seen, ['the turn itself', 'first', 'second', 'what the first leaves to do']);
  await turn();
  t.equal(seen.pop(), 'of the next turn');
  await turn();
  t.equal(seen.length, 4);
});

t.test('an answer whose caller left in the same turn hurts nobody', async (t) => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ask = async (): Promise<ServerResponse> => {
    const asked = request({ port, host: '127.0.0.1', agent: false }).on('error', () => undefined);
    asked.end();
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
    return response;
  };
  const left = await ask();
  const stays = await ask();
  writeAnswer(left, 200, {}, 'to nobody');
  left.destroy();
  writeAnswer(stays, 200, {}, 'ok');
  t.equal(stays.writableEnded, false, 'written at the end of the turn');
  await once(stays, 'finish');
  t.equal(stays.statusCode, 200);
});
