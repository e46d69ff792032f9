// One HTTP exchange exactly as written: no client that cleans paths, follows redirects or adds headers.
import { request, type IncomingHttpHeaders } from 'node:http';

/** Whatever JSON said: tests look into it freely. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Loose = any;

export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly method: string;
  /** The raw request target. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
}

/** Rejects when the connection ends before the answer does. */
export function exchange(address: string, asked: Asked): Promise<Exchange> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: hostname.replace(/^\[|\]$/g, ''),
        port,
        method: asked.method,
        path: asked.target,
        headers: {
          ...asked.headers,
          ...(asked.body === undefined
            ? {}
            : { 'content-length': String(Buffer.byteLength(asked.body)) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(asked.body);
  });
}

/** A Vault API call; `path` is what follows `/v1/`. */
export async function vaultCall(
  address: string,
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Exchange & { readonly json: Loose }> {
  const answer = await exchange(address, {
    method,
    target: `/v1/${path}`,
    headers: { ...(token === null ? {} : { 'x-vault-token': token }), ...headers },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { ...answer, json: parse(answer.text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
