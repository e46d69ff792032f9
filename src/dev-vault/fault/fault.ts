// The faults a dev Vault can be told to have. One type each, with what it needs; where and how often it happens is the
// same for all that happen to a request.

/** Which requests, and how often. Everything left out matches. */
export interface FaultScope {
  /** Below `/v1/`: a whole path, a start ending in `*`, or an expression. */
  readonly path?: string | RegExp;
  readonly method?: string;
  /** How many requests before it is over. */
  readonly times?: number;
  /** How many matching requests pass before it begins. */
  readonly skip?: number;
  /** 0 to 1, drawn from the seeded generator. */
  readonly probability?: number;
}

/** The connection is reset instead of an answer. */
export interface ResetFault extends FaultScope {
  readonly kind: 'reset';
}

/** The request is taken and never answered. */
export interface HangFault extends FaultScope {
  readonly kind: 'hang';
}

/** The right answer, late. */
export interface DelayFault extends FaultScope {
  readonly kind: 'delay';
  readonly ms: number;
}

/** The right answer, a few bytes at a time. */
export interface DripFault extends FaultScope {
  readonly kind: 'drip';
  readonly everyMs: number;
  /** Default 1. */
  readonly bytes?: number;
}

/** The right headers, part of the body, and an orderly end of the connection. */
export interface TruncateFault extends FaultScope {
  readonly kind: 'truncate';
  /** How much of the body is sent; default half. */
  readonly afterBytes?: number;
}

/** The right headers, part of the body, and a reset. */
export interface ResetMidBodyFault extends FaultScope {
  readonly kind: 'reset-mid-body';
  readonly afterBytes?: number;
}

/** A body of this many bytes, well-formed JSON to its end, no length announced. */
export interface OversizedFault extends FaultScope {
  readonly kind: 'oversized';
  readonly bytes: number;
}

/** Bytes that are nothing: as the body of a 200, or instead of an HTTP answer. */
export interface GarbageFault extends FaultScope {
  readonly kind: 'garbage';
  readonly instead?: 'body' | 'answer';
}

/** The right body under another content type. */
export interface ContentTypeFault extends FaultScope {
  readonly kind: 'content-type';
  readonly contentType: string;
  /** Another body too: an HTML page, say. */
  readonly body?: string;
}

/** Any status, with any body and headers. An object is sent as JSON; without a body Vault's empty error. */
export interface StatusFault extends FaultScope {
  readonly kind: 'status';
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** 307 (or another) to an address, with the path and query of the request. */
export interface RedirectFault extends FaultScope {
  readonly kind: 'redirect';
  /** `http://host:port`, or a whole URL with a path. */
  readonly to: string;
  readonly status?: 301 | 302 | 303 | 307 | 308;
}

/** Nothing listens on the port any more; open connections are reset. */
export interface RefuseFault {
  readonly kind: 'refuse';
}

/** Connections are accepted and nothing is ever read from or written to them, TLS included. */
export interface HangAtConnectFault {
  readonly kind: 'hang-at-connect';
}

/** The server's clock is this far off: `Date`, and every time that it writes. */
export interface ClockFault {
  readonly kind: 'clock';
  readonly offsetMs: number;
}

export type RequestFault =
  | ResetFault
  | HangFault
  | DelayFault
  | DripFault
  | TruncateFault
  | ResetMidBodyFault
  | OversizedFault
  | GarbageFault
  | ContentTypeFault
  | StatusFault
  | RedirectFault;
export type ServerFault = RefuseFault | HangAtConnectFault | ClockFault;
export type Fault = RequestFault | ServerFault;

/** Every kind there is; the documentation lists the same. */
export const FAULT_KINDS = [
  'clock',
  'content-type',
  'delay',
  'drip',
  'garbage',
  'hang',
  'hang-at-connect',
  'oversized',
  'redirect',
  'refuse',
  'reset',
  'reset-mid-body',
  'status',
  'truncate',
] as const satisfies readonly Fault['kind'][];

export function isServerFault(fault: Fault): fault is ServerFault {
  return fault.kind === 'refuse' || fault.kind === 'hang-at-connect' || fault.kind === 'clock';
}
