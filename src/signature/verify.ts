// Verifying a whole message at once: the steps in their order. A server that reads bodies itself takes the steps one
// by one (`parseSignature`, `checkFreshness`, `verifyMac`, `checkDigest`, then the replay guard), so that nothing of
// a body is read for a stranger.
import { checkBinding } from './answer-binding.js';
import { componentLabel } from './component.js';
import { matchesContent } from './content-digest.js';
import { checkFreshness } from './freshness.js';
import type { FreshnessContext } from './freshness.js';
import type { Keyring, KeyRole } from './keyring.js';
import { isFramedWithContent, viewRequest, viewResponse } from './message.js';
import type { MessageView, RequestMessage, ResponseMessage } from './message.js';
import { parseSignature } from './parse-signature.js';
import type { ParsedSignature } from './parse-signature.js';
import type { SignaturePolicy } from './policy.js';
import { refuse } from './refusal.js';
import type { Refusal, RefusalReason } from './refusal.js';
import type { ReplayPartition } from './replay/replay-partition.js';
import { verifyMac } from './verify-mac.js';

export interface Content {
  /** The content as it travelled: after content coding, before anything parsed it. */
  readonly body?: Uint8Array;
  /** The caller has compared the content with the covered `Content-Digest` itself. */
  readonly isContentVerified?: boolean;
}

export type VerifiableRequest = RequestMessage & Content;
export type VerifiableResponse = ResponseMessage & Content;

export interface VerifyContext extends FreshnessContext {
  /** Where nonces are remembered; without it a replay is not noticed. */
  readonly replay?: ReplayPartition;
}

export interface Verified {
  readonly ok: true;
  /** Which of the keys it was. */
  readonly key: KeyRole;
  /** Newest version of that key; null for a static token. */
  readonly version: number | null;
  readonly keyid: string | null;
  /** `name` or `client:id`. */
  readonly caller: string;
  readonly tag: string | null;
  readonly created: number | null;
  readonly nonce: string | null;
  readonly label: string;
  /** Identifiers of the covered components: `@method`, `content-digest`, `@path;req`. */
  readonly covered: readonly string[];
}

export type Verdict = Verified | Refusal;

/** Whether a request was signed, and by which key. Never throws for what the request holds. */
export function verify(
  request: VerifiableRequest,
  keyring: Keyring,
  policy: SignaturePolicy,
  context: VerifyContext,
): Verdict {
  return verifyMessage(viewRequest(request), request, keyring, policy, context);
}

/**
 * Whether an answer belongs to this request, and by which key it was signed. `keyring` should hold the key that
 * signed the request and no other.
 */
export function verifyResponse(
  response: VerifiableResponse,
  request: RequestMessage,
  keyring: Keyring,
  policy: SignaturePolicy,
  context: VerifyContext,
): Verdict {
  const view = viewResponse(response, viewRequest(request));
  return verifyMessage(view, response, keyring, policy, context);
}

/** Undefined when the content is what was signed. Content that nothing covers is refused. */
export function checkDigest(
  { digests }: Pick<ParsedSignature, 'digests'>,
  content: Uint8Array,
): RefusalReason | undefined {
  if (digests === undefined) return content.length > 0 ? 'missing_component' : undefined;
  return matchesContent(digests, content) ? undefined : 'digest_mismatch';
}

const noContent = new Uint8Array(0);

function verifyMessage(
  view: MessageView,
  content: Content,
  keyring: Keyring,
  policy: SignaturePolicy,
  context: VerifyContext,
): Verdict {
  const parsed = parseSignature(view, policy, hasContent(view, content));
  if (!parsed.ok) return parsed;
  const stale = checkFreshness(parsed, policy, context);
  if (stale !== undefined) return refuse(stale);
  const mac = verifyMac(parsed, keyring, context.nowSeconds);
  if (!mac.ok) return refuse(mac.reason);
  const wrong =
    bindingMismatch(parsed, view, policy) ??
    contentMismatch(parsed, content, policy) ??
    claimNonce(parsed, mac.caller, context);
  if (wrong !== undefined) return refuse(wrong);
  return {
    ok: true,
    key: mac.key,
    version: mac.version,
    keyid: parsed.keyid ?? null,
    caller: mac.caller,
    tag: parsed.tag ?? null,
    created: parsed.created ?? null,
    nonce: parsed.nonce ?? null,
    label: parsed.label,
    covered: parsed.components.map(componentLabel),
  };
}

function hasContent(view: MessageView, { body, isContentVerified }: Content): boolean {
  if (isContentVerified === true || (body !== undefined && body.length > 0)) return true;
  return isFramedWithContent(view.fields);
}

function bindingMismatch(
  parsed: ParsedSignature,
  view: MessageView,
  policy: SignaturePolicy,
): RefusalReason | undefined {
  if (!policy.bindsRequest || view.kind === 'request') return undefined;
  return view.request === undefined ? 'replay' : checkBinding(parsed, view.request.fields, policy);
}

function contentMismatch(
  parsed: ParsedSignature,
  { body, isContentVerified }: Content,
  policy: SignaturePolicy,
): RefusalReason | undefined {
  if (isContentVerified === true) return undefined;
  if (policy.contentDigest === 'optional' && parsed.digests === undefined) return undefined;
  return checkDigest(parsed, body ?? noContent);
}

/** Last of all, so that a request refused for another reason does not use its nonce up. */
function claimNonce(
  { nonce, created }: ParsedSignature,
  caller: string,
  { replay, nowSeconds }: VerifyContext,
): RefusalReason | undefined {
  if (replay === undefined) return undefined;
  if (nonce === undefined || created === undefined) return 'malformed_signature';
  const outcome = replay.claim(`${caller} ${nonce}`, created, nowSeconds);
  if (outcome === 'claimed') return undefined;
  return outcome === 'forgotten' ? 'before_start' : 'replay';
}
