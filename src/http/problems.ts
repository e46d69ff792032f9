// Every refusal this API can give: one table from code to status and sentence, written as problem details
// (RFC 9457, `application/problem+json`). docs/api.md has the same rows. A problem never repeats what was sent.
import { STATUS_CODES } from 'node:http';

interface ProblemRow {
  readonly status: number;
  readonly detail: string;
  /** Seconds, in `Retry-After`; every 429 and 503 has one. */
  readonly retryAfterSeconds?: number;
}

export const problems = {
  weak_token: {
    status: 400,
    detail: 'the new token is not a strong one: at least 32 bytes, no control characters',
  },
  reserved_tag: { status: 400, detail: 'tags that start with keytender- are of the agent itself' },
  reserved_authority: { status: 400, detail: 'nothing is signed for the agent itself' },
  unauthenticated: {
    status: 401,
    detail: 'the request is not signed by a key and in a way that this agent accepts',
  },
  insufficient_scope: {
    status: 403,
    detail: 'the caller may not do this, or not with this token',
  },
  tls_required: {
    status: 403,
    detail: 'values are not carried without TLS on a listener that is not on loopback',
  },
  vault_owns_token: {
    status: 409,
    detail: 'the value comes from Vault; write a new version there',
  },
  replay_detected: { status: 409, detail: 'the nonce of the signature was seen before' },
  rate_limited: {
    status: 429,
    detail: 'too many requests; Retry-After says when',
    retryAfterSeconds: 1,
  },
  refresh_failed: { status: 502, detail: 'Vault was asked and could not say; class tells why' },
  token_unavailable: {
    status: 503,
    detail: 'the token is not usable; /health says why',
    retryAfterSeconds: 5,
  },
  refresh_busy: {
    status: 503,
    detail: 'Vault has to be asked first, and cannot be asked now',
    retryAfterSeconds: 5,
  },
  replay_guard_full: {
    status: 503,
    detail: 'no more nonces can be remembered now',
    retryAfterSeconds: 5,
  },
  shutting_down: { status: 503, detail: 'the agent is shutting down', retryAfterSeconds: 5 },
  malformed_request: {
    status: 400,
    detail:
      'the request is not well-formed HTTP/1.1 with one valid Host and a target that starts with /',
  },
  cross_site: {
    status: 403,
    detail: 'requests that a page of another site makes are refused',
  },
  not_found: { status: 404, detail: 'there is nothing at this path' },
  method_not_allowed: {
    status: 405,
    detail: 'the path exists but not for this method; Allow names those it has',
  },
  request_timeout: { status: 408, detail: 'the request did not arrive in time' },
  body_too_large: { status: 413, detail: 'the body is longer than 1 MiB' },
  unsupported_media_type: { status: 415, detail: 'the body must be application/json' },
  misdirected_request: {
    status: 421,
    detail:
      'the Host of the request is not an authority of this agent; listen.authorities names those it has',
  },
  headers_too_large: {
    status: 431,
    detail: 'the header is longer than 16 KiB or has more than 100 fields',
  },
  internal_error: {
    status: 500,
    detail: 'the request failed by a fault of the agent; its log says more',
  },
} as const satisfies Record<string, ProblemRow>;

export type ProblemCode = keyof typeof problems;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** A refusal on its way to the caller; thrown by handlers, answered by the error handler. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;
  /** Further members of the body. */
  readonly members: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    headers: Readonly<Record<string, string>> = {},
    members: Readonly<Record<string, string>> = {},
  ) {
    super(problems[code].detail);
    this.name = 'Problem';
    this.code = code;
    this.headers = headers;
    this.members = members;
  }
}

export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer for a code. `headers` are added to those that every problem has. */
export function problemAnswer(
  code: ProblemCode,
  headers: Readonly<Record<string, string>> = {},
  members: Readonly<Record<string, string>> = {},
): ProblemAnswer {
  const { status, detail, retryAfterSeconds }: ProblemRow = problems[code];
  const title = STATUS_CODES[status] ?? 'Error';
  return {
    status,
    headers: {
      'content-type': PROBLEM_MEDIA_TYPE,
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      ...headers,
    },
    body: JSON.stringify({ type: 'about:blank', title, status, code, detail, ...members }),
  };
}
