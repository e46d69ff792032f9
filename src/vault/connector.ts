// How sockets to Vault are opened, and what the pool does not tell of them: a connection that nobody waits for any more
// is given up at once, and a TLS alert after the handshake (TLS 1.3: "certificate required") is not lost behind
// "other side closed".
import type { Socket } from 'node:net';
import buildConnector from 'undici/lib/core/connect.js';
import type { NameLookup } from './name-watch.js';
import { openTunnel } from './proxy-tunnel.js';

/** PEM texts, and the name to expect in the certificate instead of the address's. */
export interface TlsSettings {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly serverName: string | null;
}

export class Connector {
  readonly #open: SocketConnector;
  readonly #proxy: string | null;
  readonly #connecting = new Set<Destroyable>();
  readonly #alerts = new Map<number, Error>();
  readonly #connected = new Map<Socket, string>();
  #waiters = 0;

  /** `timeoutMs`: the backstop behind the deadline of the caller. `proxy`: an `http` or `https` URL, or null. */
  constructor(
    tls: TlsSettings,
    timeoutMs: number,
    proxy: string | null,
    lookup: NameLookup | undefined,
  ) {
    this.#proxy = proxy;
    const connector: unknown = buildConnector({
      timeout: timeoutMs,
      ...(lookup === undefined ? {} : { lookup }),
      ...(tls.ca === null ? {} : { ca: tls.ca }),
      ...(tls.cert === null ? {} : { cert: tls.cert }),
      ...(tls.key === null ? {} : { key: tls.key }),
      ...(tls.serverName === null ? {} : { servername: tls.serverName }),
    });
    // it returns the socket; its declaration does not say so
    this.#open = connector as SocketConnector;
  }

  readonly connect: buildConnector.connector = (options, callback) => {
    const proxy = this.#proxy;
    if (proxy === null) {
      this.#openSocket(options, callback);
      return;
    }
    const { hostname, protocol } = options;
    const port = Number(options.port === '' ? DEFAULT_PORTS[protocol] : options.port);
    const tunnel = openTunnel(proxy, { host: hostname, port }, (error, httpSocket) => {
      this.#connecting.delete(tunnel);
      if (httpSocket === null) callback(error ?? new ConnectAbandoned(), null);
      else if (protocol === 'https:') this.#openSocket({ ...options, httpSocket }, callback);
      else callback(null, httpSocket);
    });
    this.#connecting.add(tunnel);
  };

  #openSocket(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const socket = this.#open(options, (error, connected) => {
      this.#connecting.delete(socket);
      if (error === null) {
        this.#watchForAlert(connected);
        this.#note(connected);
        callback(null, connected);
      } else {
        callback(error, null);
      }
    });
    this.#connecting.add(socket);
  }

  /** Counts a request in; the returned function, called when it is sent or given up, counts it out once. */
  waiter(): () => void {
    this.#waiters += 1;
    let waits = true;
    return () => {
      if (!waits) return;
      waits = false;
      this.#waiters -= 1;
      if (this.#waiters === 0) this.drop();
    };
  }

  /** Gives up every connection that is not established. */
  drop(): void {
    for (const socket of this.#connecting) socket.destroy(new ConnectAbandoned());
    this.#connecting.clear();
  }

  /** The addresses of the other ends of what is established; empty behind a proxy, where they say nothing. */
  connectedTo(): ReadonlySet<string> {
    return new Set(this.#proxy === null ? this.#connected.values() : []);
  }

  /** What ended the connection, where the pool says only that it ended. */
  causeOf(error: Error): Error {
    const { socket } = error as { readonly socket?: { readonly localPort?: number } | null };
    return this.#alerts.get(socket?.localPort ?? -1) ?? error;
  }

  #note(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return;
    this.#connected.set(socket, remoteAddress);
    socket.once('close', () => this.#connected.delete(socket));
  }

  #watchForAlert(socket: Socket): void {
    const { localPort } = socket;
    if (localPort === undefined) return;
    socket.on('error', (error) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code?.startsWith('ERR_SSL_') === true) this.#alerts.set(localPort, error);
    });
    socket.once('close', () => {
      // a turn later: the pool fails the request when it hears of the same event
      queueMicrotask(() => this.#alerts.delete(localPort));
    });
  }
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

interface Destroyable {
  destroy(error: Error): unknown;
}

type SocketConnector = (...args: Parameters<buildConnector.connector>) => Socket;

class ConnectAbandoned extends Error {
  readonly code = 'UND_ERR_ABORTED';
}
