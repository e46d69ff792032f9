import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { main } from '../../../src/cli/main.js';
import { FakeClock, settle } from '../../fixtures/fake-clock.js';
import { fakeAgent, fakePeer, freePort, healthBody } from '../fake-agent.js';
import { testIo, type TestIo } from '../test-io.js';

async function statusOf(
  body: unknown,
  code: number,
  argv: readonly string[] = [],
): Promise<TestIo & { code: number }> {
  await using agent = await fakeAgent((_request, response) => {
    response.writeHead(code).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  const io = testIo();
  return { ...io, code: await main(['status', '--url', agent.url, ...argv], io) };
}

t.test('an agent that is ok or degraded is 0, one that is not is 1', async (t) => {
  for (const [status, http, code] of [
    ['ok', 200, 0],
    ['degraded', 200, 0],
    ['unavailable', 503, 1],
    ['starting', 503, 1],
  ] as const) {
    const run = await statusOf(healthBody({}, { status }), http);
    t.equal(run.code, code, status);
    t.match(run.out(), `app-0: ${status}`);
  }
});

t.test('--json is what the agent answered', async (t) => {
  const body = healthBody({}, { something_new: 1 });
  const run = await statusOf(body, 200, ['--json']);
  t.same(JSON.parse(run.out()), body);
});

t.test('--name tells of one token, and its being usable decides', async (t) => {
  const tokens = {
    good: { state: 'fresh', usable: true },
    bad: { state: 'revoked', usable: false },
  };
  const body = healthBody({}, { status: 'unavailable', tokens });
  const good = await statusOf(body, 503, ['--name', 'good']);
  t.equal(good.code, 0);
  t.match(good.out(), /good/);
  t.notMatch(good.out(), /bad/);
  t.equal((await statusOf(body, 503, ['--name', 'bad'])).code, 1);
  const json = await statusOf(body, 503, ['--name', 'bad', '--json']);
  t.same(JSON.parse(json.out()), tokens.bad);
  const unknown = await statusOf(body, 503, ['--name', 'other']);
  t.equal(unknown.code, 1);
  t.match(unknown.err(), "no token 'other'; it has: good, bad");
});

const notAgents: readonly (readonly [string, unknown, number, RegExp])[] = [
  ['another web server', '<html>', 200, /not JSON/],
  ['another API', { hello: 1 }, 200, /does not answer as a keytender agent/],
  ['a 404', {}, 404, /answers 404 to \/health/],
  ['a wrong name', {}, 421, /listen\.authorities/],
  ['an endless answer', `"${'x'.repeat(1024 * 1024)}"`, 200, /its answer is too long/],
];
for (const [what, body, code, sentence] of notAgents) {
  t.test(`${what} is 1, with a sentence`, async (t) => {
    const run = await statusOf(body, code);
    t.equal(run.code, 1);
    t.match(run.err(), sentence);
    t.equal(run.out(), '');
  });
}

t.test('nobody there is 1, on standard error, or as JSON', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const io = testIo();
  t.equal(await main(['status', '--url', url], io), 1);
  t.match(io.err(), /nothing listens there/);
  const json = testIo();
  t.equal(await main(['status', '--json', '--url', url], json), 1);
  t.match(JSON.parse(json.out()), { status: 'unreachable', error: /nothing listens there/ });
});

t.test('an agent that hangs is 1 after five seconds', async (t) => {
  const clock = new FakeClock();
  await using peer = await fakePeer(() => undefined);
  const io = testIo({ clock });
  const done = main(['status', '--url', peer.url], io);
  t.equal(await clock.untilSleeping(), 5000);
  await clock.advance(5000);
  t.equal(await done, 1);
  t.match(io.err(), /no answer within 5 s/);
});

t.test('a TLS address that speaks no TLS has its own sentence', async (t) => {
  await using agent = await fakeAgent((_request, response) => response.end());
  const io = testIo();
  t.equal(await main(['status', '--url', agent.url.replace('http', 'https')], io), 1);
  t.match(io.err(), /no TLS is spoken there|TLS/);
});

t.test('a Unix socket is asked with --socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'agent.sock');
  const server = createServer((_request, response) => response.end(JSON.stringify(healthBody())));
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  const io = testIo();
  t.equal(await main(['status', '--socket', path], io), 0);
  const missing = testIo();
  t.equal(await main(['status', '--socket', `${path}.not`], missing), 1);
  t.match(missing.err(), /no such socket/);
});

t.test('a socket path that the system would cut off is 2', async (t) => {
  const io = testIo();
  t.equal(await main(['status', '--socket', `/${'long/'.repeat(22)}agent.sock`], io), 2);
  t.match(io.err(), /1 to 107 bytes/);
});

t.test(
  '--watch writes over what it wrote on a terminal, and stops when nobody reads',
  async (t) => {
    const clock = new FakeClock('2026-01-01T00:00:12Z');
    await using agent = await fakeAgent((_request, response) =>
      response.end(JSON.stringify(healthBody())),
    );
    const io = testIo({ clock, isTTY: true, env: { NO_COLOR: '1' } });
    const done = main(['status', '--watch', '--url', agent.url], io);
    const untilWaiting = async (): Promise<void> => {
      while (!clock.sleeping.includes(1000)) await settle(1);
    };
    await untilWaiting();
    await clock.advance(1000);
    await untilWaiting();
    t.match(io.out(), /\u001b\[6A\r\u001b\[0J/);
    io.stdout.emit('error', new Error('EPIPE'));
    t.equal(await done, 0);
    t.equal(io.send('SIGINT'), 0, 'an interrupt is the usual end');
  },
);

t.test('an interrupted look says no 0', async (t) => {
  await using agent = await fakeAgent((_request, response) => response.end('{}'));
  const io = testIo();
  await main(['status', '--url', agent.url], io);
  t.equal(io.send('SIGINT'), 1);
});
