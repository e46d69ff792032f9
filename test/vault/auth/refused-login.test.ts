// A login that is refused, by every method and with every status that servers were seen to answer: one failure, one
// request, and no other one before the backoff is over. In which namespace logins are made, and what goes with them.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { VaultAuthConfig } from '../../../src/config/config.js';
import { buildTestClient, setting, testAuth, type TestClient } from '../build-test-client.js';
import { PatientClock } from '../patient-clock.js';

interface Server {
  readonly address: string;
  /** `namespace METHOD path`, in order. */
  readonly asked: string[];
  /** What a login is answered with; 200 grants one. */
  status: number;
}

async function serve(t: Test): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    const { method = '', url = '', headers } = request satisfies IncomingMessage;
    const namespace = String(headers['x-vault-namespace'] ?? '-');
    it.asked.push(`${namespace} ${method} ${url.replace('/v1/', '')}`);
    const isLogin = url.endsWith('/login');
    const auth = {
      client_token: 'made',
      lease_duration: 3_600,
      renewable: true,
      token_type: 'service',
    };
    if (isLogin && it.status === 200) response.end(JSON.stringify({ auth }));
    else response.writeHead(isLogin ? it.status : 404).end('{"errors":["refused"]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const it: Server = { address: `http://127.0.0.1:${port}`, asked: [], status: 200 };
  return it;
}

type Method = Pick<VaultAuthConfig, 'method' | 'mount'> & Partial<VaultAuthConfig>;

function methods(t: Test): readonly Method[] {
  const jwtFile = `${t.testdir({ jwt: 'a.b.c' })}/jwt`;
  return [
    {
      method: 'approle',
      mount: 'approle',
      roleId: setting('role-id'),
      secretId: setting('secret-id'),
    },
    { method: 'kubernetes', mount: 'kubernetes', role: 'app', jwtFile },
    { method: 'jwt', mount: 'team/jwt', role: 'app', jwtFile },
    { method: 'cert', mount: 'cert', role: 'app' },
  ];
}

function connect(t: Test, server: Server, auth: Method, clock: PatientClock): TestClient {
  const made = buildTestClient(server.address, {
    clock,
    config: { namespace: 'team-a', auth: { ...testAuth, ...auth } },
  });
  t.teardown(() => made.client.close());
  return made;
}

const BACKOFF_MAX_MS = 60_000;

t.test('whatever refuses a login, it is one failure and no second login at once', async (t) => {
  const server = await serve(t);
  for (const auth of methods(t)) {
    for (const status of [400, 403, 404, 405, 500]) {
      server.status = status;
      server.asked.length = 0;
      const clock = new PatientClock();
      const { read } = connect(t, server, auth, clock);
      for (let poll = 0; poll < 20; poll += 1) {
        t.match(await read(), { ok: false, failure: { class: 'vault_login_failed' } });
      }
      const what = `${auth.method}, ${status}`;
      t.same(server.asked, [`team-a POST auth/${auth.mount}/login`], what);
      clock.pass(BACKOFF_MAX_MS);
      await read();
      t.equal(server.asked.length, 2, `${what}: once more when the backoff is over`);
      server.status = 200;
      clock.pass(BACKOFF_MAX_MS);
      t.match(
        await read(),
        { failure: { class: 'secret_absent' } },
        `${what}: and it is logged in`,
      );
      t.equal(server.asked[2], `team-a POST auth/${auth.mount}/login`);
    }
  }
});

t.test('logins are made, renewed and given back in the namespace of their own', async (t) => {
  const server = await serve(t);
  for (const auth of methods(t)) {
    server.asked.length = 0;
    const clock = new PatientClock();
    const { read, client } = connect(t, server, { ...auth, namespace: 'admin' }, clock);
    await read();
    const first = client.loginExpiresAt();
    clock.pass(await clock.untilLongWait());
    while (!server.asked.some((one) => one.endsWith('renew-self'))) await clock.sleep(5);
    // renewing is refused here: another login takes its place, and the first is given back. That it was asked for is
    // not enough: until its answer is here, the first is in use, and stays so when the client is closed
    while (client.loginExpiresAt() === first) await clock.sleep(5);
    t.equal(server.asked.filter((one) => one.endsWith('/login')).length, 2);
    await client.close();
    const admin = server.asked.filter((one) => one.startsWith('admin '));
    t.same([...new Set(admin)].sort(), [
      `admin POST auth/${auth.mount}/login`,
      'admin POST auth/token/renew-self',
      'admin POST auth/token/revoke-self',
    ]);
    const others = server.asked.filter((one) => !one.startsWith('admin '));
    t.ok(others.length > 0, auth.method);
    t.same(
      others.filter((one) => !/^team-a GET (secret\/data|sys\/internal)\//.test(one)),
      [],
      'what is read is read where it is',
    );
  }
});
