// One listening socket: its limits, its connections, its answers to what is not HTTP, and how it stops. The servers
// are ours, not the router's: closing must neither wait for an idle keep-alive connection nor cut a busy one.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { Socket, type AddressInfo } from 'node:net';
import type { Clock } from '../platform/clock.js';
import type { BoundAddress } from './authority.js';
import { listenTarget } from './bound-socket.js';
import { trackConnections } from './connections.js';
import { checkWhileConnected } from './late-requests.js';
import type { HttpLimits } from './limits.js';
import { ListenError, type ListenSetting } from './listen-error.js';
import { buildServer, followTls, loadTls, type TlsPaths } from './listener-tls.js';
import { problemAnswer, type ProblemCode } from './problems.js';
import { admitToSocket, BINDING_UMASK, clearSocketPath, type SocketTarget } from './unix-socket.js';

/** How often a stopping listener looks for connections that became idle. */
const SWEEP_MS = 20;
/** How long the other side has to read a refusal before the connection is cut. */
const LINGER_MS = 1000;

export interface ListenerOptions {
  readonly setting: ListenSetting;
  readonly limits: HttpLimits;
  readonly clock: Clock;
  /** null: plain HTTP. */
  readonly tls: TlsPaths | null;
  /** The TLS files stopped working; those that worked stay. */
  readonly onTlsProblem: (reason: string) => void;
  /** Every parsed request. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** The answer to it was sent, or the caller left while it was. Not told of who left before. */
  readonly onAnswered: (request: IncomingMessage, status: number) => void;
  /** A refusal of something that never became a request. */
  readonly onUnparsed: (status: number) => void;
  /** A connection was closed, or could not be taken, because there are too many. */
  readonly onConnectionRefused: () => void;
}

export interface Listener {
  /** Binds. Rejects with `ListenError`. */
  listen(target: BoundAddress): Promise<BoundAddress>;
  /** Binds a Unix socket. Rejects with `ListenError`. */
  listenOnSocket(target: SocketTarget): Promise<void>;
  /** Asks for the body of a request that holds it back; otherwise nothing. */
  continueBody(request: IncomingMessage): void;
  /** From now on every answer closes its connection. */
  drain(): void;
  /** Accepts nothing more, lets busy connections finish until `withinMs` is over, then cuts them. */
  stop(withinMs: number): Promise<void>;
}

export function buildListener(options: ListenerOptions): Listener {
  const { limits, clock } = options;
  const connections = trackConnections({
    connectionsMax: limits.connectionsMax,
    clock,
    onRefused: options.onConnectionRefused,
  });
  const refused = new WeakSet<Socket>();
  /** Requests whose body waits to be asked for (RFC 9110 section 10.1.1). */
  const held = new WeakMap<IncomingMessage, ServerResponse>();
  let isDraining = false;

  const stopped = new AbortController();
  const server = buildServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      // Ours to answer, with a problem.
      requireHostHeader: false,
    },
    options.tls,
  );
  checkWhileConnected(server, limits.checkIntervalMs);
  server.timeout = limits.inactivityTimeoutMs;

  // one function for all, not a closure for each request
  function onClose(this: ServerResponse): void {
    connections.end(this.req);
    // Nobody was told anything: the caller left first.
    if (this.headersSent) options.onAnswered(this.req, this.statusCode);
  }

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    connections.begin(request, response);
    response.on('close', onClose);
    if (isDraining) response.setHeader('connection', 'close');
    if (hasBody(request)) limitUnreadBody(request, response, limits.bodyBytesMax);
    options.onRequest(request, response);
  };

  /** Answers on a connection come in the order of its requests (RFC 9112 section 9.3.2): so does this one. */
  const refuse = (socket: Socket, code: ProblemCode): void => {
    if (refused.has(socket)) return;
    refused.add(socket);
    // After a CONNECT the socket is no longer the server's, and nobody else listens for its errors.
    socket.on('error', () => undefined);
    connections.behindAnswers(socket, (isAnswered) => {
      if (socket.destroyed) return;
      const answer = problemAnswer(code);
      if (!isAnswered) options.onUnparsed(answer.status);
      socket.end(isAnswered ? '' : rawAnswer(answer));
      void destroyLater(socket, clock);
    });
  };

  // With TLS the socket that carries requests comes with the handshake.
  server.on(options.tls === null ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.add(socket);
  });
  // What does not speak TLS, or has no certificate, has no answer coming.
  server.on('tlsClientError', (_error: Error, socket: Socket) => {
    socket.destroy();
  });
  server.on('request', handle);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    held.set(request, response);
    // Unless it is asked for, the body may come or not: nobody knows where the next request begins.
    response.setHeader('connection', 'close');
    handle(request, response);
  });
  // RFC 9110 section 10.1.1: an expectation that is not understood may be ignored.
  server.on('checkExpectation', handle);
  server.on('connect', (_request, socket) => {
    if (socket instanceof Socket) refuse(socket, 'malformed_request');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!(socket instanceof Socket) || refused.has(socket)) return;
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else refuse(socket, problemOfParserError(error.code));
  });

  const drain = (): void => {
    isDraining = true;
    connections.closeAfterAnswers();
  };

  return {
    async listen(target) {
      const { tls } = options;
      if (tls !== null && server instanceof HttpsServer) {
        await loadTls(server, tls).catch((error: unknown) => {
          throw new ListenError('listen.tls_cert', tls.cert, error);
        });
        void followTls(server, tls, clock, stopped.signal, options.onTlsProblem);
      }
      const bound = await bind(server, target, options.setting);
      // Without a listener a failed accept (no file descriptor left) would end the process.
      server.on('error', options.onConnectionRefused);
      return bound;
    },
    async listenOnSocket(target) {
      try {
        await clearSocketPath(target.path);
        await bindSocket(server, target.path);
        await admitToSocket(target);
      } catch (error) {
        throw new ListenError('listen.socket', target.path, error);
      }
      server.on('error', options.onConnectionRefused);
    },
    continueBody(request) {
      const response = held.get(request);
      if (response === undefined) return;
      held.delete(request);
      if (!isDraining) response.removeHeader('connection');
      response.writeContinue();
    },
    drain,
    async stop(withinMs) {
      drain();
      stopped.abort();
      const closed = new Promise<true>((resolve) => {
        server.close(() => {
          resolve(true);
        });
      });
      const deadlineMs = clock.monotonicMs() + withinMs;
      for (;;) {
        connections.destroyIdle();
        const leftMs = deadlineMs - clock.monotonicMs();
        if (leftMs <= 0) break;
        const nap = clock.sleep(Math.min(SWEEP_MS, leftMs)).then(() => false);
        if (await Promise.race([closed, nap])) return;
      }
      connections.destroyAll();
      await closed;
    },
  };
}

/** Node's parser error codes, as our problems. */
function problemOfParserError(code: string | undefined): ProblemCode {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers_too_large';
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 'body_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout';
    default:
      return 'malformed_request';
  }
}

/** By its framing (RFC 9112 section 6.3): without either field a request ends with its head. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** What is left of a body when the answer is complete is skipped up to the limit; beyond it the connection goes. */
function limitUnreadBody(
  request: IncomingMessage,
  response: ServerResponse,
  bodyBytesMax: number,
): void {
  response.once('prefinish', () => {
    if (request.complete) return;
    let skipped = 0;
    request.on('data', (chunk: Buffer) => {
      skipped += chunk.length;
      if (skipped > bodyBytesMax) request.socket.destroy();
    });
  });
}

/** Lets the other side read to the end: cutting at once could lose the answer on its way. */
async function destroyLater(socket: Socket, clock: Clock): Promise<void> {
  const abort = new AbortController();
  socket.once('close', () => {
    abort.abort();
  });
  await clock.sleep(LINGER_MS, abort.signal).catch(() => undefined);
  socket.destroy();
}

function rawAnswer({ status, headers, body }: ReturnType<typeof problemAnswer>): string {
  const title = (JSON.parse(body) as { title: string }).title;
  const fields = Object.entries({
    ...headers,
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${title}\r\n${fields.join('')}\r\n${body}`;
}

function bind(server: Server, target: BoundAddress, setting: ListenSetting): Promise<BoundAddress> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => {
      reject(new ListenError(setting, target, error));
    };
    server.once('error', onError);
    const onListening = (): void => {
      server.off('error', onError);
      const { address, port } = server.address() as AddressInfo;
      resolve({ host: address, port });
    };
    try {
      server.listen(listenTarget(target), onListening);
    } catch (error) {
      onError(error);
    }
  });
}

function bindSocket(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // a path is bound before `listen` returns
    const before = process.umask(BINDING_UMASK);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}
