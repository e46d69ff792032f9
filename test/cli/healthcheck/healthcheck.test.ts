import t from 'tap';
import { healthcheck } from '../../../src/cli/healthcheck/healthcheck.js';
import { FakeClock } from '../../fixtures/fake-clock.js';
import { fakeAgent, fakePeer, freePort } from '../fake-agent.js';
import { testIo } from '../test-io.js';

t.test('each probe asks its own path, and 200 is 0', async (t) => {
  const asked: (string | undefined)[] = [];
  await using agent = await fakeAgent((request, response) => {
    asked.push(request.url);
    response.end();
  });
  for (const probe of ['--ready', '--live', '--startup']) {
    const io = testIo();
    t.equal(await healthcheck([probe, '--url', agent.url], io), 0);
    t.equal(io.out() + io.err(), '', 'and says nothing');
  }
  t.same(asked, ['/readyz', '/livez', '/startupz']);
});

t.test('the request names the host it was sent to', async (t) => {
  let host: string | undefined;
  await using agent = await fakeAgent((request, response) => {
    host = request.headers.host;
    response.end();
  });
  const env = { KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${agent.port}` };
  t.equal(await healthcheck([], testIo({ env })), 0);
  t.equal(host, `127.0.0.1:${agent.port}`);
});

t.test(
  'an address that binds every IPv6 address is found where only IPv4 loopback is',
  async (t) => {
    await using agent = await fakeAgent((_request, response) => response.end());
    const env = { KEYTENDER_LISTEN_PROBE_ADDRESS: `[::]:${agent.port}` };
    t.equal(await healthcheck([], testIo({ env })), 0);
  },
);

for (const status of [503, 404, 421, 204, 301, 500]) {
  t.test(`${status} is 1, with a sentence on standard error`, async (t) => {
    await using agent = await fakeAgent((_request, response) => {
      response.writeHead(status).end();
    });
    const io = testIo();
    t.equal(await healthcheck(['--url', agent.url], io), 1);
    t.match(io.err(), new RegExp(`/readyz answers ${status}`));
    t.equal(io.out(), '');
  });
}

t.test('nobody there is 1', async (t) => {
  const io = testIo();
  t.equal(await healthcheck(['--url', `http://127.0.0.1:${await freePort()}`], io), 1);
  t.match(io.err(), /no agent answers at .*ECONNREFUSED/);
});

t.test('what does not speak HTTP is 1', async (t) => {
  for (const words of ['SSH-2.0-x\r\n', 'x'.repeat(5000), 'HTTP/2 200 OK\r\n']) {
    await using peer = await fakePeer((socket) => socket.end(words));
    const io = testIo();
    t.equal(await healthcheck(['--url', peer.url], io), 1);
    t.match(io.err(), /does not speak HTTP/);
  }
});

t.test('a connection closed without an answer is 1', async (t) => {
  await using peer = await fakePeer((socket) => socket.end());
  t.equal(await healthcheck(['--url', peer.url], testIo()), 1);
});

t.test('an agent that hangs is 1 after two seconds', async (t) => {
  const clock = new FakeClock();
  await using peer = await fakePeer(() => undefined);
  const io = testIo({ clock });
  const done = healthcheck(['--url', peer.url], io);
  t.equal(await clock.untilSleeping(), 2000);
  await clock.advance(2000);
  t.equal(await done, 1);
  t.match(io.err(), /no answer in time/);
});

t.test('--wait asks again until the answer is yes', async (t) => {
  let asked = 0;
  await using agent = await fakeAgent((_request, response) => {
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200).end();
  });
  t.equal(await healthcheck(['--wait', '30s', '--url', agent.url], testIo()), 0);
  t.equal(asked, 3);
});

t.test('--wait ends with the last answer', async (t) => {
  await using agent = await fakeAgent((_request, response) => {
    response.writeHead(503).end();
  });
  const io = testIo();
  t.equal(await healthcheck(['--wait', '300ms', '--url', agent.url], io), 1);
  t.match(io.err(), /answers 503/);
});

t.test('TLS is refused with the fix', async (t) => {
  const io = testIo();
  t.equal(await healthcheck(['--url', 'https://127.0.0.1:1'], io), 2);
  t.match(io.err(), /listen\.probe_address/);
});

t.test('a wrong option is 2', async (t) => {
  const io = testIo();
  t.equal(await healthcheck(['--quick'], io), 2);
  t.match(io.err(), /unknown option '--quick'/);
});

t.test('--help is 0, with an example', async (t) => {
  const io = testIo();
  t.equal(await healthcheck(['--help'], io), 0);
  t.match(io.out(), /Example:\n {2}\$ keytender healthcheck/);
});
