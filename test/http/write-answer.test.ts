import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { writeAnswer } from '../../src/http/write-answer.js';

t.test('an answer is written at the end of the turn, whoever left in it', async (t) => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ask = async () => {
    const asked = request({ port, host: '127.0.0.1', agent: false }).on('error', () => undefined);
    const answered = once(asked.end(), 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
    return { response, answered };
  };
  const left = await ask();
  const stays = await ask();
  writeAnswer(left.response, 200, {}, 'to nobody');
  left.response.destroy();
  writeAnswer(stays.response, 200, {}, 'ä');
  t.equal(stays.response.writableEnded, false);
  const [answer] = await stays.answered;
  t.match(answer.headers, { 'content-length': '2', 'cache-control': 'no-store' });
  t.equal(String((await answer.toArray())[0]), 'ä');
  await t.rejects(left.answered);
});
