// The Unix socket of the built program: what the service beside it does all day, without a key in its hands.
import { chmod, lstat, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { DevVault } from '../../src/dev-vault/index.js';
import { Keyring, keytenderPolicy, verify } from '../../src/signature/index.js';
import { AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { secondPasses } from '../fixtures/signed-request.js';
import { answersIn, type RawAnswer } from './raw-request.js';

async function directory(test: { teardown(end: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keytender-'));
  test.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

function agentOn(vault: DevVault, socket: string): AgentProcess {
  return agentOf(vault, { env: { KEYTENDER_LISTEN_SOCKET: socket } });
}

interface SocketAnswer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly json: any;
}

function ask(
  socketPath: string,
  target: string,
  body?: object,
  headers: Record<string, string> = { 'keytender-request': 'true' },
): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { socketPath, path: target, method, headers: { ...headers, ...type } };
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => {
        const json = text === '' ? null : (JSON.parse(text) as object);
        resolve({ status: response.statusCode ?? 0, json });
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** All that is answered to these bytes until the agent closes. */
function exchangeOn(socketPath: string, bytes: string): Promise<RawAnswer[]> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write(bytes));
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.once('error', () => undefined);
    socket.once('close', () => {
      resolve(answersIn(text));
    });
  });
}

t.test('a body that breaks is refused behind the answer to what was asked before it', async (t) => {
  const path = join(await directory(t), 'agent.sock');
  await using vault = await vaultWithToken();
  await using agent = agentOn(vault, path);
  await agent.untilHealth(({ status }) => status === 'ok');
  const head = (line: string, ...fields: readonly string[]): string =>
    [line, 'Host: a', 'Keytender-Request: true', ...fields, '', ''].join('\r\n');
  const list = head('GET /v1/tokens HTTP/1.1');
  const json = 'Content-Type: application/json';
  const chunked = 'Transfer-Encoding: chunked';
  const broken = `${head('POST /v1/tokens/default/sign HTTP/1.1', json, chunked)}zz\r\n`;
  const { revision } = (await ask(path, '/v1/tokens/default')).json as { revision: string };
  const watch = head(`GET /v1/tokens/default/watch?revision=${revision}&timeout=0.2 HTTP/1.1`);
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ['', []],
    [list, [200]],
    [list + list, [200, 200]],
    [list + watch, [200, 204]],
  ];
  for (const [before, statuses] of cases) {
    const answers = await exchangeOn(path, before + broken);
    t.match(answers.at(-1)?.text, '"code":"malformed_request"');
    t.same(
      answers.map(({ status }) => status),
      [...statuses, 400],
    );
  }
  t.equal((await ask(path, '/v1/tokens')).status, 200);
});

t.test('the service beside reads, watches, signs and verifies through the socket', async (t) => {
  const path = join(await directory(t), 'agent.sock');
  await using vault = await vaultWithToken();
  await using agent = agentOn(vault, path);
  await agent.untilHealth(({ status }) => status === 'ok');
  t.equal((await lstat(path)).mode & 0o777, 0o660);

  const refused = await ask(path, '/v1/tokens/default', undefined, {});
  t.equal(refused.json.code, 'unauthenticated', 'without Keytender-Request');
  const read = await ask(path, '/v1/tokens/default');
  t.match(read.json, { name: 'default', value: strong('token-1'), version: 1, state: 'fresh' });
  t.equal((await ask(path, '/v1/tokens/other')).json.code, 'not_found');

  const revision = String(read.json.revision);
  const none = await ask(path, `/v1/tokens/default/watch?revision=${revision}&timeout=0.2`);
  t.equal(none.status, 204);
  const watching = ask(path, `/v1/tokens/default/watch?revision=${revision}&timeout=30`);
  putToken(vault, 'token-2');
  const seen = await watching;
  t.match(seen.json, { value: strong('token-2'), version: 2, superseded: [{ version: 1 }] });

  await secondPasses();
  const outgoing = { method: 'POST', url: 'https://api.example.com/pay?x=1', headers: {} };
  const body = Buffer.from('{"amount":1}');
  const signing = { ...outgoing, body: body.toString('base64') };
  const signed = await ask(path, '/v1/tokens/default/sign', signing);
  t.match(signed.json, { version: 2, headers: { 'content-digest': /^sha-256=:/ } });
  const sent = { ...outgoing, headers: signed.json.headers, body };
  const ring = new Keyring([{ name: 'default', key: strong('token-2') }]);
  const nowSeconds = Date.now() / 1000;
  t.match(verify(sent, ring, keytenderPolicy, { nowSeconds }), { ok: true });

  const received = { ...signing, headers: signed.json.headers, audience: 'api.example.com' };
  const verdicts = await Promise.all(
    [
      received,
      { ...received, audience: 'other.example.com' },
      { ...received, url: 'https://api.example.com/pay?x=2' },
      { ...received, body: Buffer.from('{}').toString('base64') },
    ].map((message) => ask(path, '/v1/tokens/default/verify', message)),
  );
  t.match(
    verdicts.map(({ json }) => json as object),
    [
      { verified: true, key: 'current', version: 2, caller: 'holder', keyid: 'default:2' },
      { verified: false, reason: 'wrong_audience' },
      { verified: false, reason: 'signature_mismatch' },
      { verified: false, reason: 'digest_mismatch' },
    ],
  );
  const again = await ask(path, '/v1/tokens/default/verify', received);
  t.same(again.json, { verified: false, reason: 'replay' });

  for (const [member, code] of [
    [{ tag: 'keytender-api' }, 'reserved_tag'],
    [{ url: `${await agent.url()}/v1/tokens` }, 'reserved_authority'],
    [{ nonce: 'n'.repeat(20) }, 'malformed_request'],
    [{ body: '?' }, 'malformed_request'],
  ] as const) {
    const answer = await ask(path, '/v1/tokens/default/sign', { ...outgoing, ...member });
    t.equal(answer.json.code, code);
  }
  const rotate = await ask(path, '/v1/auth/rotate-token', { new_token: strong('x') });
  t.equal(rotate.json.code, 'insufficient_scope');
});

t.test('nobody else may open it before mode and group are set', async (t) => {
  const home = await directory(t);
  const path = join(home, 'agent.sock');
  // what the program finds just before it opens the socket to others
  const script = join(home, 'preload.cjs');
  await writeFile(
    script,
    `const files = require('node:fs/promises');
    for (const name of ['chown', 'chmod']) {
      const call = files[name];
      files[name] = async (path, ...rest) => {
        console.error(name, ((await files.lstat(path)).mode & 0o777).toString(8), ...rest);
        return call(path, ...rest);
      };
    }
    process.umask(0);`,
  );
  await using agent = new AgentProcess({
    nodeArgs: ['--require', script],
    env: {
      AGENT_TOKEN: strong('static'),
      KEYTENDER_LISTEN_SOCKET: path,
      KEYTENDER_LISTEN_SOCKET_MODE: '0666',
      KEYTENDER_LISTEN_SOCKET_GROUP: String(process.getgid?.()),
    },
  });
  await agent.url();
  const group = process.getgid?.();
  // 438 is 0666
  t.match(agent.output, new RegExp(`^chown 600 -1 ${group}$`, 'm'));
  t.match(agent.output, /^chmod 600 438$/m);
  const { mode, gid } = await lstat(path);
  t.strictSame([mode & 0o777, gid], [0o666, group]);
});

t.test('waiters are answered when the agent stops, and its socket is gone', async (t) => {
  const path = join(await directory(t), 'agent.sock');
  await using vault = await vaultWithToken();
  await using agent = agentOn(vault, path);
  await agent.untilHealth(({ status }) => status === 'ok');
  const { json } = await ask(path, '/v1/tokens/default');
  const revision = String(json.revision);
  const watching = ask(path, `/v1/tokens/default/watch?revision=${revision}&timeout=60`);
  await agent.untilHealth(() => true);
  agent.kill('SIGTERM');
  t.equal((await watching).status, 204);
  t.same(await agent.ended, { code: 0, signal: null });
  await t.rejects(lstat(path));
});

t.test('a socket that nobody answers on is replaced, anything else is not', async (t) => {
  const folder = await directory(t);
  const path = join(folder, 'agent.sock');
  await using vault = await vaultWithToken();
  {
    await using killed = agentOn(vault, path);
    await killed.untilHealth(({ status }) => status === 'ok');
  }
  t.ok((await lstat(path)).isSocket(), 'left by one that was killed');
  {
    await using agent = agentOn(vault, path);
    await agent.untilHealth(({ status }) => status === 'ok');
    t.equal((await ask(path, '/v1/tokens')).status, 200);
    await using second = agentOn(vault, path);
    t.equal((await second.ended).code, 1);
    t.match(second.output, /another process already listens there/);
  }
  await rm(path);
  await writeFile(path, 'precious');
  await using third = agentOn(vault, path);
  t.equal((await third.ended).code, 1);
  t.match(third.output, /something else is there/);

  await rm(path);
  await chmod(folder, 0o777);
  await using fourth = agentOn(vault, path);
  t.equal((await fourth.ended).code, 1);
  t.match(fourth.output, /everybody may write its directory/);
});

t.test('static mode: rotate-token swaps the token and writes its file', async (t) => {
  const folder = await directory(t);
  const path = join(folder, 'agent.sock');
  const file = join(folder, 'token');
  await writeFile(file, strong('first'), { mode: 0o600 });
  const { AgentProcess } = await import('../fixtures/agent-process.js');
  await using agent = new AgentProcess({
    env: {
      AGENT_TOKEN_FILE: file,
      KEYTENDER_LISTEN_SOCKET: path,
      KEYTENDER_LISTEN_SOCKET_SCOPES: 'auth:rotate,token:read',
    },
  });
  await agent.url();
  // the shorter ones would be taken from Vault with a warning, from a caller they are not
  for (const weak of ['weak', 'w'.repeat(31), ` ${strong('padded')}`, `${strong('two')}\nlines`]) {
    const refused = await ask(path, '/v1/auth/rotate-token', { new_token: weak });
    t.match(refused, { status: 400, json: { code: 'weak_token' } }, weak);
  }
  const done = await ask(path, '/api/v1/auth/rotate-token', { new_token: strong('second') });
  t.same(done.json, { rotated: true, version: null });
  const { json } = await ask(path, '/v1/tokens/default');
  t.match(json, { value: strong('second'), superseded: [{ value: strong('first') }] });
  const { readFile } = await import('node:fs/promises');
  t.equal(await readFile(file, 'utf8'), strong('second'));
  t.equal((await lstat(file)).mode & 0o777, 0o600);
});

t.test('what only listens is not taken for ours', async (t) => {
  const path = join(await directory(t), 'agent.sock');
  const other = createServer().listen(path);
  t.teardown(() => other.close());
  await using vault = await vaultWithToken();
  await using agent = agentOn(vault, path);
  t.equal((await agent.ended).code, 1);
});
