// Never a storm, counted at the server: in the 20 s after the login was revoked, and in 30 s of a Vault that accepts
// connections and resets them. A poll every 5 s of two secrets, the token and the named clients. Others make hundreds.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import type { DevVault } from '../../src/dev-vault/index.js';
import { pause, type AgentProcess } from '../fixtures/agent-process.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';

t.jobs = 2;

const INTERVAL_S = 5;
const SECRETS = 2;
/** Backoffs are drawn between nothing and their limit, so that one agent's number varies: four are counted together. */
const AGENTS = 4;

/** What they may ask in `seconds`: the polls that would have been made anyway, and nine more each. */
function handful(seconds: number): number {
  return AGENTS * (SECRETS * Math.ceil(seconds / INTERVAL_S) + 9);
}

async function agentsOf(vault: DevVault, envOf: () => NodeJS.ProcessEnv) {
  const KEYTENDER_REFRESH_INTERVAL = `${INTERVAL_S}s`;
  const agents: AgentProcess[] = [];
  // one after the other: what is measured begins when all are there
  while (agents.length < AGENTS) {
    const agent = agentOf(vault, { env: { KEYTENDER_REFRESH_INTERVAL, ...envOf() } });
    agents.push(agent);
    await agent.untilHealth(({ status }) => status === 'ok', 60_000);
  }
  return {
    agents,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
    },
  };
}

/** Each kept its token, and says that it cannot be refreshed. */
async function areDegraded(t: Test, agents: readonly AgentProcess[]): Promise<void> {
  for (const agent of agents) {
    t.match(await agent.health(), { status: 'degraded', tokens: { default: { usable: true } } });
  }
}

/** Passes bytes on to `port`, or counts and resets: a dead Vault whose every connection is seen. */
async function wire(port: number) {
  const sockets = new Set<Socket>();
  const resetAt: number[] = [];
  let isDead = false;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isDead) {
      resetAt.push(performance.now());
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const die = (): void => {
    isDead = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    resetAt,
    die,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      die();
      server.close();
      await once(server, 'close');
    },
  };
}

t.test('in the 20 s after the login was revoked', async (t) => {
  await using vault = await vaultWithToken();
  vault.policy('reader', 'path "secret/data/keytender/default/*" { capabilities = ["read"] }');
  const logins: string[] = [];
  const login = (): string => {
    const { token } = vault.token({ policies: ['reader'], ttlSeconds: 3_600 });
    logins.push(token);
    return token;
  };
  await using running = await agentsOf(vault, () => ({ VAULT_TOKEN: login() }));
  for (const token of logins) vault.revoke(token);
  vault.clearRequests();
  const startedMs = Date.now();
  await pause(20_000);
  const made = vault.requests.map(({ at, path }) => `${seconds(at - startedMs)} ${path}`);
  t.comment(`${made.length} requests: ${made.join(', ')}`);
  t.ok(made.length >= AGENTS && made.length <= handful(20), `${made.length} requests`);
  const looks = made.filter((one) => one.includes('lookup-self'));
  t.ok(looks.length <= AGENTS, 'a dead login is looked at once');
  await areDegraded(t, running.agents);
});

t.test('in 30 s of a dead Vault', async (t) => {
  await using vault = await vaultWithToken();
  await using line = await wire(Number(new URL(vault.address).port));
  await using running = await agentsOf(vault, () => ({ VAULT_ADDR: line.address }));
  line.die();
  const startedMs = performance.now();
  await pause(30_000);
  const made = line.resetAt.map((at) => seconds(at - startedMs));
  t.comment(`${made.length} connections: ${made.join(', ')}`);
  t.ok(made.length >= AGENTS && made.length <= handful(30), `${made.length} connections`);
  await areDegraded(t, running.agents);
});

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
