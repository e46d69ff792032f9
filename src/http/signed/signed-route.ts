// A route of the signed API as data, and what its handler is given: a caller whose signature held, whose nonce is
// spent and who may do this. Handlers read no headers.
import type { Scope } from '../../config/config.js';
import type { Answer, RouteSpec } from '../route.js';
import type { Caller } from './caller.js';
import type { KeySet } from './keys.js';

export interface SignedRouteSpec extends RouteSpec {
  /** Needed, and for the token named in the path where there is one. */
  readonly scope: Scope;
  /** Has the allowance of `limits.crypto_requests_per_minute`. */
  readonly isCrypto: boolean;
  /** The request or the answer carries a value: refused without TLS off loopback. */
  readonly carriesValue: boolean;
  readonly hasBody: boolean;
}

/** What a handler may know of the request itself. */
export interface RequestFacts {
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
  /** The same for who waits long and wants no signal for it: told once, and never at once. Returns the unsubscriber. */
  whenGone(listener: () => void): () => void;
}

export interface SignedExchange {
  readonly incoming: RequestFacts;
  readonly caller: Caller;
  /** The keys and snapshots that the request was verified with. */
  readonly keys: KeySet;
  /** Parsed JSON where the route has a body; still untrusted. */
  readonly body: unknown;
  /** Whether a value may travel on this connection. */
  readonly mayCarryValue: boolean;
  /** Looks again: the same caller by the keys and scopes of now, or null when he is none any more. */
  readonly again: () => { readonly caller: Caller; readonly keys: KeySet } | null;
}

export interface SignedRoute extends SignedRouteSpec {
  /** Throws `Problem` to refuse; anything else it throws is a fault of the agent. */
  readonly handle: (exchange: SignedExchange) => Answer | Promise<Answer>;
}
