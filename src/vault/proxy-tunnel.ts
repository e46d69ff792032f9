// A way to Vault through an HTTP proxy that is configured (never one of the environment): `CONNECT`, RFC 9110 §9.3.6.
// The proxy sees host and port; with https nothing else.
import { request as httpRequest, type ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';

export interface Tunnel {
  /** Gives it up; `onSocket` is then called with an error. */
  destroy(error: Error): void;
}

/** The proxy answered something else than 2xx. */
class ProxyRefusedError extends Error {
  override readonly name = 'ProxyRefusedError';
  readonly code = 'PROXY_REFUSED';
}

/** Opens a tunnel to `host:port`. `onSocket` is called once. */
export function openTunnel(
  proxy: string,
  target: { readonly host: string; readonly port: number },
  onSocket: (error: Error | null, socket: Socket | null) => void,
): Tunnel {
  const { host, port } = target;
  const authority = `${host}:${port}`;
  const connect = connectRequest(new URL(proxy), authority);
  connect.once('connect', ({ statusCode = 0 }, socket: Socket) => {
    if (statusCode >= 200 && statusCode < 300) {
      onSocket(null, socket);
    } else {
      socket.destroy();
      onSocket(new ProxyRefusedError(`the proxy answered ${statusCode}`), null);
    }
  });
  connect.once('response', (response) => {
    response.destroy();
    onSocket(new ProxyRefusedError('the proxy answered without a tunnel'), null);
  });
  connect.once('error', (error) => {
    onSocket(error, null);
  });
  connect.end();
  return connect;
}

function connectRequest(proxy: URL, authority: string): ClientRequest {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  const { hostname, port } = proxy;
  return request({
    method: 'CONNECT',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? undefined : Number(port),
    path: authority,
    headers: { Host: authority },
    agent: false,
  });
}
