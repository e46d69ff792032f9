// One signed request from its head to its answer, in the order of docs/api.md: caller, rate, body, digest, nonce,
// scope, handler. Whatever is answered to a request whose signature held is signed; what is refused before is one and
// the same 401.
import type { IncomingMessage } from 'node:http';
import type { Config } from '../../config/config.js';
import type { Clock } from '../../platform/clock.js';
import {
  checkDigest,
  Fields,
  isFramedWithContent,
  verifyMac,
  viewRequest,
  type RefusalReason,
  type ReplayPartition,
  type RequestView,
} from '../../signature/index.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { Problem, problemAnswer, type ProblemCode } from '../problems.js';
import type { Answer, ListenerKind } from '../route.js';
import { countedAddress, isLoopbackAddress } from './address.js';
import { Allowance } from './allowance.js';
import { signAnswer, type Outgoing } from './answer-signature.js';
import {
  authenticate,
  claimNonce,
  type Authenticated,
  type AuthenticateParts,
  type Denied,
} from './authenticate.js';
import { parseJson, readBody } from './body.js';
import type { BoundedAudit } from './bounded-audit.js';
import { mayDo, type Caller } from './caller.js';
import type { KeySet } from './keys.js';
import type { OlderScheme } from './older-scheme.js';
import type { RequestFacts, SignedExchange, SignedRoute } from './signed-route.js';
import { whenThere, type Soon } from './soon.js';
import { challenge } from './challenge.js';

/** A request that has a route. */
export interface Incoming extends RequestFacts {
  readonly request: IncomingMessage;
  readonly listener: ListenerKind;
  /** Empty where there is none. Taken at the start: who has left by the end is counted all the same. */
  readonly remoteAddress: string;
  /** Asks for the body where the caller waits to be asked (`Expect: 100-continue`). */
  continueBody(): void;
}

export interface ServeOptions {
  readonly clock: Clock;
  readonly parts: AuthenticateParts;
  readonly keys: () => KeySet;
  /** The peer on the Unix socket. */
  readonly socketCaller: () => Caller;
  /** A holder of the token that settings hold, by the older scheme; null: it is refused. */
  readonly older: { readonly scheme: OlderScheme; readonly caller: () => Caller } | null;
  /** By caller. */
  readonly rates: Allowance;
  readonly limits: () => Config['limits'];
  readonly isShared: (address: string) => boolean;
  readonly scheme: 'http' | 'https';
  /** Whether a value may travel on this listener. */
  readonly mayCarryValue: (listener: ListenerKind) => boolean;
  readonly bodyBytesMax: number;
  /** Nothing waits for Vault or for a change any more. */
  readonly isStopping: () => boolean;
  readonly audit: BoundedAudit;
  readonly metrics: Pick<Metrics, 'signatureVerified' | 'rateLimited'>;
}

/** At once, unless there is something to wait for. */
export type Serve = (route: SignedRoute, incoming: Incoming) => Soon<Outgoing>;

/** What a handler throws that is no `Problem` is thrown. */
export function buildServe(options: ServeOptions): Serve {
  const { clock, parts, audit, metrics, limits, rates } = options;
  const failures = new Allowance(clock, () => limits().failuresPerMinute);
  const cryptoRates = new Allowance(clock, () => limits().cryptoRequestsPerMinute);

  return (route, incoming) => {
    const { request, listener } = incoming;
    if (listener === 'socket') {
      if (request.headers['keytender-request'] !== 'true') return unauthenticated();
      return whenThere(answerTo(route, incoming, null, options.socketCaller()), outgoingOf);
    }
    if (options.older?.scheme.isMeant(route.path, request) === true) {
      return answerToOlder(route, incoming, options.older).then(outgoingOf);
    }
    const view = viewOf(request, options.scheme);
    const mayAskVault = (): boolean => isAllowedToMiss(incoming.remoteAddress);
    const by = authenticate({ request: view, mayAskVault, incoming }, parts);
    return whenThere(by, (known) => answerKnown(route, incoming, known));
  };

  function answerKnown(
    route: SignedRoute,
    incoming: Incoming,
    by: Authenticated | Denied,
  ): Soon<Outgoing> {
    if (by.ok) {
      const answered = answerTo(route, incoming, by, by.caller);
      return whenThere(answered, (answer) => signedOrRefused(answer, by, incoming));
    }
    if ('reason' in by) return refuseStranger(by, incoming);
    if (by.problem === 'refresh_busy') return outgoingOf(refusalOf(new Problem('refresh_busy')));
    const address = countedAddress(incoming.remoteAddress);
    return signedOrRefused(problemAnswerOf(replayed(by.by, address)), by.by, incoming);
  }

  function signedOrRefused(
    answer: Answer | Unproven,
    by: Authenticated,
    incoming: Incoming,
  ): Outgoing {
    if (answer instanceof Unproven) {
      return refuseStranger({ reason: answer.reason, caller: by.mac.caller }, incoming);
    }
    return signAnswer(outgoingOf(answer), by, Math.floor(parts.freshness().nowSeconds));
  }

  /** Whether Vault may be asked for a key that somebody at this address signed with. */
  function isAllowedToMiss(remoteAddress: string): boolean {
    return (
      isLoopbackAddress(remoteAddress) ||
      options.isShared(remoteAddress) ||
      failures.waitMs(countedAddress(remoteAddress)) === 0
    );
  }

  /** Unsigned, as there is nothing to bind an answer to. */
  function answerToOlder(
    route: SignedRoute,
    incoming: Incoming,
    { scheme, caller }: NonNullable<ServeOptions['older']>,
  ): Promise<Answer> {
    const { request } = incoming;
    return scheme.answer({
      request,
      requestId: incoming.requestId,
      readBody: () => {
        incoming.continueBody();
        return readBody(request, options.bodyBytesMax);
      },
      isAllowed: () => mayDo(caller(), route.scope, null),
      handle: async (body) => {
        noteSuccess(null, caller(), incoming);
        checkScope(route, caller(), incoming);
        return route.handle(exchangeOf(route, incoming, null, caller(), body));
      },
    });
  }

  /** A 401; above the limit of failures a 429. A good request never comes here. */
  function refuseStranger(
    { reason, caller }: Pick<Extract<Denied, { reason: RefusalReason }>, 'reason' | 'caller'>,
    { remoteAddress, requestId }: Incoming,
  ): Outgoing {
    metrics.signatureVerified('api', reason, 'none', 'none');
    const address = countedAddress(remoteAddress);
    const waitMs = options.isShared(remoteAddress) ? null : failures.take(address);
    const fields = {
      reason,
      address,
      request_id: requestId,
      ...(caller === null ? {} : { caller }),
    };
    audit.note('auth_failure', address, fields);
    if (waitMs === null) return unauthenticated();
    metrics.rateLimited('address');
    audit.once('rate_limited', address, { address, request_id: requestId });
    return problemOutgoing(new Problem('rate_limited', retryAfter(waitMs)));
  }

  function replayed(by: Authenticated, address: string): Problem {
    const { caller, mac } = by;
    metrics.signatureVerified('api', 'replay', mac.key, caller.label);
    audit.note('replay_detected', caller.key, { caller: caller.label, address });
    return new Problem('replay_detected');
  }

  function answerTo(
    route: SignedRoute,
    incoming: Incoming,
    by: Authenticated | null,
    caller: Caller,
  ): Soon<Answer | Unproven> {
    try {
      checkRate(route, caller);
      const content = hasContent(incoming, by) ? contentOf(incoming) : nothing;
      const answer = whenThere(content, (body) => handle(route, incoming, by, caller, body));
      return answer instanceof Promise ? answer.catch(refused) : answer;
    } catch (error) {
      return refused(error);
    }
  }

  function handle(
    route: SignedRoute,
    incoming: Incoming,
    by: Authenticated | null,
    caller: Caller,
    body: Buffer,
  ): Soon<Answer | Unproven> {
    if (by !== null) {
      // without content too: what was signed may have had some
      const wrong = checkDigest(by.parsed, body);
      if (wrong !== undefined) return new Unproven(wrong);
      const unproven = spendNonce(by, parts.nonces(caller));
      if (unproven !== null) return unproven;
    }
    noteSuccess(by, caller, incoming);
    checkScope(route, caller, incoming);
    return route.handle(exchangeOf(route, incoming, by, caller, body));
  }

  /** What a `Problem` is answered with; anything else is thrown on. */
  function refused(error: unknown): Answer | Unproven {
    if (!(error instanceof Problem)) throw error;
    // of a watch whose key ended while it waited
    if (error.code === 'unauthenticated') return new Unproven('retired_key');
    return refusalOf(error);
  }

  /** Who would have waited for Vault is told when there is no use in it. */
  function refusalOf(problem: Problem): Answer {
    const isOver = problem.code === 'refresh_busy' && options.isStopping();
    return problemAnswerOf(isOver ? new Problem('shutting_down') : problem);
  }

  function checkRate(route: SignedRoute, caller: Caller): void {
    const waitMs = route.isCrypto
      ? cryptoRates.take(caller.key)
      : rates.take(caller.key, caller.requestsPerMinute);
    if (waitMs === null) return;
    metrics.rateLimited('key');
    audit.note('rate_limited', caller.key, { caller: caller.label, route: route.path });
    throw new Problem('rate_limited', retryAfter(waitMs));
  }

  function contentOf(incoming: Incoming): Promise<Buffer> {
    incoming.continueBody();
    return readBody(incoming.request, options.bodyBytesMax);
  }

  function spendNonce(by: Authenticated, guard: ReplayPartition): Unproven | null {
    switch (claimNonce(by, guard, parts.freshness().nowSeconds)) {
      case 'claimed':
        metrics.signatureVerified('api', 'ok', by.mac.key, by.caller.label);
        return null;
      case 'replay':
        throw replayed(by, '');
      case 'full':
        throw new Problem('replay_guard_full');
      case 'forgotten':
        return new Unproven('before_start');
    }
  }

  function noteSuccess(by: Authenticated | null, caller: Caller, { requestId }: Incoming): void {
    const version = by === null ? {} : { version: by.mac.version };
    audit.once('auth_success', caller.key, {
      caller: caller.label,
      request_id: requestId,
      ...version,
    });
  }

  function checkScope(route: SignedRoute, caller: Caller, incoming: Incoming): void {
    const token = incoming.params['name'] ?? null;
    if (!mayDo(caller, route.scope, token)) {
      const { scope, path } = route;
      const fields = { caller: caller.label, scope, route: path, request_id: incoming.requestId };
      audit.note('scope_denied', caller.key, fields);
      throw new Problem('insufficient_scope');
    }
    if (route.carriesValue && !options.mayCarryValue(incoming.listener)) {
      throw new Problem('tls_required');
    }
  }

  function exchangeOf(
    route: SignedRoute,
    incoming: Incoming,
    by: Authenticated | null,
    caller: Caller,
    body: Buffer,
  ): SignedExchange {
    return {
      incoming,
      caller,
      keys: by?.keys ?? options.keys(),
      body: route.hasBody ? parseJson(body, incoming.request) : null,
      mayCarryValue: options.mayCarryValue(incoming.listener),
      again: () => again(by),
    };
  }

  function again(by: Authenticated | null): ReturnType<SignedExchange['again']> {
    const keys = options.keys();
    if (by === null) return { caller: options.socketCaller(), keys };
    const mac = verifyMac(by.parsed, keys.keyring, parts.freshness().nowSeconds);
    const caller = mac.ok ? parts.callerOf(mac, keys) : null;
    return caller === null ? null : { caller, keys };
  }
}

/** Found out only with the body: refused like every signature that does not hold. */
class Unproven {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    this.reason = reason;
  }
}

const nothing = Buffer.alloc(0);

function viewOf(request: IncomingMessage, scheme: string): RequestView {
  const { method = '', url = '', rawHeaders } = request;
  return viewRequest({ method, url, headers: rawHeaders, scheme });
}

function hasContent({ request }: Incoming, by: Authenticated | null): boolean {
  return isFramedWithContent(by?.request.fields ?? new Fields(request.rawHeaders));
}

function retryAfter(waitMs: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) };
}

function unauthenticated(): Outgoing {
  return problemOutgoing(new Problem('unauthenticated', challenge));
}

function problemOutgoing(problem: Problem): Outgoing {
  return outgoingOf(problemAnswerOf(problem));
}

function problemAnswerOf({ code, headers, members }: Problem): Answer {
  const made = problemAnswer(code satisfies ProblemCode, headers, members);
  const { 'content-type': contentType = '', ...others } = made.headers;
  return { status: made.status, body: made.body, contentType, headers: others };
}

function outgoingOf(answer: Answer | Unproven): Outgoing {
  if (answer instanceof Unproven) return unauthenticated();
  const { status, body, contentType = 'application/json', headers = {} } = answer;
  if (status === 204) return { status, headers, body: '' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: { ...headers, 'content-type': contentType },
    body: text,
  };
}
