// Connections to one Vault address: a small undici pool, kept alive between polls. Sends one request and gives back
// one whole answer, or an error with a code. No retry, no redirect, no proxy of the environment, no answer above the
// limit. RFC 9112.
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import { Connector, type TlsSettings } from './connector.js';
import { answerBytesMax, type VaultAnswer } from './vault-answer.js';

export interface HttpRequest {
  readonly method: string;
  /** With the query, as it goes on the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface HttpConnections {
  /** Rejects with the transport's error, or with `signal.reason` at once when aborted; the socket is then gone. */
  request(request: HttpRequest, signal: AbortSignal): Promise<VaultAnswer>;
  /** Takes no new request and closes when those under way ended. */
  retire(): Promise<void>;
  /** Closes every socket; requests under way fail. */
  close(): Promise<void>;
}

export interface HttpConnectionsOptions {
  readonly origin: string;
  readonly tls: TlsSettings;
  /** The deadline of the caller; the pool's own timeouts are the backstop behind it. Milliseconds. */
  readonly timeoutMs: number;
}

const CONNECTIONS_MAX = 8;
/** Below the 5 minutes after which Vault closes an idle connection, above a poll's interval. */
const IDLE_MS = 240_000;
const BACKSTOP_MS = 2_000;
const HEADER_BYTES_MAX = 16_384;

export function openConnections(options: HttpConnectionsOptions): HttpConnections {
  const backstopMs = options.timeoutMs + BACKSTOP_MS;
  const connector = new Connector(options.tls, backstopMs);
  const pool = new Pool(options.origin, {
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    headersTimeout: backstopMs,
    bodyTimeout: backstopMs,
    maxHeaderSize: HEADER_BYTES_MAX,
    maxResponseSize: answerBytesMax,
    connect: connector.connect,
  });
  return {
    request: (request, signal) => send(pool, connector, request, signal),
    retire: () => pool.close(),
    close: async () => {
      connector.drop();
      await pool.destroy();
    },
  };
}

function send(
  pool: Dispatcher,
  connector: Connector,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<VaultAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | null = null;
    let head: Pick<VaultAnswer, 'status' | 'headers'> | null = null;
    const started = connector.waiter();
    const settle = (): void => {
      started();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    const onAbort = (): void => {
      fail(signal.reason as Error);
      controller?.abort(new Error('aborted'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const { method, path, headers, body } = request;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(requestController) {
        controller = requestController;
        started();
        if (signal.aborted) requestController.abort(new Error('aborted'));
      },
      onResponseStart(_controller, status, answerHeaders) {
        if (status < 200) return;
        head = {
          status,
          headers: {
            date: single(answerHeaders['date']),
            retryAfter: single(answerHeaders['retry-after']),
            location: single(answerHeaders['location']),
          },
        };
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        settle();
        if (head === null) reject(new Error('an answer without a head'));
        else resolve({ ...head, bodyText: textOf(chunks) });
      },
      onResponseError(_controller, error) {
        fail(connector.causeOf(error));
      },
    };
    pool.dispatch({ method: method, path, headers, body }, handler);
  });
}

/** The text, and the bytes wiped: what is not copied is not found. */
function textOf(chunks: readonly Buffer[]): string {
  const whole = Buffer.concat(chunks);
  const text = whole.toString('utf8');
  for (const bytes of [whole, ...chunks]) bytes.fill(0);
  return text;
}

function single(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
