// What one caller can take: bytes, time, connections. Over real sockets, with small limits where waiting would hurt.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { dial, parseAnswer, readToEnd, readUntil, sendRaw } from './raw.js';
import { startHttp } from './start-http.js';

const quick = { headersTimeoutMs: 200, requestTimeoutMs: 400, checkIntervalMs: 50 };

t.test('a header of more than 16 KiB is 431', async (t) => {
  const { api, counted } = await startHttp(t);
  const bomb = (bytes: number) =>
    sendRaw(
      api,
      `GET /livez HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\nX: ${'a'.repeat(bytes)}\r\n\r\n`,
    );
  t.equal((await bomb(15_000)).status, 200);
  for (const bytes of [17_000, 1_000_000]) {
    const answer = await bomb(bytes);
    t.equal(answer.status, 431);
    t.match(JSON.parse(answer.body), { code: 'headers_too_large' });
  }
  t.equal((await sendRaw(api, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`)).status, 431);
  t.ok(counted.includes('api other unmatched 431'));
});

t.test('more than 100 fields are 431, and a Host behind them is not overlooked', async (t) => {
  const { api } = await startHttp(t);
  const ask = (count: number) =>
    sendRaw(
      api,
      `GET /livez HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n${'a:\r\n'.repeat(count)}\r\n`,
    );
  t.equal((await ask(98)).status, 200);
  t.equal((await ask(99)).status, 431);
  t.equal((await ask(3000)).status, 431);
});

t.test('a header that drips is cut with 408', async (t) => {
  const { api, counted } = await startHttp(t, { limits: { api: quick } });
  const socket = await dial(api);
  const end = readToEnd(socket);
  const drip = setInterval(() => socket.write('a'), 20);
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nX: ');
  const answer = parseAnswer(await end);
  clearInterval(drip);
  t.equal(answer.status, 408);
  t.match(JSON.parse(answer.body), { code: 'request_timeout' });
  t.equal(answer.headers['connection'], 'close');
  t.same(counted, ['api other unmatched 408']);
});

t.test('a connection that never says anything is cut', async (t) => {
  const { api } = await startHttp(t, { limits: { api: quick } });
  t.equal(parseAnswer(await readToEnd(await dial(api))).status, 408);
});

t.test('a body that drips behind its answer is cut without a second answer', async (t) => {
  const { api } = await startHttp(t, { limits: { api: quick } });
  const socket = await dial(api);
  const end = readToEnd(socket);
  socket.write(`POST /livez HTTP/1.1\r\nHost: localhost:${api}\r\nContent-Length: 1000\r\n\r\nx`);
  const text = await end;
  t.equal(parseAnswer(text).status, 405);
  t.equal(text.match(/HTTP\/1\.1/g)?.length, 1);
});

t.test('a body that nobody reads is skipped up to the limit', async (t) => {
  const { api } = await startHttp(t);
  const socket = await dial(api);
  const end = readToEnd(socket);
  const head = `GET /livez HTTP/1.1\r\nHost: localhost:${api}\r\n`;
  const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`;
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  let sentBytes = 0;
  while (!socket.destroyed && sentBytes < 64 * 1024 * 1024) {
    if (!socket.write(chunk))
      await new Promise((next) => socket.once('drain', next).once('close', next));
    sentBytes += chunk.length;
  }
  t.equal(parseAnswer(await end).status, 200);
  t.ok(sentBytes < 16 * 1024 * 1024, `cut after ${sentBytes} bytes`);

  const polite = await dial(api);
  polite.write(`${head}Content-Length: 65536\r\n\r\n`);
  await readUntil(polite, (text) => text.includes('"ok"'));
  polite.write('x'.repeat(65_536));
  polite.write(`${head}Connection: close\r\n\r\n`);
  t.equal(parseAnswer(await readToEnd(polite)).status, 200, 'a small one costs no connection');
});

t.test('answers come in the order of their requests, the refusal of garbage too', async (t) => {
  const { api } = await startHttp(t, {
    metrics: async () => {
      await sleep(100);
      return { contentType: 'text/plain', body: 'x 1\n' };
    },
  });
  const ask = (line: string, ...fields: readonly string[]): string =>
    [line, `Host: localhost:${api}`, ...fields, '', ''].join('\r\n');
  const quick = ask('GET /livez HTTP/1.1');
  const slow = ask('GET /metrics HTTP/1.1');
  const unread = ask('POST /nowhere HTTP/1.1', 'Transfer-Encoding: chunked');
  const tunnel = ask('CONNECT elsewhere:1 HTTP/1.1');
  const garbage = 'GARBAGE\r\n\r\n';
  const cases: Readonly<Record<string, readonly number[]>> = {
    [`${garbage}${quick}`]: [400],
    [`${quick}${garbage}`]: [200, 400],
    [`${slow}${garbage}`]: [200, 400],
    [`${quick}${slow}${quick}${garbage}${quick}`]: [200, 200, 200, 400],
    // it was answered before its body came, and has no second answer
    [`${quick}${unread}zz\r\n${quick}`]: [200, 404],
    [`${quick}${tunnel}${quick}`]: [200, 400],
    [`${slow}${tunnel}`]: [200, 400],
  };
  for (const [sent, statuses] of Object.entries(cases)) {
    const socket = await dial(api);
    const end = readToEnd(socket);
    socket.write(sent);
    const seen = [...(await end).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    t.same(seen, statuses, sent);
  }
});

t.test('who leaves before the answer that a refusal waits for costs nothing', async (t) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const seen: number[] = [];
  const { api } = await startHttp(t, {
    metrics: async () => {
      await held;
      return { contentType: 'text/plain', body: 'x 1\n' };
    },
    onRequest: (_route, _method, status) => seen.push(status),
  });
  const socket = await dial(api);
  socket.write(`GET /metrics HTTP/1.1\r\nHost: localhost:${api}\r\n\r\nGARBAGE\r\n\r\n`);
  await sleep(50);
  socket.destroy();
  await sleep(50);
  release();
  const livez = `GET /livez HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n\r\n`;
  t.equal((await sendRaw(api, livez)).status, 200);
  t.same(seen, [200], 'and no refusal is counted that nobody got');
});

t.test('a flood of idle connections to the API takes no slot of the probes', async (t) => {
  const { api, probe } = await startHttp(t, {
    limits: { api: { connectionsMax: 20 }, probe: { connectionsMax: 5 } },
  });
  const flood = await Promise.all(Array.from({ length: 100 }, () => dial(api)));
  const answer = await sendRaw(
    probe,
    `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  t.equal(answer.status, 200);
  for (const socket of flood) socket.destroy();
});

t.test(
  'at the limit a connection that never asked makes room, then an idle one, never a busy one',
  async (t) => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const refused: string[] = [];
    const { api } = await startHttp(t, {
      limits: { api: { connectionsMax: 3 } },
      onConnectionRefused: (listener) => refused.push(listener),
      metrics: async () => {
        await held;
        return { contentType: 'text/plain', body: 'x 1\n' };
      },
    });
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost:${api}\r\n\r\n`;

    const idle = await dial(api);
    idle.write(ask('/livez'));
    await readUntil(idle, (text) => text.includes('"ok"'));
    const busy = await dial(api);
    busy.write(ask('/metrics'));
    const silent = await dial(api);
    await sleep(20);

    const closedFirst = Promise.race([
      readToEnd(silent).then(() => 'silent'),
      readToEnd(idle).then(() => 'idle'),
    ]);
    const third = await dial(api);
    third.write(ask('/metrics'));
    t.equal(await closedFirst, 'silent');
    const fourth = await dial(api);
    fourth.write(ask('/metrics'));
    await new Promise((closed) => idle.once('close', closed));
    const fifth = await dial(api);
    t.equal(await readToEnd(fifth), '', 'all others are busy');
    t.same(refused, ['api', 'api', 'api']);

    release();
    for (const socket of [busy, third, fourth]) {
      t.match(await readUntil(socket, (text) => text.includes('x 1')), /200 OK/);
      socket.destroy();
    }
  },
);

t.test('a flood that never stops still lets a quick caller through', async (t) => {
  const { api } = await startHttp(t, { limits: { api: { connectionsMax: 50 } } });
  const flood = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const socket = await dial(api);
      socket.write('GET / HTTP/1.1\r\nX: ');
      return socket;
    }),
  );
  for (let turn = 0; turn < 20; turn += 1) {
    const answer = await sendRaw(
      api,
      `GET /livez HTTP/1.1\r\nHost: localhost:${api}\r\nConnection: close\r\n\r\n`,
    );
    t.equal(answer.status, 200);
    flood.push(await dial(api));
  }
  for (const socket of flood) socket.destroy();
});
