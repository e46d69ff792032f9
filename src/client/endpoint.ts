// Where an agent is: a Unix socket, or a TCP address. What cannot be one is refused before anything is sent; a socket
// path that the system would cut off silently (unix(7)) is refused by its length in bytes.
import { isSocketPath, socketPathBytesMax } from '../platform/socket-path.js';
import { KeytenderError } from './keytender-error.js';

export type Endpoint =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly isTls: boolean;
      readonly host: string;
      readonly port: number;
      /** `Host`, and what a signature covers as `@authority`. */
      readonly authority: string;
    };

/** @throws KeytenderError `malformed_value` */
export function socketEndpoint(path: string): Endpoint {
  if (isSocketPath(path)) return { kind: 'socket', path };
  throw new KeytenderError(
    'malformed_value',
    `socket: the path of a Unix socket has 1 to ${socketPathBytesMax} bytes`,
  );
}

/**
 * @param url origin of the agent: `http://127.0.0.1:8210`; without path, query and user
 * @throws KeytenderError `malformed_value`
 */
export function urlEndpoint(url: string | URL): Endpoint {
  const text = String(url);
  const parsed = URL.canParse(text) ? new URL(text) : null;
  const isOrigin =
    parsed !== null &&
    /^https?:$/.test(parsed.protocol) &&
    parsed.username === '' &&
    parsed.password === '' &&
    parsed.pathname === '/' &&
    parsed.search === '' &&
    parsed.hash === '';
  if (!isOrigin) {
    throw new KeytenderError('malformed_value', 'url must look like http://127.0.0.1:8210');
  }
  const isTls = parsed.protocol === 'https:';
  return {
    kind: 'tcp',
    isTls,
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? (isTls ? 443 : 80) : Number(parsed.port),
    authority: parsed.host,
  };
}

/** The URL that a signature covers. */
export function urlAt(endpoint: Endpoint, target: string): string {
  if (endpoint.kind === 'socket') return `http://localhost${target}`;
  return `${endpoint.isTls ? 'https' : 'http'}://${endpoint.authority}${target}`;
}
