// A reverse proxy between an agent and its Vault that does to answers what networks and broken servers do: so every
// fault is the same before a dev Vault and before a real one. Counts what the agent asked.
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';

/** Answers in Vault's place. `pass` forwards. */
export type Behaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  pass: (change?: (body: string) => string) => void,
) => void;

export class FaultProxy implements AsyncDisposable {
  readonly #server;
  readonly #sockets = new Set<Socket>();
  readonly #upstream: URL;
  #port = 0;
  behaviour: Behaviour | null = null;
  /** Requests since the last reset, as they came. */
  requests: string[] = [];
  connections = 0;

  constructor(upstream: string) {
    this.#upstream = new URL(upstream);
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const pass = (change?: (body: string) => string): void => {
          this.#forward(request, Buffer.concat(chunks), response, change);
        };
        if (this.behaviour === null) pass();
        else this.behaviour(request, response, pass);
      });
    });
    this.#server.keepAliveTimeout = 600_000;
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
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
      taken.add(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(this.#port, '127.0.0.1', resolve));
    return async () => {
      for (const socket of taken) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
      await this.listen();
    };
  }

  dropAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
  }

  #forward(
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
    change?: (body: string) => string,
  ): void {
    const { hostname, port } = this.#upstream;
    const { method, url: path, headers } = request;
    const upstream = httpRequest({ hostname, port, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const kept = { ...answer.headers };
        delete kept['content-length'];
        delete kept['transfer-encoding'];
        response.writeHead(answer.statusCode ?? 502, kept).end(change?.(text) ?? text);
      });
    });
    upstream.on('error', () => response.destroy());
    upstream.end(body);
  }
}
