// Two services, each with an agent of its own beside it, and one dev Vault with the token they share. Orders come in all
// the time; meanwhile the token is rotated. At the end: how many orders were served, and that none was refused.
//
//   node examples/two-services/run.mjs [SECONDS]
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { devVault } from 'keytender/dev-vault';

const seconds = Number(process.argv[2] ?? 10);
// in your project: npx keytender agent
const keytender = fileURLToPath(new URL('../../dist/keytender.cjs', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'kt-'));
const children = [];

function start(name, file, env) {
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const state = { name, child, output: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    state.output += text;
    if (name !== 'agent') process.stdout.write(text);
  });
  children.push(child);
  return state;
}

async function until(what, is) {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await is()) return;
    await pause(50);
  }
  throw new Error(`not in time: ${what}`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const vault = await devVault();
try {
  // as an operator: vault kv put -mount=secret keytender/default/token token="$(openssl rand -base64 32)"
  const rotate = () =>
    vault.kv.put('keytender/default/token', { token: randomBytes(32).toString('base64') });
  rotate();

  const sockets = ['orders', 'billing'].map((name) => join(folder, `${name}.sock`));
  for (const socket of sockets) {
    start('agent', keytender, {
      VAULT_ADDR: vault.address,
      VAULT_TOKEN: vault.rootToken,
      KEYTENDER_REFRESH_INTERVAL: '1s',
      KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
      KEYTENDER_LISTEN_SOCKET: socket,
    });
  }
  const [ordersPort, billingPort] = [await freePort(), await freePort()];
  const orders = `http://127.0.0.1:${ordersPort}`;
  const billing = `http://127.0.0.1:${billingPort}`;
  const services = [
    start('orders', join(here, 'orders.mjs'), {
      SOCKET: sockets[0],
      PORT: ordersPort,
      BILLING: billing,
    }),
    start('billing', join(here, 'billing.mjs'), {
      SOCKET: sockets[1],
      PORT: billingPort,
      ORDERS: orders,
    }),
  ];
  await until('both services listen', () =>
    services.every(({ output }) => output.includes('listening')),
  );

  const stranger = await fetch(`${billing}/charges`, { method: 'POST', body: '{"order":"1"}' });
  console.log(`a stranger without a signature: ${stranger.status}`);

  const counts = new Map();
  const endsAt = Date.now() + seconds * 1000;
  let rotations = 0;
  const rotating = (async () => {
    while (Date.now() < endsAt - 1000) {
      await pause(1000);
      rotate();
      rotations += 1;
    }
  })();
  for (let id = 1; Date.now() < endsAt; id += 1) {
    const { status } = await fetch(`${orders}/orders?id=${id}`, { method: 'POST' });
    counts.set(status, (counts.get(status) ?? 0) + 1);
    await pause(10);
  }
  await rotating;

  const served = counts.get(201) ?? 0;
  const refused = [...counts].filter(([status]) => status !== 201);
  console.log(
    `${served} orders served, ${rotations} rotations, refused: ${JSON.stringify(refused)}`,
  );
  process.exitCode = served > 0 && refused.length === 0 && stranger.status === 401 ? 0 : 1;
} finally {
  const ends = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(ends);
  await vault.close();
  await rm(folder, { recursive: true, force: true });
}
