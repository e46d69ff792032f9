// Stands before a dev Vault and writes down what operators ask of it, bodies included.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface Recorder extends AsyncDisposable {
  readonly address: string;
  /** What came since this was last called. */
  take(): Recorded[];
}

export async function record(upstream: string): Promise<Recorder> {
  let seen: Recorded[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const { method = '', url = '' } = request;
      const answer = await fetch(upstream + url, {
        method,
        headers: { 'X-Vault-Token': String(request.headers['x-vault-token']) },
        ...(text === '' ? {} : { body: text }),
      });
      // a read changes nothing: agents and commands may make them as they like
      if (method !== 'GET')
        seen.push({ method, path: url, body: text === '' ? null : JSON.parse(text) });
      const body = await answer.text();
      const date = answer.headers.get('date') ?? '';
      response.writeHead(answer.status, { date }).end(body);
    })().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As Vault reads it: which words ask for the same. */
export function meaning({ method, path, body }: Recorded): unknown {
  return { method: method === 'POST' ? 'PUT' : method, path, body: meaningOf(body) };
}

function meaningOf(body: unknown): unknown {
  if (body === null || typeof body !== 'object') return body;
  const { data, options, policy, type, ...rest } = body as Record<string, unknown>;
  return {
    ...rest,
    ...(data === undefined ? {} : { data: masked(data as Record<string, unknown>) }),
    // without any it is as if it were not there
    ...(options === undefined || Object.keys(options as object).length === 0 ? {} : { options }),
    ...(typeof policy === 'string' ? { policy: withoutComments(policy) } : {}),
    ...(type === undefined || type === 'service' ? {} : { type }),
  };
}

/** Each run makes tokens and keys of its own. */
function masked(data: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(data).replaceAll(/[A-Za-z0-9+/]{43}=/g, '<44 characters>');
  const made = JSON.parse(text) as Record<string, unknown>;
  const { token } = data;
  return typeof token === 'string' ? { ...made, token: `<${token.length} characters>` } : made;
}

function withoutComments(policy: string): string {
  return policy.replaceAll(/^#.*$/gm, '').replaceAll(/\s+/g, ' ').trim();
}
