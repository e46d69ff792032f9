// `connect`: who we are to which agent. Opens nothing: the first request does.
import { systemRandom, type Random } from '../platform/random.js';
import { AgentApi } from './agent-api.js';
import { Agent } from './agent.js';
import { ApiTokens } from './api-tokens.js';
import { clocksOf, type Clock } from './client-clock.js';
import { checkName, clientCredential, holderCredential } from './credential.js';
import { socketEndpoint, urlEndpoint } from './endpoint.js';
import { FileTokens } from './file-tokens.js';
import { KeyFile } from './key-file.js';
import { KeytenderError } from './keytender-error.js';

export interface SharedConnectOptions {
  /** The token meant where none is named; default `default`. */
  readonly name?: string;
  /** Milliseconds for a request to the agent, each try; default 30,000. */
  readonly timeoutMs?: number;
  /** Milliseconds between reads where waiting is not possible; default 10,000. */
  readonly pollMs?: number;
  /** Milliseconds that a token is used while the agent is away; default 72 hours. */
  readonly maxStaleMs?: number;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests: uniform in [0, 1), for jitter. */
  readonly random?: Random;
}

/** By the agent's Unix socket, beside it on the same machine. */
export interface SocketOptions extends SharedConnectOptions {
  /** Path of `listen.socket`, at most 107 bytes. */
  readonly socket: string;
}

/** As a named client with a key of its own. */
export interface ClientOptions extends SharedConnectOptions {
  /** Origin of the agent: `https://agent.example:8210`. */
  readonly url: string | URL;
  /** Its id in the agent's `clients` secret. */
  readonly client: string;
  /** File with its key, read at each use. */
  readonly keyFile: string;
}

/** As a holder of the token. */
export interface HolderOptions extends SharedConnectOptions {
  readonly url: string | URL;
  /** File with the token, read at each use; a file sink writes it. */
  readonly tokenFile: string;
}

export type ConnectOptions = SocketOptions | ClientOptions | HolderOptions;

const POLL_MS = 10_000;
const MAX_STALE_MS = 72 * 3_600_000;

/**
 * A connection to an agent.
 * @throws KeytenderError `malformed_value`
 */
export function connect(options: ConnectOptions): Agent {
  const { name = 'default', timeoutMs, pollMs = POLL_MS, maxStaleMs = MAX_STALE_MS } = options;
  checkName('name', name);
  const clocks = clocksOf(options.clock);
  const way = wayTo(options, name);
  const api = new AgentApi({ ...way, clocks, timeoutMs });
  const tokens = new ApiTokens({ api, clocks, pollMs });
  const { file } = way;
  const source =
    file === null
      ? tokens
      : new FileTokens({ name, file, agent: tokens, clocks, closed: api.closed });
  return new Agent({
    api,
    source,
    clocks,
    name,
    maxStaleMs,
    random: options.random ?? systemRandom,
  });
}

function wayTo(options: ConnectOptions, name: string) {
  if (has(options, 'socket')) {
    return { endpoint: socketEndpoint(options.socket), credential: null, file: null };
  }
  if (has(options, 'keyFile')) {
    const { url, client, keyFile } = options;
    const credential = clientCredential(client, keyFile);
    return { endpoint: urlEndpoint(url), credential, file: null };
  }
  if (has(options, 'tokenFile')) {
    const file = new KeyFile(options.tokenFile);
    const credential = holderCredential(name, file);
    return { endpoint: urlEndpoint(options.url), credential, file };
  }
  throw new KeytenderError(
    'malformed_value',
    'connect takes { socket }, { url, client, keyFile } or { url, tokenFile, name }',
  );
}

function has<K extends string>(
  options: ConnectOptions,
  key: K,
): options is Extract<ConnectOptions, Readonly<Record<K, unknown>>> {
  return typeof (options as unknown as Readonly<Record<string, unknown>>)[key] === 'string';
}
