// The older signature scheme, for callers who cannot change yet (`signature.legacy: accept`): `X-Agent-Id`,
// `X-Timestamp`, `X-Request-Id` and `X-Agent-Signature`, an HMAC-SHA256 of the raw body alone. On one route, with the
// current token, refused with its own texts in its own order (docs/api.md). SECURITY.md says what it lacks.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../platform/clock.js';
import { ReplayPartition, replayCapacity } from '../../signature/index.js';
import { Problem, problemAnswer } from '../problems.js';
import type { Answer } from '../route.js';
import type { TokenLook } from './api-token.js';
import { challenge } from './challenge.js';

/** The only path on which it is taken. */
export const OLDER_SCHEME_PATH = '/api/v1/auth/rotate-token';

export interface OlderSchemeSettings {
  /** As it was written; null: it was not, and every request is refused. */
  readonly agentId: string | null;
  readonly maxSkewMs: number;
  /** How long an `X-Request-Id` is remembered. */
  readonly replayTtlMs: number;
}

export interface OlderSchemeParts extends OlderSchemeSettings {
  readonly clock: Clock;
  /** Random for each process. */
  readonly salt: string;
  readonly nowSeconds: () => number;
  /** The token as it is now; null: there is none of the name. */
  readonly look: () => TokenLook | null;
  /** Until its holder may ask again; 0: now. Milliseconds. */
  readonly waitMs: () => number;
  readonly takeRate: () => void;
  readonly requestsPerMinute: () => number;
  /** For the audit trail. `reason`: one word. */
  readonly onRefused: (older: OlderRequest, event: RefusalEvent, reason: string) => void;
  readonly onOutcome: (outcome: 'ok' | 'refused') => void;
}

/** What is done with a request that is whom it says it is from. */
export interface OlderRequest {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly readBody: () => Promise<Buffer>;
  /** Whether the holder has the scope. */
  readonly isAllowed: () => boolean;
  /** Throws `Problem` to refuse. */
  readonly handle: (body: Buffer) => Promise<Answer>;
}

export interface OlderScheme {
  /** Whether this request is one of it: those with a signature of RFC 9421 are not. */
  isMeant(path: string, request: IncomingMessage): boolean;
  answer(older: OlderRequest): Promise<Answer>;
  /** Ids that are remembered, and that could be. */
  readonly entries: number;
  readonly capacity: number;
}

export function buildOlderScheme(parts: OlderSchemeParts): OlderScheme {
  const { clock } = parts;
  const window = { maxSkewSeconds: Math.ceil(parts.replayTtlMs / 1000), aheadSeconds: 1 };
  const capacity = (): number => replayCapacity(parts.requestsPerMinute(), window);
  const seen = new ReplayPartition({ ...window, capacity: capacity(), salt: parts.salt });

  /** Check and set in one step. By the monotonic clock, as the ids have no time of their own. */
  const isReplay = (requestId: string): boolean => {
    const nowSeconds = clock.monotonicMs() / 1000;
    seen.capacity = capacity();
    const outcome = seen.claim(requestId.toLowerCase(), Math.floor(nowSeconds), nowSeconds);
    if (outcome === 'full') throw new Problem('replay_guard_full');
    return outcome !== 'claimed';
  };

  const check = async ({ request, readBody, isAllowed }: OlderRequest): Promise<Buffer> => {
    const head = checkHead(request, parts);
    const body = await readBody();
    const { key } = parts.look()?.snapshot.current?.value ?? { key: null };
    const isGood = key !== null && parts.look()?.isUsable === true;
    if (!isGood || !timingSafeEqual(createHmac('sha256', key).update(body).digest(), head.mac)) {
      throw new Refused('signature mismatch');
    }
    parts.takeRate();
    const requestId = only(request, 'x-request-id') ?? '';
    if (!UUID4.test(requestId)) throw new Refused('missing X-Request-Id');
    if (isReplay(requestId)) throw new Refused('replay detected');
    if (!isAllowed()) throw new Refused('insufficient scope');
    return body;
  };

  const answer = async (older: OlderRequest): Promise<Answer> => {
    try {
      return await older.handle(await check(older));
    } catch (error) {
      if (error instanceof Problem) return problemWithError(error);
      if (!(error instanceof Refused)) throw error;
      const { event, reason } = refusals[error.why];
      parts.onRefused(older, event, reason);
      return refusal(error.why, parts.waitMs());
    }
  };

  return {
    isMeant: (path, { headers }) =>
      path === OLDER_SCHEME_PATH &&
      headers['signature'] === undefined &&
      headers['signature-input'] === undefined,
    async answer(older) {
      const made = await answer(older);
      parts.onOutcome(made.status < 400 ? 'ok' : 'refused');
      return made;
    },
    get entries() {
      return seen.size;
    },
    get capacity() {
      return capacity();
    },
  };
}

/** In the order in which they are looked for; the texts are the scheme's own. `reason`: as in docs/api.md. */
const refusals = {
  'AGENT_ID not configured': { status: 401, event: 'auth_failure', reason: 'unknown_key' },
  'Invalid or missing X-Agent-Id': { status: 401, event: 'auth_failure', reason: 'unknown_key' },
  'rate limited': { status: 429, event: 'rate_limited', reason: 'rate_limited' },
  'missing X-Timestamp': { status: 401, event: 'auth_failure', reason: 'missing_signature' },
  'invalid X-Timestamp': { status: 401, event: 'auth_failure', reason: 'malformed_signature' },
  'stale request (timestamp skew)': { status: 401, event: 'auth_failure', reason: 'too_old' },
  'missing X-Agent-Signature': { status: 401, event: 'auth_failure', reason: 'missing_signature' },
  'invalid signature encoding': {
    status: 401,
    event: 'auth_failure',
    reason: 'malformed_signature',
  },
  'signature mismatch': { status: 401, event: 'auth_failure', reason: 'signature_mismatch' },
  'missing X-Request-Id': { status: 400, event: 'auth_failure', reason: 'malformed_signature' },
  'replay detected': { status: 409, event: 'replay_detected', reason: 'replay' },
  'insufficient scope': { status: 403, event: 'scope_denied', reason: 'insufficient_scope' },
} as const;

type Why = keyof typeof refusals;
type RefusalEvent = (typeof refusals)[Why]['event'];

class Refused extends Error {
  readonly why: Why;

  constructor(why: Why) {
    super(why);
    this.why = why;
  }
}

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const MAC_BYTES = 32;

/** All that can be said before the body is there. Throws `Refused`. */
function checkHead(
  request: IncomingMessage,
  { agentId, waitMs, nowSeconds, maxSkewMs }: OlderSchemeParts,
): { readonly mac: Buffer } {
  if (agentId === null) throw new Refused('AGENT_ID not configured');
  if (only(request, 'x-agent-id') !== agentId) throw new Refused('Invalid or missing X-Agent-Id');
  if (waitMs() > 0) throw new Refused('rate limited');
  const timestamp = only(request, 'x-timestamp');
  if (timestamp === null) throw new Refused('missing X-Timestamp');
  if (!/^-?\d{1,15}$/.test(timestamp)) throw new Refused('invalid X-Timestamp');
  if (Math.abs(nowSeconds() - Number(timestamp)) * 1000 > maxSkewMs) {
    throw new Refused('stale request (timestamp skew)');
  }
  const signature = only(request, 'x-agent-signature');
  if (signature === null) throw new Refused('missing X-Agent-Signature');
  const mac = Buffer.from(signature, 'base64');
  // `Buffer.from` skips what is no base64
  if (mac.toString('base64') !== signature) throw new Refused('invalid signature encoding');
  if (mac.length !== MAC_BYTES) throw new Refused('signature mismatch');
  return { mac };
}

/** A field that is there once and not empty. */
function only({ rawHeaders, headers }: IncomingMessage, name: string): string | null {
  const value = headers[name];
  const times = rawHeaders.filter((one, at) => at % 2 === 0 && one.toLowerCase() === name).length;
  return typeof value === 'string' && value !== '' && times === 1 ? value : null;
}

function refusal(why: Why, waitMs: number): Answer {
  const { status } = refusals[why];
  const isOfSignature =
    status === 401 && why !== 'AGENT_ID not configured' && !/X-Agent-Id/.test(why);
  const error = isOfSignature ? `invalid signature: ${why}` : why;
  const retryAfter = { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) };
  const headers = status === 401 ? challenge : status === 429 ? retryAfter : {};
  return { status, body: { error }, headers };
}

/** What any caller may be refused with: the problem, with the member that callers of this scheme look for. */
function problemWithError({ code, headers, members, message }: Problem): Answer {
  const made = problemAnswer(code, headers, { ...members, error: message });
  const { 'content-type': contentType = '', ...others } = made.headers;
  return { status: made.status, body: made.body, contentType, headers: others };
}
