// The library against the built agent: by socket, as a holder, as a client with a key of its own. Two services call each
// other by it while the token is rotated over and over, and nobody is refused.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { main } from '../../src/cli/main.js';
import { connect, type RefusalReason, type Service } from '../../src/client/index.js';
import type { DevVault } from '../../src/dev-vault/index.js';
import { testIo } from '../cli/test-io.js';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { secondPasses } from '../fixtures/signed-request.js';

async function directory(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

function agentOn(
  vault: DevVault,
  socket: string,
  env: Readonly<Record<string, string>> = {},
): AgentProcess {
  return agentOf(vault, { env: { KEYTENDER_LISTEN_SOCKET: socket, ...env } });
}

interface Callee {
  readonly origin: string;
  readonly authority: string;
  readonly reasons: RefusalReason[];
  /** Set before the first request. */
  service: Service | undefined;
}

/** A service that answers what is signed for it with 200. */
async function callee(t: Test): Promise<Callee> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', rawHeaders: headers } = request;
      const message = { method, url, headers, scheme: 'http', body: Buffer.concat(parts) };
      it.service!.verify(message).then(
        (verdict) => {
          if (!verdict.ok) it.reasons.push(verdict.reason);
          response.writeHead(verdict.ok ? 200 : 401).end();
        },
        () => response.writeHead(503, { 'retry-after': '1' }).end(),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const it: Callee = { origin: `http://${authority}`, authority, reasons: [], service: undefined };
  return it;
}

t.test('two services, two agents, rotations over and over: nobody is refused', async (t) => {
  const home = await directory(t);
  await using vault = await vaultWithToken();
  // nobody polls in time: each rotation is found because somebody signs with it, or was refused
  const env = {
    KEYTENDER_REFRESH_INTERVAL: '1h',
    KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '6000',
    RATE_LIMIT_PER_MIN: '1000000',
    KEYTENDER_VAULT_REQUESTS_PER_MINUTE: '60000',
  };
  const sockets = ['a', 'b'].map((name) => join(home, `${name}.sock`));
  await using first = agentOn(vault, sockets[0]!, env);
  await using second = agentOn(vault, sockets[1]!, env);
  for (const agent of [first, second]) await agent.untilHealth(({ status }) => status === 'ok');
  await using caller = connect({ socket: sockets[0]! });
  await using called = connect({ socket: sockets[1]! });
  const other = await callee(t);
  other.service = called.service({ audience: other.authority });
  const service = caller.service({ origins: [other.origin] });
  await secondPasses();

  const statuses = new Map<number, number>();
  let isOver = false;
  const calling = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const { status } = await service.fetch(other.origin, { method: 'POST', body: 'x' });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  for (let version = 2; version <= 41; version += 1) {
    // every tenth takes the old one away at once; the others leave it a moment
    const isHard = version % 10 === 0;
    putToken(vault, `token-${version}`, { grace_seconds: isHard ? 0 : 5 });
    // now the caller's agent learns of it first, now the callee's
    await (version % 2 === 0 ? caller : called).refresh();
    await pause(50);
  }
  isOver = true;
  await Promise.all(calling);
  t.same([...statuses.keys()], [200], JSON.stringify([...statuses]));
  t.ok((statuses.get(200) ?? 0) > 40);
  const { version } = await called.token();
  t.ok((version ?? 0) >= 40, 'a refresh may share a read that had begun');
});

t.test(
  'a library that starts with a superseded token is served, and heals when that ends',
  async (t) => {
    const home = await directory(t);
    const socket = join(home, 'a.sock');
    const tokenFile = join(home, 'token');
    await using vault = await vaultWithToken();
    await using agent = agentOn(vault, socket);
    await agent.untilHealth(({ status }) => status === 'ok');
    putToken(vault, 'token-2');
    await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
    await writeFile(tokenFile, strong('token-1'));
    await secondPasses();
    await using holder = connect({ url: await agent.url(), tokenFile, name: 'default' });
    await using beside = connect({ socket });
    const other = await callee(t);
    other.service = beside.service({ audience: other.authority });
    const service = holder.service({ origins: [other.origin], audience: 'a.example' });
    await other.service.verify({ method: 'GET', url: '/' });
    await pause(1000);
    t.equal((await service.fetch(other.origin)).status, 200, 'within its grace');
    t.match(await holder.refresh(), { changed: false, version: 2 });
    t.equal((await holder.fetch('/v1/tokens/default')).status, 403, 'a holder may not read');

    const signed = await service.sign({ method: 'GET', url: 'http://a.example/x' });
    const message = { method: 'GET', url: 'http://a.example/x', headers: signed.headers };
    t.match(
      await service.verify(message),
      { ok: true, version: 1, key: 'superseded' },
      'by the agent',
    );
    t.match(await service.verify(message), { ok: false, reason: 'replay' });

    putToken(vault, 'token-3', { grace_seconds: 0 });
    await agent.untilHealth(({ tokens }) => tokens['default']?.version === 3);
    while ((await beside.token()).version !== 3) await pause(20);
    // the process that swapped keeps the one before for 30 s at most; token-1 ended
    t.equal((await service.fetch(other.origin)).status, 401, 'nobody delivered the new one');
    await writeFile(tokenFile, strong('token-3'));
    t.equal((await service.fetch(other.origin)).status, 200, 'the file is read at each use');
  },
);

t.test(
  'watch meets the agent again after a restart; a stopped agent costs no request',
  async (t) => {
    const home = await directory(t);
    const socket = join(home, 'a.sock');
    await using vault = await vaultWithToken();
    await using library = connect({ socket });
    const over = new AbortController();
    const versions: number[] = [];
    const watching = (async () => {
      for await (const { version } of library.watch('default', { signal: over.signal })) {
        // null: it has just started
        if (version !== null && version !== versions.at(-1)) versions.push(version);
      }
    })();
    const service = library.service({ audience: 'a.example' });
    const request = { method: 'GET', url: 'http://a.example/' };
    {
      await using agent = agentOn(vault, socket);
      await library.ready({ signal: AbortSignal.timeout(15_000) });
      t.equal((await service.sign(request)).version, 1);
      while (versions.length < 1) await pause(20);
      agent.kill('SIGTERM');
      await agent.ended;
    }
    // what is signed in the second in which the service began is not taken: it could be of one before it
    await secondPasses();
    const { headers } = await service.sign(request);
    const verdict = await service.verify({ ...request, headers });
    t.match(verdict, { ok: true, version: 1 }, JSON.stringify(verdict));
    putToken(vault, 'token-2');
    await using again = agentOn(vault, socket);
    await again.untilHealth(({ status }) => status === 'ok');
    while (versions.length < 2) await pause(20);
    over.abort();
    await watching;
    t.same(versions, [1, 2]);
  },
);

t.test(
  'a client with a key of its own reads, signs and verifies as its scopes allow',
  async (t) => {
    const home = await directory(t);
    const keyFile = join(home, 'key');
    const key = 'client-key-0123456789abcdef0123456789';
    await using vault = await vaultWithToken();
    const scopes = ['token:read', 'token:watch', 'token:refresh', 'token:verify', 'token:list'];
    vault.kv.put('keytender/default/clients', {
      shop: { key, scopes, tokens: ['default'] },
      signer: { key: `${key}-2`, scopes: ['token:sign', 'token:verify'], tokens: ['default'] },
    });
    await using agent = agentOf(vault);
    await agent.untilHealth(({ status }) => status === 'ok');
    await writeFile(keyFile, `${key}\n`);
    const url = await agent.url();
    await using shop = connect({ url, client: 'shop', keyFile });
    // in the second of the agent's start too: the library tries again in the next
    const token = await eventually(() => shop.token());
    t.equal(token.value, strong('token-1'));
    const request = { method: 'PUT', url: 'http://a.example/x?y', body: 'z' };
    const reader = shop.service({ audience: 'a.example' });

    const signerFile = join(home, 'signer');
    await writeFile(signerFile, `${key}-2`);
    await using signer = connect({ url, client: 'signer', keyFile: signerFile });
    await t.rejects(signer.token(), { code: 'insufficient_scope', status: 403 });
    const remote = signer.service({ audience: 'a.example' });
    await pause(1000);
    const { headers, revision } = await remote.sign(request);
    t.equal(revision, undefined, 'the agent signed');
    const message = { ...request, headers };
    t.match(await remote.verify(message), {
      ok: true,
      key: 'current',
      version: 1,
      keyid: 'default:1',
    });
    t.match(await remote.verify(message), { ok: false, reason: 'replay' });
    t.match(await reader.verify(message), { ok: true }, 'each with a guard of its own');
    t.match(await reader.verify(message), { ok: false, reason: 'replay' });

    const io = testIo();
    const argv = [
      'request',
      'GET',
      '/v1/tokens',
      '--url',
      url,
      '--client',
      'shop',
      '--key-file',
      keyFile,
    ];
    t.equal(await main(argv, io), 0, io.err());
    t.match(JSON.parse(io.out()), { tokens: [{ name: 'default', version: 1 }] });
  },
);

async function eventually<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await step();
    } catch (error) {
      if (tries === 20) throw error;
      await pause(200);
    }
  }
}
