// The open connections of one listener: which are busy, which idle, which to give up when there are too many. Kept
// here because Node tells neither how long a connection has been idle nor which answers are still under way.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../platform/clock.js';

interface Connection {
  /** The answer to the latest request on it; null before the first. */
  latest: ServerResponse | null;
  /** The one before it, when that was still to be written then. */
  previous: ServerResponse | null;
  inFlight: number;
  /** When it was opened or its last answer ended, monotonic. */
  idleSinceMs: number;
  /** Bytes received by then: more means that a request has begun to arrive. */
  idleAtBytes: number;
}

export interface Connections {
  readonly size: number;
  /** Takes a new connection in. At the limit an idle one makes room, one that never got an answer first. */
  add(socket: Socket): void;
  begin(request: IncomingMessage, response: ServerResponse): void;
  /** The answer to it has ended, or never will. Once for each `begin`. */
  end(request: IncomingMessage): void;
  /**
   * Calls `then` once the answers to whatever came before are written: at once, or when they are. `isAnswered`: what is to
   * be refused is what is left of a request whose own answer is among them.
   */
  behindAnswers(socket: Socket, then: (isAnswered: boolean) => void): void;
  /** Every answer not yet begun closes its connection. */
  closeAfterAnswers(): void;
  destroyIdle(): void;
  destroyAll(): void;
}

export interface ConnectionsOptions {
  readonly connectionsMax: number;
  readonly clock: Clock;
  /** A connection was closed, or not taken, because there were too many. */
  readonly onRefused: () => void;
}

export function trackConnections(options: ConnectionsOptions): Connections {
  const { clock } = options;
  const open = new Map<Socket, Connection>();

  const becomeIdle = (socket: Socket, connection: Connection): void => {
    connection.idleSinceMs = clock.monotonicMs();
    connection.idleAtBytes = socket.bytesRead;
  };

  return {
    get size() {
      return open.size;
    },
    add(socket) {
      if (open.size >= options.connectionsMax) {
        (oldestIdle(open) ?? socket).destroy();
        options.onRefused();
        if (socket.destroyed) return;
      }
      const connection = {
        latest: null,
        previous: null,
        inFlight: 0,
        idleSinceMs: 0,
        idleAtBytes: 0,
      };
      becomeIdle(socket, connection);
      open.set(socket, connection);
      socket.once('close', () => open.delete(socket));
    },
    begin({ socket }, response) {
      const connection = open.get(socket);
      if (connection === undefined) return;
      const { latest } = connection;
      connection.previous = latest?.writableFinished === true ? null : latest;
      connection.latest = response;
      connection.inFlight += 1;
    },
    end({ socket }) {
      const connection = open.get(socket);
      if (connection === undefined) return;
      connection.inFlight -= 1;
      becomeIdle(socket, connection);
    },
    behindAnswers(socket, then) {
      const { latest = null, previous = null } = open.get(socket) ?? {};
      const isPart = latest !== null && !latest.req.complete;
      const isAnswered = isPart && latest.headersSent;
      // what has no answer yet gets the refusal instead
      const last = isPart && !isAnswered ? previous : latest;
      if (last === null || last.writableFinished) then(isAnswered);
      else {
        last.once('close', () => {
          then(isAnswered);
        });
      }
    },
    closeAfterAnswers() {
      for (const { latest } of open.values()) {
        if (latest !== null && !latest.headersSent) latest.setHeader('connection', 'close');
      }
    },
    destroyIdle() {
      for (const [socket, { inFlight, idleAtBytes }] of open) {
        if (inFlight === 0 && socket.bytesRead === idleAtBytes) socket.destroy();
      }
    },
    destroyAll() {
      for (const socket of open.keys()) socket.destroy();
    },
  };
}

function oldestIdle(open: ReadonlyMap<Socket, Connection>): Socket | null {
  let oldest: Socket | null = null;
  let oldestRank = Number.POSITIVE_INFINITY;
  for (const [socket, { latest, inFlight, idleSinceMs }] of open) {
    if (inFlight > 0 || socket.destroyed) continue;
    // All that never got an answer come before all that did.
    const rank = latest === null ? idleSinceMs - Number.MAX_SAFE_INTEGER : idleSinceMs;
    if (rank < oldestRank) [oldest, oldestRank] = [socket, rank];
  }
  return oldest;
}
