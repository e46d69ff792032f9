// Stopping, over real keep-alive connections: idle ones go at once, busy ones get their answer, nothing outlives the
// deadline.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { dial, parseAnswer, readToEnd, readUntil } from './raw.js';
import { startHttp } from './start-http.js';

const ask = (port: number, path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;

function holding() {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const metrics = async () => {
    await held;
    return { contentType: 'text/plain', body: 'x 1\n' };
  };
  return { release, metrics };
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work;
  return performance.now() - startedMs;
}

t.test('idle connections, used or not, do not delay a stop', async (t) => {
  const { http, api, probe } = await startHttp(t);
  const used = await dial(api);
  used.write(ask(api, '/livez'));
  await readUntil(used, (text) => text.includes('"ok"'));
  const ends = [used, await dial(api), await dial(probe)].map((socket) => readToEnd(socket));
  await sleep(20);
  t.ok((await msOf(http.stop(5000))) < 500);
  t.same(await Promise.all(ends), ['', '', '']);
  await t.rejects(dial(api), { code: 'ECONNREFUSED' });
  await t.rejects(dial(probe), { code: 'ECONNREFUSED' });
});

t.test('a busy connection gets its whole answer, told that it is the last', async (t) => {
  const { release, metrics } = holding();
  const { http, api } = await startHttp(t, { metrics });
  const busy = await dial(api);
  const end = readToEnd(busy);
  busy.write(ask(api, '/metrics'));
  await sleep(20);
  const stopped = http.stop(5000);
  await sleep(50);
  release();
  const answer = parseAnswer(await end);
  t.match(answer, { status: 200, body: 'x 1\n', headers: { connection: 'close' } });
  t.ok((await msOf(stopped)) < 500);
});

t.test('a connection that becomes idle while we stop is not waited for', async (t) => {
  const { http, api } = await startHttp(t);
  const slow = await dial(api);
  const end = readToEnd(slow);
  slow.write('GET /livez HTTP/1.1\r\n');
  await sleep(20);
  const stopped = http.stop(5000);
  await sleep(50);
  slow.write(`Host: localhost:${api}\r\n\r\n`);
  t.match(parseAnswer(await end), { status: 200, headers: { connection: 'close' } });
  t.ok((await msOf(stopped)) < 500);
});

t.test('what is left at the deadline is cut', async (t) => {
  const { metrics } = holding();
  const { http, api } = await startHttp(t, { metrics });
  const busy = await dial(api);
  const dripping = await dial(api);
  const ends = Promise.all([readToEnd(busy), readToEnd(dripping)]);
  busy.write(ask(api, '/metrics'));
  dripping.write('GET /livez HT');
  await sleep(20);
  const ms = await msOf(http.stop(200));
  t.ok(ms >= 190 && ms < 700, `stopped after ${ms.toFixed(0)} ms`);
  t.same(await ends, ['', '']);
});

t.test('after drain every answer closes its connection, those already asked for too', async (t) => {
  const { release, metrics } = holding();
  const { http, api, probe } = await startHttp(t, { metrics });
  const asked = await dial(api);
  const before = readToEnd(asked);
  asked.write(ask(api, '/metrics'));
  await sleep(20);
  http.drain();
  release();
  t.match(parseAnswer(await before), { status: 200, headers: { connection: 'close' } });

  for (const port of [api, probe]) {
    for (const [path, status] of [
      ['/livez', 200],
      ['/readyz', 503],
      ['/nothing', 404],
      ['/%zz', 404],
    ] as const) {
      const socket = await dial(port);
      const end = readToEnd(socket);
      socket.write(ask(port, path));
      t.match(parseAnswer(await end), { status, headers: { connection: 'close' } }, path);
    }
  }
});

t.test('stopping twice, and without ever having started, is harmless', async (t) => {
  const { http } = await startHttp(t);
  await http.stop(100);
  await t.resolves(http.stop(100));
});
