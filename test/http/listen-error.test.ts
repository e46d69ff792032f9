import { createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { ListenError } from '../../src/http/listen-error.js';
import { startHttp } from './start-http.js';

const loopback = { host: '127.0.0.1', port: 0 };

async function takePort(): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    free: () =>
      new Promise((closed) =>
        server.close(() => {
          closed();
        }),
      ),
  };
}

t.test('a port in use is a sentence with the fix', async (t) => {
  const { port, free } = await takePort();
  t.teardown(free);
  const listen = { address: { host: '127.0.0.1', port }, authorities: [], probeAddress: null };
  await t.rejects(startHttp(t, { listen }), {
    name: 'ListenError',
    code: 'address_in_use',
    setting: 'listen.address',
    address: `127.0.0.1:${port}`,
    message: `cannot listen on 127.0.0.1:${port}: another process already listens there; stop it, or set listen.address to a free port`,
  });
});

t.test('when the probe address fails, nothing stays open', async (t) => {
  const taken = await takePort();
  t.teardown(taken.free);
  const spare = await takePort();
  await spare.free();
  const listen = {
    address: { host: '127.0.0.1', port: spare.port },
    authorities: [],
    probeAddress: { host: '127.0.0.1', port: taken.port },
  };
  await t.rejects(startHttp(t, { listen }), {
    code: 'address_in_use',
    setting: 'listen.probe_address',
  });
  await t.resolves(startHttp(t, { listen: { ...listen, probeAddress: null } }), 'it is free again');
});

t.test('an address that is not ours and a name that is none say so', async (t) => {
  for (const host of ['203.0.113.1', 'no-such-host.invalid']) {
    const listen = { address: { host, port: 0 }, authorities: [], probeAddress: null };
    await t.rejects(startHttp(t, { listen }), {
      code: 'address_unavailable',
      message: new RegExp(`cannot listen on ${host}:0: ${host} is not an address of this machine`),
    });
  }
});

t.test('every cause has its sentence, with the setting in it', async (t) => {
  const of = (code: string | undefined, port: number) =>
    new ListenError(
      'listen.probe_address',
      { host: '::1', port },
      code === undefined ? 'x' : { code },
    );
  t.match(of('EACCES', 80), {
    code: 'address_forbidden',
    message: /\[::1\]:80: .*below 1024.*listen\.probe_address/,
  });
  t.match(of('EACCES', 8080), { code: 'address_forbidden', message: /does not allow it/ });
  t.match(of('EMFILE', 1), { code: 'listen_failed', message: /says EMFILE/ });
  t.match(of(undefined, 1), { code: 'listen_failed', message: /nothing more/ });
});

t.test('a name is an authority beside the address it stands for', async (t) => {
  const { bound } = await startHttp(t, {
    listen: { address: { host: 'localhost', port: 0 }, authorities: [], probeAddress: loopback },
  });
  t.ok(['127.0.0.1', '::1'].includes(bound.api.host));
});
