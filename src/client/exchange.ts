// One HTTP exchange with an agent over `node:http`, which unlike `fetch` takes a Unix socket and sends a target as it
// is. Connections are kept between exchanges; answers have a limit. Follows no redirect and retries nothing.
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Endpoint } from './endpoint.js';
import { KeytenderError } from './keytender-error.js';

export type FieldPair = readonly [name: string, value: string];

export interface ExchangeRequest {
  readonly method: string;
  /** Path and query, sent as they are. */
  readonly target: string;
  readonly headers: readonly FieldPair[];
  readonly body: Uint8Array | undefined;
  readonly signal: AbortSignal;
  /** Does not keep a program alive that is otherwise done. */
  readonly isBackground: boolean;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: readonly FieldPair[];
  readonly body: Buffer;
}

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const CONNECTIONS_MAX = 64;

export class Connections {
  readonly #endpoint: Endpoint;
  readonly #agent: HttpAgent;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX };
    const isTls = endpoint.kind === 'tcp' && endpoint.isTls;
    this.#agent = isTls ? new HttpsAgent(options) : new HttpAgent(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  /**
   * A kept connection that the agent closed at the same moment is replaced once.
   * @throws KeytenderError `agent_unreachable`, `answer_too_large`; the signal's reason when aborted
   */
  async send(request: ExchangeRequest): Promise<ExchangeAnswer> {
    try {
      return await this.#once(request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return this.#once(request);
    }
  }

  #once({ method, target, headers, body, signal, isBackground }: ExchangeRequest) {
    return new Promise<ExchangeAnswer>((resolve, reject) => {
      signal.throwIfAborted();
      const place = this.#place();
      const send = place.isTls ? requestHttps : requestHttp;
      const options = { ...place.options, method, path: target, agent: this.#agent, signal };
      const sent = send(options, (response) => {
        readAnswer(response).then(resolve, (error: unknown) => {
          response.destroy();
          reject(failureOf(error, signal, false));
        });
      });
      for (const [name, values] of grouped(headers)) sent.setHeader(name, values);
      if (isBackground) sent.once('socket', (socket) => socket.unref());
      sent.once('error', (error) => {
        reject(failureOf(error, signal, sent.reusedSocket));
      });
      sent.end(body);
    });
  }

  #place() {
    const endpoint = this.#endpoint;
    if (endpoint.kind === 'socket') {
      return { isTls: false, options: { socketPath: endpoint.path } };
    }
    const { host, port, isTls } = endpoint;
    return { isTls, options: { host, port } };
  }
}

/** Not an error of its own: the connection was closed between two exchanges. */
class StaleConnection extends Error {}

async function readAnswer(response: IncomingMessage): Promise<ExchangeAnswer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new KeytenderError('answer_too_large', `the answer is over ${ANSWER_BYTES_MAX} bytes`);
    }
    parts.push(part);
  }
  const headers: FieldPair[] = [];
  for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) {
    headers.push([response.rawHeaders[at] ?? '', response.rawHeaders[at + 1] ?? '']);
  }
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(parts) };
}

function failureOf(error: unknown, signal: AbortSignal, isReused: boolean): Error {
  if (signal.aborted) return signal.reason as Error;
  if (error instanceof KeytenderError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (isReused && (code === 'ECONNRESET' || code === 'EPIPE')) return new StaleConnection(code);
  const reason = code === '' ? '' : ` (${code})`;
  return new KeytenderError('agent_unreachable', `the agent does not answer${reason}`, {
    cause: error,
  });
}

function grouped(headers: readonly FieldPair[]): Map<string, string | string[]> {
  const lines = new Map<string, string | string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = lines.get(key);
    lines.set(key, before === undefined ? value : [before, value].flat());
  }
  return lines;
}
