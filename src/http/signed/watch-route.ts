// `GET /v1/tokens/{name}/watch`: answers as soon as the token is not the one the caller knows. Who he is and what he
// may see is asked again on delivery: a rotation while he waited may have been meant to put him out.
import { CallerGone } from './body.js';
import type { ApiToken } from './api-token.js';
import type { BoundedAudit } from './bounded-audit.js';
import { mayDo } from './caller.js';
import { challenge } from './challenge.js';
import { Problem } from '../problems.js';
import type { Answer } from '../route.js';
import { malformed } from './request-body.js';
import type { SignedExchange, SignedRoute } from './signed-route.js';
import { signedSpec } from './signed-spec.js';
import { namedToken } from './token-routes.js';
import { tokenSchema } from './token-schema.js';
import { revisionOf, tokenView } from './token-view.js';
import type { Watchers } from './watch.js';

const TIMEOUT_SECONDS_MAX = 60;
const BUSY_RETRY_SECONDS = 5;

export const watchSpec = signedSpec({
  method: 'GET',
  path: '/v1/tokens/:name/watch',
  summary: 'Waits until the token is not the revision the caller knows; values with token:read',
  scope: 'token:watch',
  answer: tokenSchema,
  isTimed: false,
  responses: { 204: { description: 'Nothing changed within the timeout' } },
});

export interface WatchRouteParts {
  readonly tokens: ReadonlyMap<string, ApiToken>;
  readonly watchers: Watchers;
  readonly waitersMax: () => number;
  readonly audit: BoundedAudit;
  readonly process: string;
}

export function watchRoute(parts: WatchRouteParts): SignedRoute {
  return { ...watchSpec, handle: (exchange) => watch(exchange, parts) };
}

async function watch(exchange: SignedExchange, parts: WatchRouteParts): Promise<Answer> {
  const { name } = namedToken(exchange);
  const token = parts.tokens.get(name);
  if (token === undefined) throw new Problem('not_found');
  const { revision, timeoutSeconds } = parametersOf(exchange.incoming.query);
  if (mayDo(exchange.caller, 'token:read', name) && !exchange.mayCarryValue) {
    throw new Problem('tls_required');
  }
  if (revision !== null) {
    if (parts.watchers.isStopping) throw new Problem('shutting_down');
    if (parts.watchers.size >= parts.waitersMax()) {
      throw new Problem('rate_limited', { 'retry-after': String(BUSY_RETRY_SECONDS) });
    }
    const end = await parts.watchers.wait(
      token,
      revision,
      timeoutSeconds * 1000,
      exchange.incoming,
    );
    if (end === 'gone') throw new CallerGone();
    if (end !== 'changed') return { status: 204, body: '' };
  }
  return deliver(name, exchange, parts);
}

function deliver(
  name: string,
  exchange: SignedExchange,
  { audit, process }: WatchRouteParts,
): Answer {
  const now = exchange.again();
  const look = now?.keys.look(name) ?? null;
  if (now === null || look === null) throw new Problem('unauthenticated', challenge);
  if (!mayDo(now.caller, 'token:watch', name)) throw new Problem('insufficient_scope');
  const version = look.snapshot.current?.version ?? null;
  const { label, key } = now.caller;
  const fields = { token: name, caller: label, request_id: exchange.incoming.requestId, version };
  audit.note('token_watched', `${key} ${name}`, fields);
  const withValues = mayDo(now.caller, 'token:read', name);
  return { status: 200, body: tokenView(name, look, revisionOf(look, process), withValues) };
}

function parametersOf(query: URLSearchParams): {
  readonly revision: string | null;
  readonly timeoutSeconds: number;
} {
  const timeout = theOnly(query, 'timeout') ?? String(TIMEOUT_SECONDS_MAX);
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(timeout)) throw malformed();
  return {
    revision: theOnly(query, 'revision'),
    timeoutSeconds: Math.min(Number(timeout), TIMEOUT_SECONDS_MAX),
  };
}

function theOnly(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name);
  if (values.length > 1) throw malformed();
  return values[0] ?? null;
}
