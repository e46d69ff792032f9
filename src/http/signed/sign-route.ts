// `POST /v1/tokens/{name}/sign`: signature headers for a request that a service is about to send, or for the answer to
// one. Key, time, nonce and components are ours to choose; a request to an agent's own API is never signed.
import { randomBytes } from 'node:crypto';
import * as Type from 'typebox/type';
import { sign, signResponse, SigningError, viewRequest } from '../../signature/index.js';
import type { Signed } from '../../signature/index.js';
import type { CurrentToken } from '../../token/snapshot.js';
import { Problem } from '../problems.js';
import type { Answer } from '../route.js';
import type { BoundedAudit } from './bounded-audit.js';
import { messageSchema } from './message-schema.js';
import { describedMessage, messageMembers, tagOf, type DescribedMessage } from './message-body.js';
import { malformed, membersOf } from './request-body.js';
import type { SignedExchange, SignedRoute } from './signed-route.js';
import { signedSpec } from './signed-spec.js';
import { namedToken } from './token-routes.js';

const NONCE_BYTES = 18;

export const signSpec = signedSpec({
  method: 'POST',
  path: '/v1/tokens/:name/sign',
  summary: 'Signature headers for a message that the service is about to send',
  scope: 'token:sign',
  isCrypto: true,
  request: messageSchema,
  answer: Type.Object({
    headers: Type.Object({
      'signature-input': Type.String(),
      signature: Type.String(),
      'content-digest': Type.Optional(Type.String()),
    }),
    version: Type.Union([Type.Integer(), Type.Null()]),
    created: Type.Integer(),
  }),
});

export interface SignRouteParts {
  readonly nowSeconds: () => number;
  /** Normalised: the agent signs nothing for itself. */
  readonly ownAuthorities: () => ReadonlySet<string>;
  readonly audit: BoundedAudit;
}

export function signRoute(parts: SignRouteParts): SignedRoute {
  return { ...signSpec, handle: (exchange) => signMessage(exchange, parts) };
}

function signMessage(exchange: SignedExchange, parts: SignRouteParts): Answer {
  const { name, look } = namedToken(exchange);
  const members = membersOf(exchange.body, messageMembers);
  const tag = tagOf(members);
  const message = describedMessage(members);
  const authority = viewRequest(message.request).target?.authority;
  if (authority === undefined) throw malformed();
  if (message.kind === 'request' && parts.ownAuthorities().has(authority)) {
    throw new Problem('reserved_authority');
  }
  const { current } = look.snapshot;
  if (!look.isUsable || current === null) throw new Problem('token_unavailable');
  const created = Math.floor(parts.nowSeconds());
  const { headers } = signed(message, current, name, tag, created);
  const { key, label } = exchange.caller;
  parts.audit.sum('request_signed', `${key} ${name}`, { token: name, caller: label });
  return { status: 200, body: { headers, version: current.version, created } };
}

function signed(
  message: DescribedMessage,
  { value, version }: CurrentToken,
  name: string,
  tag: string,
  created: number,
): Signed {
  const keyid = version === null ? name : `${name}:${version}`;
  const parameters = { key: value.key, keyid, created, tag };
  const content = message.body === undefined ? {} : { body: message.body };
  try {
    if (message.kind === 'answer') {
      return signResponse({ ...message.answer, ...content }, message.request, parameters);
    }
    const nonce = randomBytes(NONCE_BYTES).toString('base64url');
    return sign({ ...message.request, ...content }, { ...parameters, nonce });
  } catch (error) {
    throw error instanceof SigningError ? malformed() : error;
  }
}
