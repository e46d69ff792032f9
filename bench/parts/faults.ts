// What one agent asks of a Vault that fails, a minute: the shipped program in front of a relay to the dev Vault that turns
// faulty once the agent is ready. Every fault at the same time, each with an agent and a relay of its own.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Figure, Rounds } from './figure.js';
import { pause } from './program.js';
import { type Scene, untilReady } from './scene.js';

const MINUTE_MS = 60_000;

type Fault = (asked: IncomingMessage, response: ServerResponse) => void;

const answers =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Fault =>
  (_asked, response) => {
    response.writeHead(status, headers).end(body);
  };
const errors = (...said: readonly string[]): string => JSON.stringify({ errors: said });

/** By name; null: it goes on as before. */
const faults: Readonly<Record<string, Fault | null>> = {
  none: null,
  'connections reset': (asked) => {
    asked.socket.destroy();
  },
  'no answer': () => undefined,
  'half an answer': (_asked, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"data":');
  },
  'not JSON': answers(200, '<html>'),
  'status 503, sealed': answers(503, errors('Vault is sealed')),
  'status 500': answers(500, errors('1 error occurred')),
  'status 502': answers(502, '<html>'),
  'status 429': answers(429, errors('request path: rate limit quota exceeded')),
  'status 429, to be retried after 30 s': answers(429, errors(), { 'retry-after': '30' }),
  'status 403': answers(403, errors('permission denied')),
  'status 404': answers(404, errors()),
  'status 400': answers(400, errors('bad request')),
  'status 307, elsewhere': answers(307, '', { location: 'http://192.0.2.1:8200/v1/' }),
};

/** `minutes` of each. */
export async function measureFaults(scene: Scene, minutes: number): Promise<Figure[]> {
  const names = Object.keys(faults);
  const texts = Object.fromEntries(
    names.map((name, at) => [`faults.${at}`, [`requests to Vault: ${name}`, 'a minute'] as const]),
  );
  const rounds = new Rounds(texts);
  const counts = await Promise.all(
    Object.values(faults).map((fault) => requestsOf(scene, fault, minutes)),
  );
  counts.forEach((perMinute, at) => {
    for (const count of perMinute) rounds.add(`faults.${at}`, 'keytender', count);
  });
  return rounds.figures();
}

/** Requests in each minute from the fault on. */
async function requestsOf(
  scene: Scene,
  fault: Fault | null,
  minutes: number,
): Promise<readonly number[]> {
  let active: Fault | null = null;
  const atMs: number[] = [];
  const relay = createServer((asked, response) => {
    atMs.push(performance.now());
    (active ?? passOn(scene.vaultUrl))(asked, response);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as AddressInfo;
  await using agent = await scene.keytender({ VAULT_ADDR: `http://127.0.0.1:${port}` });
  await untilReady(agent);
  active = fault;
  const startedMs = performance.now();
  await pause(minutes * MINUTE_MS);
  relay.closeAllConnections();
  relay.close();
  return Array.from({ length: minutes }, (_, minute) => {
    const fromMs = startedMs + minute * MINUTE_MS;
    return atMs.filter((at) => at >= fromMs && at < fromMs + MINUTE_MS).length;
  });
}

function passOn(vaultUrl: string): Fault {
  return (asked, response) => {
    const { method, headers } = asked;
    const onward = request(`${vaultUrl}${asked.url ?? '/'}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    asked.pipe(onward);
  };
}
