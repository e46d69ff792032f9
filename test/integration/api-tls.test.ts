// TLS on the listener of the built program, with and without client certificates, and what a listener without it
// refuses to carry.
import { chmod, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AgentProcess, pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';

t.teardown(closeConnections);
t.jobs = 3;
const file = (name: string): string => new URL(`../vault/tls/${name}`, import.meta.url).pathname;

async function statusOf(port: number, identity: { cert?: Buffer; key?: Buffer } = {}) {
  const ca = await readFile(file('ca.pem'));
  return new Promise<{ status: number; serial: string }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/health', ca, agent: false, ...identity };
    const sent = request({ ...options, servername: 'localhost' }, (response) => {
      const { socket } = response as unknown as { socket: import('node:tls').TLSSocket };
      const serial = socket.getPeerCertificate().serialNumber;
      response.resume();
      resolve({ status: response.statusCode ?? 0, serial });
    });
    sent.once('error', reject);
    sent.end();
  });
}

async function portOf(agent: AgentProcess): Promise<number> {
  const [, port = ''] = await agent.untilOutput(/"api":"https:\/\/127\.0\.0\.1:(\d+)/);
  return Number(port);
}

/** A key as a checkout has it may be read by everybody, which the agent refuses. */
async function privateCopy(name: string, to: string): Promise<string> {
  await copyFile(file(name), to);
  await chmod(to, 0o600);
  return to;
}

t.test('TLS with client certificates: who has none of ours gets no answer', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await using agent = new AgentProcess({
    env: {
      AGENT_TOKEN: strong('static'),
      KEYTENDER_LISTEN_TLS_CERT: file('server.pem'),
      KEYTENDER_LISTEN_TLS_KEY: await privateCopy('server.key', join(folder, 'key.pem')),
      KEYTENDER_LISTEN_TLS_CLIENT_CA: file('ca.pem'),
    },
  });
  const port = await portOf(agent);
  const [cert, key] = await Promise.all([
    readFile(file('client.pem')),
    readFile(file('client.key')),
  ]);
  t.match(await statusOf(port, { cert, key }), { status: 200 });
  await t.rejects(statusOf(port));
  await t.rejects(fetch(`http://127.0.0.1:${port}/health`));
});

t.test('a changed certificate is taken, a broken one is not', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await copyFile(file('server.pem'), cert);
  await privateCopy('server.key', key);
  await using agent = new AgentProcess({
    env: {
      AGENT_TOKEN: strong('static'),
      KEYTENDER_LISTEN_TLS_CERT: cert,
      KEYTENDER_LISTEN_TLS_KEY: key,
    },
  });
  const port = await portOf(agent);
  const { serial } = await statusOf(port);
  await copyFile(file('client.pem'), cert);
  await agent.untilOutput(/the old ones stay/);
  t.equal((await statusOf(port)).serial, serial, 'certificate and key do not fit');
  await copyFile(file('client.key'), key);
  for (let look = 0; look < 60; look += 1) {
    const now = await statusOf(port).catch(() => ({ serial: 'new: not one of a server' }));
    if (now.serial !== serial) break;
    await pause(250);
  }
  await t.rejects(
    statusOf(port).then((now) => {
      if (now.serial !== serial) throw new Error('another one');
    }),
  );
});

t.test('whose client certificates are taken changes with the file of their CA', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'keytender-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const clientCa = join(folder, 'ca.pem');
  await copyFile(file('other.pem'), clientCa);
  await using agent = new AgentProcess({
    env: {
      AGENT_TOKEN: strong('static'),
      KEYTENDER_LISTEN_TLS_CERT: file('server.pem'),
      KEYTENDER_LISTEN_TLS_KEY: await privateCopy('server.key', join(folder, 'key.pem')),
      KEYTENDER_LISTEN_TLS_CLIENT_CA: clientCa,
    },
  });
  const port = await portOf(agent);
  const identity = {
    cert: await readFile(file('client.pem')),
    key: await readFile(file('client.key')),
  };
  const isServed = (): Promise<boolean> =>
    statusOf(port, identity).then(
      ({ status }) => status === 200,
      () => false,
    );
  const untilServed = async (expected: boolean): Promise<void> => {
    for (let look = 0; look < 240 && (await isServed()) !== expected; look += 1) await pause(250);
    t.equal(await isServed(), expected);
  };
  t.notOk(await isServed(), 'of a CA that is not in the file');
  await copyFile(file('ca.pem'), clientCa);
  await untilServed(true);
  await copyFile(file('other.pem'), clientCa);
  await untilServed(false);
});

t.test('without TLS and off loopback no value is carried', async (t) => {
  await using agent = new AgentProcess({
    env: {
      AGENT_TOKEN: strong('static'),
      AGENT_SCOPES: 'token:read,token:list,token:watch',
      KEYTENDER_LISTEN_ADDRESS: '0.0.0.0:0',
      KEYTENDER_LISTEN_ALLOW_HTTP: 'true',
      KEYTENDER_LISTEN_AUTHORITIES: 'app-0.example.com',
    },
  });
  const [, port = ''] = await agent.untilOutput(/"api":"http:\/\/0\.0\.0\.0:(\d+)/);
  await secondPasses();
  const url = `http://127.0.0.1:${port}`;
  const call = { key: strong('static'), keyid: 'default', headers: { host: 'app-0.example.com' } };
  const listed = await signedCall(url, { ...call, target: '/v1/tokens' });
  t.equal(listed.status, 200);
  for (const target of ['/v1/tokens/default', '/v1/tokens/default/watch']) {
    const answer = await signedCall(url, { ...call, target });
    t.equal(answer.json.code, 'tls_required');
  }
});
