// What the dev Vault's two claims are measured with: it starts in under 50 ms, and it answers KV reads at least half as
// fast as a bare `node:http` server gives an answer of the same size. Run:
// `npm run bench -- dev-vault`. Prints one line of JSON.
import { Agent, createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { devVault } from '../src/dev-vault/index.js';

interface DevVaultBench {
  /** Median of several starts in a warm process. */
  readonly startMs: number;
  readonly readsPerSecond: number;
  readonly barePerSecond: number;
  readonly ratio: number;
}

const CONNECTIONS = 16;
const STARTS = 9;

/** `reads`: how many requests each server answers, after a tenth of that as a warm-up. */
async function benchDevVault(reads: number): Promise<DevVaultBench> {
  const startMs = await medianStart();
  await using vault = await devVault();
  vault.kv.put('keytender/default/token', { token: 'x'.repeat(44) });
  const path = '/v1/secret/data/keytender/default/token';
  const headers = { 'x-vault-token': vault.rootToken };
  const vaultPort = Number(new URL(vault.address).port);
  const sample = await one(vaultPort, path, headers, new Agent());
  const bare = await bareServer(sample);
  try {
    const barePort = (bare.address() as AddressInfo).port;
    // Alternating halves, so that a change of the machine's load hits both alike.
    const rates = { vault: 0, bare: 0 };
    for (let round = 0; round < 2; round += 1) {
      rates.bare += (await rate(barePort, path, headers, reads / 2)) / 2;
      rates.vault += (await rate(vaultPort, path, headers, reads / 2)) / 2;
    }
    return {
      startMs,
      readsPerSecond: Math.round(rates.vault),
      barePerSecond: Math.round(rates.bare),
      ratio: rates.vault / rates.bare,
    };
  } finally {
    bare.close();
    bare.closeAllConnections();
  }
}

async function medianStart(): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < STARTS; index += 1) {
    const before = performance.now();
    const vault = await devVault();
    times.push(performance.now() - before);
    await vault.close();
  }
  return times.sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? 0;
}

function bareServer(body: string): Promise<Server> {
  const server = createServer((_, response) => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    });
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}

type Headers = Readonly<Record<string, string>>;

function one(port: number, path: string, headers: Headers, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve(text);
      });
    })
      .on('error', reject)
      .end();
  });
}

/**
 * Answers a second over some kept-alive connections. The client writes the same bytes again and again and only counts
 * what comes back (every answer is as long as the first), so that it takes as little as possible of the one process.
 */
async function rate(port: number, path: string, headers: Headers, count: number): Promise<number> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const asked = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}\r\n`);
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(port)));
  await Promise.all(sockets.map((socket) => ask(socket, asked, count / CONNECTIONS / 10)));
  const before = performance.now();
  await Promise.all(sockets.map((socket) => ask(socket, asked, count / CONNECTIONS)));
  const seconds = (performance.now() - before) / 1000;
  for (const socket of sockets) socket.destroy();
  return count / seconds;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

function ask(socket: Socket, asked: Buffer, times: number): Promise<void> {
  return new Promise((resolve) => {
    let left = Math.ceil(times);
    let answerBytes = 0;
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      if (answerBytes === 0) answerBytes = lengthOf(chunk);
      bytes += chunk.length;
      if (bytes < answerBytes) return;
      bytes = 0;
      left -= 1;
      if (left > 0) {
        socket.write(asked);
        return;
      }
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData);
    socket.write(asked);
  });
}

/** Of a whole answer, by its head, which comes in one piece. */
function lengthOf(chunk: Buffer): number {
  const text = chunk.toString('latin1');
  const head = text.indexOf('\r\n\r\n') + 4;
  return head + Number(/content-length: ([0-9]+)/i.exec(text)?.[1] ?? 0);
}

const reads = Number(process.argv[2] ?? 20_000);
process.stdout.write(`${JSON.stringify(await benchDevVault(reads))}\n`);
