// What several faults have in common: answers in Vault's place, and versions that are no good.
import type { Behaviour, Exchange } from './fault-proxy.js';
import type { Inject } from './fault.js';
import { SECRET, type Scene } from './scene.js';

export function isSecret({ request }: Exchange): boolean {
  return /\/data\//.test(request.url ?? '');
}

/** Everything that is asked. */
export function behaves(behaviour: Behaviour): Inject {
  return ({ proxy }) => {
    proxy.behaviour = behaviour;
    return () => {
      proxy.behaviour = null;
      proxy.dropAll();
    };
  };
}

/** Only reads of the secret suffer. */
export function answers(
  status: number,
  body: unknown = { errors: [] },
  headers: Readonly<Record<string, string>> = {},
): Inject {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return behaves(async (exchange) => {
    if (isSecret(exchange)) exchange.response.writeHead(status, headers).end(text);
    else await exchange.pass();
  });
}

/** A newest version that is none, until a good one is written. */
export function writes(data: Readonly<Record<string, unknown>>): Inject {
  return async (scene) => {
    const { vault } = scene;
    await vault.api('POST', `${vault.mount}/data/${SECRET}`, { data });
    return async () => {
      await scene.put('good-again');
    };
  };
}

/** Everything is answered with a `Date` that is wrong by so much. */
export function datedBy(offsetMs: number): Behaviour {
  return async ({ response, ask }) => {
    const { status, headers, text } = await ask();
    const date = new Date(Date.now() + offsetMs).toUTCString();
    response.writeHead(status, { ...headers, date }).end(text);
  };
}

/** From the newest version as it was `behindMs` ago, as a standby does. */
export function behindBy(behindMs: number): Behaviour {
  return async ({ request, response, ask, pass }) => {
    const url = request.url ?? '';
    if (!/\/data\//.test(url)) {
      await pass();
      return;
    }
    let answer = await ask();
    const [path = ''] = url.split('?');
    for (;;) {
      const { version, created_time: createdTime } = metadataOf(answer.text);
      const isSeen = Date.now() - Date.parse(createdTime) >= behindMs;
      if (answer.status !== 200 || version === 1 || isSeen) break;
      if (url !== path) {
        response.writeHead(404).end('{"errors":[]}');
        return;
      }
      answer = await ask(`${path}?version=${version - 1}`);
    }
    const { status, headers, text } = answer;
    response.writeHead(status, headers).end(text);
  };
}

interface Metadata {
  readonly version: number;
  readonly created_time: string;
}

function metadataOf(text: string): Metadata {
  const body = JSON.parse(text) as { data?: { metadata?: Metadata } };
  return body.data?.metadata ?? { version: 1, created_time: '' };
}

/** A standby in order: nothing but its `sys/health` tells it from the active node. */
export const standsBy: Behaviour = async ({ request, response, pass }) => {
  if (isHealth(request.url)) response.writeHead(429).end('{}');
  else await pass();
};

function isHealth(url = ''): boolean {
  return url.startsWith('/v1/sys/health');
}

/**
 * A standby that is cut off from its active node: it answers reads from what it knew then, for ever, and can make no
 * login. https://developer.hashicorp.com/vault/docs/concepts/ha
 */
export const cutOff: Inject = async (scene) => {
  const { vault, proxy, newest } = scene;
  const before = proxy.behaviour;
  const path = `/v1/${vault.mount}/data/${SECRET}`;
  const then = JSON.stringify(await vault.api('GET', path.slice(4)));
  const known = await newest();
  const noActive = { errors: ['local node not active but active cluster node not found'] };
  proxy.behaviour = async ({ request, response, pass }) => {
    const { url = '', method } = request;
    const version = Number(new URL(url, 'http://x').searchParams.get('version') ?? 0);
    if (url === path) response.end(then);
    else if (url.startsWith(path) && version > known) response.writeHead(404).end('{"errors":[]}');
    else if (isHealth(url)) response.writeHead(429).end('{}');
    else if (method === 'GET') await pass();
    else response.writeHead(500).end(JSON.stringify(noActive));
  };
  await scene.put('unknown-to-it');
  return () => {
    proxy.behaviour = before;
  };
};

/** Until the agent shows so. */
export async function untilHeld({ watch }: Pick<Scene, 'watch'>, version: number): Promise<void> {
  const { isThere } = await watch.until(
    ({ tokens }) => tokens['default']?.version === version,
    15_000,
  );
  if (!isThere) throw new Error(`version ${version} never came`);
}
