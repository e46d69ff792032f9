// One node on the network: listens, reads requests, applies faults, answers, remembers what was asked. Closing destroys
// every connection at once. Never on anything but loopback unless forced.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { FaultRules } from '../fault/fault-injector.js';
import { replacedAnswer, retypedAnswer } from '../fault/replaced-answer.js';
import { resetSocket, sendAnswer, type Headers } from '../fault/send-answer.js';
import { NOT_FOR_PRODUCTION, NOTICE_HEADER } from '../notice.js';
import type { DevVaultTls, ListenAddress } from '../options.js';
import { refuse } from '../result.js';
import { refusalAnswer, type Answer } from './answer.js';
import { crashAnswer } from './dispatch.js';
import { readTarget, type Incoming } from './incoming.js';
import { methodOf, readThroughStream, rewriteMethods } from './method-rewriter.js';

export interface RecordedRequest {
  readonly method: string;
  /** Below `/v1/`, decoded, without the query. */
  readonly path: string;
  readonly query: string;
  /** Server's clock, milliseconds since the epoch. */
  readonly at: number;
  /** What was answered; 0 while under way, and for good where a fault left it without an answer. */
  status: number;
  /** The kind of the fault it had. */
  readonly fault: string | undefined;
}

export interface ServerOptions {
  readonly listen: ListenAddress;
  readonly tls: DevVaultTls | undefined;
  readonly seed: number;
  readonly requestsKept: number;
  /** Base clock of this node, its fault not counted. */
  readonly nowMs: () => number;
  readonly answer: (incoming: Incoming) => Promise<Answer>;
}

/** As a real server's default: 32 MiB. */
export const BODY_BYTES_MAX = 33_554_432;
const HEADER_BYTES_MAX = 1_048_576;

const notAllowed = (date: string): string =>
  'HTTP/1.1 405 Method Not Allowed\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n' +
  `Date: ${date}\r\n${NOTICE_HEADER}: ${NOT_FOR_PRODUCTION}\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{"errors":[]}\n`;

const badRequest = (date: string): string =>
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n' +
  `Date: ${date}\r\n${NOTICE_HEADER}: ${NOT_FOR_PRODUCTION}\r\nConnection: close\r\n\r\n400 Bad Request`;

export class VaultServer {
  readonly faults: FaultRules;
  readonly #options: ServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #hanging = new Set<Socket>();
  /** Errors that no handler expected; there should be none. */
  readonly crashes: unknown[] = [];
  #requests: RecordedRequest[] = [];
  #port: number;
  #listening: Promise<void> = Promise.resolve();
  #closed = false;
  #dateAtSecond = -1;
  #dateText = '';

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#port = options.listen.port;
    this.faults = new FaultRules(options.seed, () => {
      this.#applyServerFaults();
    });
    this.#server = this.#createServer();
  }

  #createServer(): Server {
    const { tls } = this.#options;
    const settings = {
      maxHeaderSize: HEADER_BYTES_MAX,
      keepAliveTimeout: 0,
      requestTimeout: 0,
      // it is refused here, in the words of a real server
      requireHostHeader: false,
    };
    const server =
      tls === undefined
        ? createServer(settings)
        : createTlsServer({ ...settings, ...secureContext(tls), ...clientAuth(tls) });
    server.prependListener('connection', this.#onConnection);
    // The stream that the HTTP parser reads: the TLS one where there is TLS.
    const secured = tls === undefined ? 'connection' : 'secureConnection';
    server.prependListener(secured, rewriteMethods);
    server.on(secured, readThroughStream);
    server.on('request', (request, response) => void this.#onRequest(request, response));
    server.on('clientError', (error: ParserError, socket) => {
      refuseUnparsed(error, socket, this.#date());
    });
    return server;
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#hanging.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    if (this.faults.hangsAtConnect) this.#hang(socket);
  };

  /** Takes the connection away from the parser: what comes is kept by the kernel. */
  #hang(socket: Socket): void {
    this.#hanging.add(socket);
    socket.pause();
    socket.on('resume', () => socket.pause());
    setImmediate(() => socket.pause());
  }

  get port(): number {
    return this.#port;
  }

  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  clearRequests(): void {
    this.#requests = [];
  }

  setTls(tls: DevVaultTls): void {
    if (!('setSecureContext' in this.#server)) throw new TypeError('this dev Vault has no TLS');
    const server = this.#server as Server & {
      setSecureContext(options: SecureContextOptions): void;
    };
    server.setSecureContext(secureContext(tls));
  }

  /** Resolves once it listens, and again after a refusal to was taken back. */
  async listen(): Promise<void> {
    this.#listening = this.#listen();
    await this.#listening;
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(
        { host: this.#options.listen.host, port: this.#port, exclusive: true },
        () => {
          this.#server.off('error', reject);
          this.#port = (this.#server.address() as AddressInfo).port;
          resolve();
        },
      );
    });
  }

  /** Settles after the last change of the faults about the server took effect. */
  async settled(): Promise<void> {
    await this.#listening;
  }

  #applyServerFaults(): void {
    if (this.#closed) return;
    this.#listening = this.#listening.then(() => this.#refuseOrListen());
    // Awaited by `settled`; a port that cannot be had again is told there.
    this.#listening.catch(() => undefined);
    if (!this.faults.hangsAtConnect) for (const socket of this.#hanging) resetSocket(socket);
  }

  async #refuseOrListen(): Promise<void> {
    const wanted = !this.faults.refuses && !this.#closed;
    if (wanted === this.#server.listening) return;
    if (wanted) await this.#listen();
    else await this.#stopListening(resetSocket);
  }

  #stopListening(cut: (socket: Socket) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      for (const socket of this.#sockets) cut(socket);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#listening.catch(() => undefined);
    if (!this.#server.listening) return;
    await this.#stopListening((socket) => socket.destroy());
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = methodOf(request.method ?? '');
    const target = request.url ?? '/';
    const read = readTarget(target);
    const path = read?.path.replace(/^\/v1\//, '') ?? target;
    const fault = this.faults.take(method, path);
    const recorded = this.#record(method, path, read?.rawQuery ?? '', fault?.kind);
    const answer = await this.#answerTo(request, method, read, replacedAnswer(fault, target));
    if (answer === undefined) return;
    const right = retypedAnswer(fault, answer);
    recorded.status = await sendAnswer(response, right, this.#headersOf(right, request), fault);
  }

  #record(method: string, path: string, query: string, fault: string | undefined): RecordedRequest {
    const recorded: RecordedRequest = { method, path, query, at: this.#nowMs(), status: 0, fault };
    this.#requests.push(recorded);
    if (this.#requests.length > this.#options.requestsKept * 2) {
      this.#requests = this.#requests.slice(-this.#options.requestsKept);
    }
    return recorded;
  }

  /** Undefined: the client went before its request was whole. */
  async #answerTo(
    request: IncomingMessage,
    method: string,
    read: ReturnType<typeof readTarget>,
    replaced: Answer | undefined,
  ): Promise<Answer | undefined> {
    try {
      const body = hasBody(request) ? await readAll(request) : EMPTY;
      if (replaced !== undefined) return replaced;
      if (body === 'too large') return refusalAnswer(refuse(413, 'http: request body too large'));
      if (read === undefined) return textAnswer(400, '400 Bad Request');
      if (request.headers.host === undefined && request.httpVersion === '1.1') {
        return textAnswer(400, '400 Bad Request: missing required Host header');
      }
      return await this.#options.answer({
        ...read,
        method,
        query: read.rawQuery === '' ? NO_QUERY : new URLSearchParams(read.rawQuery),
        headers: request.headers,
        body,
      });
    } catch (error) {
      if (request.destroyed && !request.complete) return undefined;
      if (this.crashes.length < CRASHES_KEPT_MAX) this.crashes.push(error);
      return crashAnswer();
    }
  }

  #headersOf(answer: Answer, request: IncomingMessage): Headers {
    const namespace = request.headers['x-vault-namespace'];
    const headers: Headers = {
      'cache-control': 'no-store',
      'content-type': 'application/json',
      date: this.#date(),
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      [NOTICE_HEADER]: NOT_FOR_PRODUCTION,
      ...(typeof namespace === 'string' && namespace !== ''
        ? { 'x-vault-namespace': namespace }
        : {}),
      ...answer.headers,
    };
    if (headers['content-type'] === '') Reflect.deleteProperty(headers, 'content-type');
    return headers;
  }

  #nowMs(): number {
    return this.#options.nowMs() + this.faults.clockOffsetMs;
  }

  #date(): string {
    const second = Math.floor(this.#nowMs() / 1000);
    if (second !== this.#dateAtSecond) {
      this.#dateAtSecond = second;
      this.#dateText = new Date(second * 1000).toUTCString();
    }
    return this.#dateText;
  }
}

const CRASHES_KEPT_MAX = 100;
/** Shared; nobody changes a query. */
const NO_QUERY = new URLSearchParams();
const EMPTY = Buffer.alloc(0);

function hasBody({ headers }: IncomingMessage): boolean {
  return (
    (headers['content-length'] !== undefined && headers['content-length'] !== '0') ||
    headers['transfer-encoding'] !== undefined
  );
}

async function readAll(request: IncomingMessage): Promise<Buffer | 'too large'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  return bytes > BODY_BYTES_MAX ? 'too large' : Buffer.concat(chunks);
}

function textAnswer(status: number, body: string): Answer {
  return { status, body, headers: { 'content-type': 'text/plain; charset=utf-8' } };
}

type ParserError = Error & { code?: string; rawPacket?: Buffer };

function refuseUnparsed(error: ParserError, socket: Duplex, date: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const isMethod = error.code === 'HPE_INVALID_METHOD' && isRequestLine(error.rawPacket);
  socket.end(isMethod ? notAllowed(date) : badRequest(date));
}

/** A method that the parser does not know, in an otherwise sound request. */
function isRequestLine(packet: Buffer | undefined): boolean {
  return (
    packet !== undefined && /^[A-Z]+ \S+ HTTP\/1\.[01]\r\n/.test(packet.toString('latin1', 0, 4096))
  );
}

function secureContext(tls: DevVaultTls): SecureContextOptions {
  const { cert, key, ca, minVersion } = tls;
  return {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    ...(minVersion === undefined ? {} : { minVersion }),
  };
}

function clientAuth(tls: DevVaultTls): { requestCert: boolean; rejectUnauthorized: boolean } {
  const asks = tls.requestCert === true;
  return { requestCert: asks, rejectUnauthorized: asks };
}
