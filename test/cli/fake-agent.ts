// An HTTP server that answers as an agent does, or as it should not.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface FakeAgent extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

export async function fakeAgent(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host = '127.0.0.1',
): Promise<FakeAgent> {
  return listen(createServer(answer), host);
}

/** Anything but HTTP. */
export async function fakePeer(onSocket: (socket: Socket) => void): Promise<FakeAgent> {
  return listen(createTcpServer(onSocket), '127.0.0.1');
}

async function listen(server: Server, host: string): Promise<FakeAgent> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  await using agent = await fakePeer(() => undefined);
  return agent.port;
}

/** A body of `GET /health` with one token in it. */
export function healthBody(
  token: Readonly<Record<string, unknown>> = {},
  top: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    status: 'ok',
    token_age_seconds: 12,
    last_refresh_ok: true,
    mode: 'vault',
    agent_id: 'app-0',
    version: '0.1.0',
    uptime_seconds: 3725,
    tokens: {
      default: {
        state: 'fresh',
        usable: true,
        version: 7,
        source: 'vault',
        created_at: '2026-01-01T00:00:00Z',
        age_seconds: 12,
        last_attempt_at: '2026-01-01T00:00:09Z',
        last_success_at: '2026-01-01T00:00:09Z',
        last_change_at: '2026-01-01T00:00:00Z',
        next_attempt_at: '2026-01-01T00:01:09Z',
        last_refresh_ok: true,
        consecutive_failures: 0,
        error: null,
        superseded: [],
        pending: null,
        stale_at: null,
        expires_at: null,
        ...token,
      },
    },
    vault: {
      address: 'http://127.0.0.1:8200',
      authenticated: true,
      login_expires_at: null,
      clock_offset_seconds: 0,
    },
    ...top,
  };
}
