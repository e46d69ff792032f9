// `POST /v1/tokens/{name}/verify`: a verdict on a message that a service received. The same steps in the same order as
// for requests to us, with the service's audience and purpose; what is wrong is said here, to a caller we know.
import * as Type from 'typebox/type';
import {
  checkBinding,
  checkDigest,
  checkFreshness,
  componentLabel,
  isFramedWithContent,
  keytenderAnswerPolicy,
  keytenderPolicy,
  normalizeAuthority,
  parseSignature,
  refusalReasons,
  verifyMac,
  viewRequest,
  viewResponse,
  withMaxSkew,
  type FreshnessContext,
  type MacVerified,
  type MessageView,
  type ParsedSignature,
  type RefusalReason,
  type ReplayPartition,
  type SignaturePolicy,
} from '../../signature/index.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { Problem } from '../problems.js';
import type { Answer } from '../route.js';
import type { ApiToken } from './api-token.js';
import { couldAppear, mayBeNewer } from './authenticate.js';
import type { KeySet } from './keys.js';
import { describedMessage, messageMembers, tagOf, type DescribedMessage } from './message-body.js';
import { verifiedMessageSchema } from './message-schema.js';
import { malformed, membersOf, optionalFlag, type Members } from './request-body.js';
import type { SignedExchange, SignedRoute } from './signed-route.js';
import { signedSpec } from './signed-spec.js';
import { namedToken } from './token-routes.js';

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const verifySpec = signedSpec({
  method: 'POST',
  path: '/v1/tokens/:name/verify',
  summary: 'A verdict on a message that the service received',
  scope: 'token:verify',
  isCrypto: true,
  request: verifiedMessageSchema,
  answer: Type.Union([
    Type.Object({
      verified: Type.Literal(true),
      key: Type.Enum(['current', 'pending', 'superseded']),
      version: nullable(Type.Integer()),
      keyid: Type.String(),
      caller: Type.String(),
      tag: Type.String(),
      created: Type.Integer(),
      covered: Type.Array(Type.String()),
    }),
    Type.Object({ verified: Type.Literal(false), reason: Type.Enum([...refusalReasons]) }),
  ]),
});

export interface VerifyRouteParts {
  readonly tokens: ReadonlyMap<string, ApiToken>;
  readonly keys: () => KeySet;
  readonly freshness: () => FreshnessContext;
  readonly maxSkewMs: number;
  readonly nonces: () => ReplayPartition;
  readonly metrics: Pick<Metrics, 'signatureVerified'>;
}

export function verifyRoute(parts: VerifyRouteParts): SignedRoute {
  return { ...verifySpec, handle: (exchange) => verifyMessage(exchange, parts) };
}

interface Verdict {
  readonly parsed: ParsedSignature;
  readonly mac: MacVerified;
  readonly wrong: RefusalReason | null;
}

async function verifyMessage(exchange: SignedExchange, parts: VerifyRouteParts): Promise<Answer> {
  const { name } = namedToken(exchange);
  const members = membersOf(exchange.body, [
    ...messageMembers,
    'content_digest_verified',
    'audience',
    'replay',
  ]);
  const message = describedMessage(members);
  const purpose = message.kind === 'request' ? 'service' : 'answer';
  const verdict = await judge(name, message, members, exchange, parts);
  const reason = typeof verdict === 'string' ? verdict : verdict.wrong;
  if (typeof verdict === 'string' || reason !== null) {
    const isKnown = typeof verdict !== 'string' && reason === 'replay';
    const key = isKnown ? verdict.mac.key : 'none';
    parts.metrics.signatureVerified(purpose, reason ?? 'ok', key, isKnown ? 'holder' : 'none');
    return { status: 200, body: { verified: false, reason } };
  }
  const { parsed, mac } = verdict;
  parts.metrics.signatureVerified(purpose, 'ok', mac.key, 'holder');
  const { keyid, tag, created, components } = parsed;
  const covered = components.map(componentLabel);
  const { key, version } = mac;
  const body = { verified: true, key, version, keyid, caller: 'holder', tag, created, covered };
  return { status: 200, body };
}

async function judge(
  name: string,
  message: DescribedMessage,
  members: Members,
  exchange: SignedExchange,
  parts: VerifyRouteParts,
): Promise<Verdict | RefusalReason> {
  const isContentVerified = optionalFlag(members, 'content_digest_verified') === true;
  const isReplayChecked = optionalFlag(members, 'replay') ?? true;
  const policy = policyOf(message, members, parts.maxSkewMs);
  const view = viewOf(message);
  const hasContent =
    isContentVerified || (message.body?.length ?? 0) > 0 || isFramedWithContent(view.fields);
  const parsed = parseSignature(view, policy, hasContent);
  if (!parsed.ok) return parsed.reason;
  const { nowSeconds, notBeforeSeconds } = parts.freshness();
  const bound = isReplayChecked && notBeforeSeconds !== undefined ? { notBeforeSeconds } : {};
  const stale = checkFreshness(parsed, policy, { nowSeconds, ...bound });
  if (stale !== undefined) return stale;
  const mac = await findKey(name, parsed, exchange, parts);
  if (typeof mac === 'string') return mac;
  const wrong =
    bindingProblem(parsed, view, policy) ??
    (isContentVerified ? undefined : checkDigest(parsed, message.body ?? Buffer.alloc(0))) ??
    (isReplayChecked ? spendNonce(message.kind, parsed, mac, parts) : undefined);
  return { parsed, mac, wrong: wrong ?? null };
}

async function findKey(
  name: string,
  parsed: ParsedSignature,
  exchange: SignedExchange,
  parts: VerifyRouteParts,
): Promise<MacVerified | RefusalReason> {
  const nowSeconds = (): number => parts.freshness().nowSeconds;
  const mac = verifyMac(parsed, exchange.keys.ofToken(name), nowSeconds());
  if (mac.ok) return mac;
  const onDemand = mac.caller === name ? (parts.tokens.get(name)?.onDemand ?? null) : null;
  if (onDemand === null || !couldAppear(mac)) return mac.reason;
  const look = (): MacVerified | null => {
    const again = verifyMac(parsed, parts.keys().ofToken(name), nowSeconds());
    return again.ok ? again : null;
  };
  const found = await onDemand.ask({ look, version: mac.version }, exchange.incoming.signal);
  const isOpen = found.kind === 'failed' && mayBeNewer(mac, exchange.keys);
  if (found.kind === 'refused' || isOpen) throw new Problem('refresh_busy');
  return found.kind === 'found' ? found.value : mac.reason;
}

function spendNonce(
  kind: DescribedMessage['kind'],
  { nonce, created }: ParsedSignature,
  { caller }: MacVerified,
  { nonces, freshness }: VerifyRouteParts,
): RefusalReason | undefined {
  // an answer repeats the nonce of its request
  const name = `${kind} ${caller} ${nonce ?? ''}`;
  switch (nonces().claim(name, created ?? 0, freshness().nowSeconds)) {
    case 'claimed':
      return undefined;
    case 'replay':
      return 'replay';
    case 'forgotten':
      return 'before_start';
    case 'full':
      throw new Problem('replay_guard_full');
  }
}

function bindingProblem(
  parsed: ParsedSignature,
  view: MessageView,
  policy: SignaturePolicy,
): RefusalReason | undefined {
  if (view.kind === 'request' || view.request === undefined) return undefined;
  return checkBinding(parsed, view.request.fields, policy);
}

function viewOf(message: DescribedMessage): MessageView {
  const request = viewRequest(message.request);
  return message.kind === 'request' ? request : viewResponse(message.answer, request);
}

function policyOf(message: DescribedMessage, members: Members, maxSkewMs: number): SignaturePolicy {
  const base = message.kind === 'request' ? keytenderPolicy : keytenderAnswerPolicy;
  const policy = withMaxSkew({ ...base, tag: tagOf(members) }, maxSkewMs / 1000);
  const audience = audienceOf(members, message.request.url);
  return audience === null ? policy : { ...policy, audience };
}

function audienceOf({ audience }: Members, url: string): readonly string[] | null {
  if (audience === undefined) return null;
  const named: unknown[] = Array.isArray(audience) ? audience : [audience];
  const scheme = /^([a-z]+):/i.exec(url)?.[1];
  return named.map((one) => {
    const authority = typeof one === 'string' ? normalizeAuthority(one, scheme) : undefined;
    if (authority === undefined) throw malformed();
    return authority;
  });
}
