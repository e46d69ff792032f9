// `GET /health` of a running agent, over TCP, TLS or a Unix socket. One request, bounded in time and size; what goes
// wrong is a sentence with a fix.
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../../platform/clock.js';
import type { ProbeTarget } from '../healthcheck/target.js';

export type HealthSource = ProbeTarget | { readonly socket: string };

/** The answer's JSON as it came, or why there is none. */
export type Fetched =
  { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly problem: string };

const timeoutMs = 5000;
const bodyBytesMax = 1024 * 1024;

/** Never rejects. */
export async function fetchHealth(source: HealthSource, clock: Clock): Promise<Fetched> {
  const deadline = new AbortController();
  const answered = new AbortController();
  void clock.sleep(timeoutMs, answered.signal).then(
    () => {
      deadline.abort();
    },
    () => undefined,
  );
  let fetched: Fetched = { ok: false, problem: 'no address' };
  for (const options of requestsOf(source)) {
    fetched = await fetchOnce(options, 'tls' in source && source.tls, deadline.signal);
    if (fetched.ok || deadline.signal.aborted) break;
  }
  answered.abort();
  return deadline.signal.aborted ? { ok: false, problem: 'no answer within 5 s' } : fetched;
}

/** For a person: where it was asked. */
export function nameOf(source: HealthSource): string {
  if ('socket' in source) return source.socket;
  return `${source.tls ? 'https' : 'http'}://${source.authority}`;
}

function requestsOf(source: HealthSource): RequestOptions[] {
  const shared = { headers: { accept: 'application/json' }, agent: false };
  if ('socket' in source) return [{ ...shared, socketPath: source.socket, path: '/health' }];
  const { port, authority, path } = source;
  return source.hosts.map((host) => ({
    ...shared,
    host,
    port,
    path: path ?? '/health',
    headers: { ...shared.headers, host: authority },
  }));
}

function fetchOnce(options: RequestOptions, tls: boolean, signal: AbortSignal): Promise<Fetched> {
  return new Promise((resolve) => {
    const send = tls ? requestHttps : requestHttp;
    const request = send({ ...options, signal }, (response) => {
      readBody(response).then(
        (body) => {
          resolve(understand(response.statusCode ?? 0, body));
        },
        (error: unknown) => {
          resolve({ ok: false, problem: sentenceFor(error) });
        },
      );
    });
    request.on('error', (error) => {
      resolve({ ok: false, problem: sentenceFor(error) });
    });
    request.end();
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyBytesMax)
      throw Object.assign(new Error('the answer is too long'), { code: 'TOO_LONG' });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function understand(status: number, body: string): Fetched {
  if (status === 421) {
    return {
      ok: false,
      problem: 'it does not answer to this name (421): use a name of listen.authorities in --url',
    };
  }
  if (status !== 200 && status !== 503) {
    return { ok: false, problem: `it answers ${status} to /health: is this a keytender agent?` };
  }
  try {
    return { ok: true, body: JSON.parse(body) as unknown };
  } catch {
    return { ok: false, problem: 'its answer is not JSON: is this a keytender agent?' };
  }
}

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: is the agent running, and is --url right?',
  ENOENT: 'there is no such socket: is the agent running, and is --socket right?',
  EACCES: 'this user may not open it: check listen.socket_mode and listen.socket_group',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ECONNRESET: 'the connection was reset: an HTTP request to a TLS port, or the reverse?',
  TOO_LONG: 'its answer is too long: is this a keytender agent?',
  EPROTO: 'no TLS is spoken there: try http://',
};

function sentenceFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    return `its certificate is not trusted (${code}): name your CA in NODE_EXTRA_CA_CERTS`;
  }
  if (code.startsWith('HPE_')) return 'what answers does not speak HTTP';
  return sentences[code] ?? `the request failed${code === '' ? '' : ` (${code})`}`;
}
