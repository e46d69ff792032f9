// Connections to one Vault address: a small undici pool, kept alive between polls. Sends one request and gives back
// one whole answer, or an error with a code. No retry, no redirect, no proxy of the environment, no answer above the
// limit. RFC 9112.
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import { saveWasmMemory } from '../platform/engine.js';
import { Connector, type TlsSettings } from './connector.js';
import type { NameLookup } from './name-watch.js';
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
  /** The addresses of the other ends of the connections; empty behind a proxy. */
  connectedTo(): ReadonlySet<string>;
  /** Takes no new request and closes when those under way ended. */
  retire(): Promise<void>;
  /** Closes every socket; requests under way fail. */
  close(): Promise<void>;
}

export interface HttpConnectionsOptions {
  readonly origin: string;
  readonly tls: TlsSettings;
  /** An HTTP proxy on the way, or null. */
  readonly proxy: string | null;
  /** The deadline of the caller; the pool's own timeouts are the backstop behind it. Milliseconds. */
  readonly timeoutMs: number;
  /** Default: the system's. */
  readonly lookup?: NameLookup | undefined;
}

const CONNECTIONS_MAX = 8;
/** Below the 5 minutes after which Vault closes an idle connection, above a poll's interval. */
const IDLE_MS = 240_000;
const BACKSTOP_MS = 2_000;
const HEADER_BYTES_MAX = 16_384;

export function openConnections(options: HttpConnectionsOptions): HttpConnections {
  // undici compiles its parser with the first connection
  saveWasmMemory();
  const backstopMs = options.timeoutMs + BACKSTOP_MS;
  const connector = new Connector(options.tls, backstopMs, options.proxy, options.lookup);
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
    connectedTo: () => connector.connectedTo(),
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
    const receiver = new AnswerReceiver(connector, signal, resolve, reject);
    const { method, path, headers, body } = request;
    pool.dispatch({ method: method, path, headers, body }, receiver);
  });
}

/** Gathers one answer; gives up at once when the signal says so. */
class AnswerReceiver implements Dispatcher.DispatchHandler {
  readonly #connector: Connector;
  readonly #signal: AbortSignal;
  readonly #resolve: (answer: VaultAnswer) => void;
  readonly #reject: (error: Error) => void;
  /** Counts out a request that waited for a connection. */
  readonly #started: () => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #head: Pick<VaultAnswer, 'status' | 'headers'> | null = null;

  constructor(
    connector: Connector,
    signal: AbortSignal,
    resolve: (answer: VaultAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#connector = connector;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#started = connector.waiter();
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#started();
    if (this.#signal.aborted) controller.abort(new Error('aborted'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    const date = single(headers['date']);
    const retryAfter = single(headers['retry-after']);
    this.#head = { status, headers: { date, retryAfter, location: single(headers['location']) } };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#settle();
    const bodyText = textOf(this.#chunks);
    if (this.#head === null) this.#reject(new Error('an answer without a head'));
    else this.#resolve({ ...this.#head, bodyText });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle();
    this.#reject(this.#connector.causeOf(error));
  }

  readonly #onAbort = (): void => {
    this.#settle();
    this.#reject(this.#signal.reason as Error);
    this.#controller?.abort(new Error('aborted'));
  };

  #settle(): void {
    this.#started();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

/** The text; the bytes are wiped, so that the secret is in one place less. */
function textOf(chunks: readonly Buffer[]): string {
  const whole = Buffer.concat(chunks);
  const text = whole.toString('utf8');
  for (const bytes of [whole, ...chunks]) bytes.fill(0);
  return text;
}

function single(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}
