// What a caller may know of tokens, and have refreshed: list, read, refresh, and swap where no Vault owns the value.
import * as Type from 'typebox/type';
import { tokenTextProblem, STRONG_TOKEN_BYTES } from '../../token/document.js';
import { Problem } from '../problems.js';
import type { Answer } from '../route.js';
import { forcedOutcomes, type ApiToken, type ForcedOutcome, type TokenLook } from './api-token.js';
import type { BoundedAudit } from './bounded-audit.js';
import { mayDo } from './caller.js';
import { membersOf, textOf } from './request-body.js';
import type { SignedExchange, SignedRoute } from './signed-route.js';
import { signedSpec } from './signed-spec.js';
import { tokenSchema, tokenListSchema } from './token-schema.js';
import { revisionOf, tokenView } from './token-view.js';

export interface TokenRouteParts {
  readonly tokens: ReadonlyMap<string, ApiToken>;
  readonly audit: BoundedAudit;
  /** Random for each process: revisions of another one are never taken for ours. */
  readonly process: string;
}

const list = signedSpec({
  method: 'GET',
  path: '/v1/tokens',
  summary: 'The tokens that the caller may see, without values',
  scope: 'token:list',
  answer: tokenListSchema,
});
const read = signedSpec({
  method: 'GET',
  path: '/v1/tokens/:name',
  summary: 'A token with its value',
  scope: 'token:read',
  answer: tokenSchema,
  carriesValue: true,
});
const refresh = signedSpec({
  method: 'POST',
  path: '/v1/tokens/:name/refresh',
  summary: 'Asks Vault now',
  scope: 'token:refresh',
  answer: Type.Object({
    changed: Type.Boolean(),
    version: Type.Union([Type.Integer(), Type.Null()]),
    outcome: Type.Enum([...forcedOutcomes]),
  }),
});
const rotate = signedSpec({
  method: 'POST',
  path: '/v1/auth/rotate-token',
  summary: 'Swaps a static token; with Vault 409, Vault owns the value',
  scope: 'auth:rotate',
  request: Type.Object({ new_token: Type.String() }),
  answer: Type.Object({ rotated: Type.Literal(true), version: Type.Null() }),
  carriesValue: true,
});

export const tokenSpecs = [list, read, refresh, rotate];

/** The token that `rotate-token` swaps: the one that settings hold. */
const STATIC_TOKEN = 'default';

export function tokenRoutes(parts: TokenRouteParts): readonly SignedRoute[] {
  return [
    { ...list, handle: (exchange) => listTokens(exchange, parts) },
    { ...read, handle: (exchange) => readToken(exchange, parts) },
    { ...refresh, handle: (exchange) => refreshToken(exchange, parts) },
    { ...rotate, handle: (exchange) => rotateToken(exchange, parts) },
  ];
}

/** The token that the path names. Throws `Problem` `not_found`. */
export function namedToken({ incoming, keys }: Pick<SignedExchange, 'incoming' | 'keys'>): {
  readonly name: string;
  readonly look: TokenLook;
} {
  const name = incoming.params['name'] ?? '';
  const look = keys.look(name);
  if (look === null) throw new Problem('not_found');
  return { name, look };
}

function listTokens(
  { caller, keys }: SignedExchange,
  { tokens, process }: TokenRouteParts,
): Answer {
  const views = [...tokens.keys()]
    .filter((name) => mayDo(caller, 'token:list', name))
    .flatMap((name) => {
      const look = keys.look(name);
      return look === null ? [] : [tokenView(name, look, revisionOf(look, process), false)];
    });
  return { status: 200, body: { tokens: views } };
}

function readToken(exchange: SignedExchange, { audit, process }: TokenRouteParts): Answer {
  const { name, look } = namedToken(exchange);
  const { caller, incoming } = exchange;
  if (!look.isUsable) throw new Problem('token_unavailable');
  const version = look.snapshot.current?.version ?? null;
  const fields = { token: name, caller: caller.label, request_id: incoming.requestId, version };
  audit.note('token_read', `${caller.key} ${name}`, fields);
  return { status: 200, body: tokenView(name, look, revisionOf(look, process), true) };
}

const changing: ReadonlySet<ForcedOutcome> = new Set([
  'rotated',
  'recreated',
  'restored',
  'revoked',
]);

async function refreshToken(
  exchange: SignedExchange,
  { tokens, audit }: TokenRouteParts,
): Promise<Answer> {
  const { name } = namedToken(exchange);
  const { caller, incoming } = exchange;
  const token = tokens.get(name);
  if (token === undefined) throw new Problem('not_found');
  const forced = await token.refresh(incoming.signal);
  const outcome = forced.kind === 'done' ? forced.outcome : forced.kind;
  const fields = { token: name, caller: caller.label, request_id: incoming.requestId, outcome };
  audit.note('refresh_forced', caller.key, fields);
  if (forced.kind === 'busy') throw new Problem('refresh_busy');
  if (forced.kind === 'failed') throw new Problem('refresh_failed', {}, { class: forced.class });
  const version = token.look().snapshot.current?.version ?? null;
  const changed = changing.has(forced.outcome);
  return { status: 200, body: { changed, version, outcome: forced.outcome } };
}

async function rotateToken(
  { body, caller }: SignedExchange,
  { tokens }: TokenRouteParts,
): Promise<Answer> {
  const text = textOf(membersOf(body, ['new_token']), 'new_token');
  const token = tokens.get(STATIC_TOKEN);
  if (!mayDo(caller, 'auth:rotate', STATIC_TOKEN)) throw new Problem('insufficient_scope');
  if (token === undefined || token.replace === null) throw new Problem('vault_owns_token');
  const isWeak = Buffer.byteLength(text) < STRONG_TOKEN_BYTES;
  if (isWeak || tokenTextProblem(text, 'new_token') !== null) throw new Problem('weak_token');
  await token.replace(text);
  return { status: 200, body: { rotated: true, version: null } };
}
