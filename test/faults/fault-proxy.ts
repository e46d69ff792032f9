// A reverse proxy between an agent and its Vault that does to answers what networks and broken servers do: so every
// fault is the same before a dev Vault and before a real one. Remembers when it was asked for what.
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';

export interface Answered {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly text: string;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What the Vault behind answers to this request, or to the same one at another path. */
  readonly ask: (path?: string) => Promise<Answered>;
  /** Answers with that. */
  readonly pass: () => Promise<void>;
}

/** Answers in Vault's place. */
export type Behaviour = (exchange: Exchange) => void | Promise<void>;

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Asked {
  readonly atMs: number;
  readonly what: string;
}

export class FaultProxy implements AsyncDisposable {
  readonly #server;
  readonly #sockets = new Set<Socket>();
  readonly #upstream: URL;
  readonly #certificate: Certificate | null;
  #port = 0;
  /** Those who wait until `release`; null: nobody has to. */
  #held: (() => void)[] | null = null;
  behaviour: Behaviour | null = null;
  readonly requests: Asked[] = [];
  /** The Vault tokens of logins that were made through it. */
  readonly logins: string[] = [];

  constructor(upstream: string, certificate: Certificate | null = null) {
    this.#upstream = new URL(upstream);
    this.#certificate = certificate;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      const what = `${request.method ?? ''} ${request.url ?? ''}`;
      this.requests.push({ atMs: performance.now(), what });
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answer = (): void => {
          this.#answer(request, Buffer.concat(chunks), response);
        };
        if (this.#held === null) answer();
        else this.#held.push(answer);
      });
    };
    this.#server =
      certificate === null ? createServer(onRequest) : createTlsServer(certificate, onRequest);
    this.#server.keepAliveTimeout = 600_000;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      // whoever waits for a fault has a timer; a connection that never ends must not keep the run from ending
      socket.unref();
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nothing listens any more; every connection is reset. */
  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.dropAll();
    await closed;
  }

  /** Connections are taken and never read, until the returned function is called. */
  async takeNothing(): Promise<() => Promise<void>> {
    await this.refuse();
    const taken = new Set<Socket>();
    const silent = createTcpServer({ pauseOnConnect: true }, (socket) => {
      taken.add(socket.unref());
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(this.#port, '127.0.0.1', resolve));
    return async () => {
      for (const socket of taken) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
      await this.listen();
    };
  }

  /** Another certificate, for everybody: connections with the one before are reset. */
  present(certificate: Certificate | null = this.#certificate): void {
    if (certificate === null || !('setSecureContext' in this.#server)) {
      throw new Error('this way to Vault is not TLS');
    }
    this.#server.setSecureContext(certificate);
    this.dropAll();
  }

  /** Requests wait from now on until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const answer of held) answer();
  }

  dropAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
  }

  #answer(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const ask = (path = request.url ?? '/'): Promise<Answered> => this.#ask(request, body, path);
    const pass = async (): Promise<void> => {
      const { status, headers, text } = await ask();
      if (!response.headersSent) response.writeHead(status, headers).end(text);
    };
    const exchange = { request, response, ask, pass };
    const answering = this.behaviour === null ? pass() : this.behaviour(exchange);
    Promise.resolve(answering).catch(() => response.destroy());
  }

  #ask(request: IncomingMessage, body: Buffer, path: string): Promise<Answered> {
    const { hostname, port } = this.#upstream;
    const { method, headers } = request;
    return new Promise((resolve, reject) => {
      const upstream = httpRequest({ hostname, port, method, path, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const kept = { ...answer.headers };
          delete kept['content-length'];
          delete kept['transfer-encoding'];
          const text = Buffer.concat(chunks).toString();
          const login = /"client_token":"([^"]+)"/.exec(text)?.[1];
          if (login !== undefined) this.logins.push(login);
          resolve({ status: answer.statusCode ?? 502, headers: kept, text });
        });
      });
      upstream.on('error', reject);
      upstream.end(body);
    });
  }
}
