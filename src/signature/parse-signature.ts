// First step of verifying: from the head of a message to one signature that is well-formed, is ours by its tag, and
// covers what the policy wants, with the base its MAC must be over. Needs neither key, nor clock, nor content, so it
// runs before the body is read. RFC 9421 §3.2 steps 1–4 and 7.
import { componentOf, signatureParamsText } from './component.js';
import type { Component } from './component.js';
import { parseContentDigest } from './content-digest.js';
import type { ExpectedDigest } from './content-digest.js';
import { MAC_BYTES } from './key.js';
import type { Fields } from './fields.js';
import type { MessageView } from './message.js';
import type { SignaturePolicy } from './policy.js';
import { refuse } from './refusal.js';
import type { Refusal, RefusalReason } from './refusal.js';
import { signatureBase } from './signature-base.js';
import { readSignatures } from './read-signatures.js';
import type { RawSignature } from './read-signatures.js';
import type { BareItem, InnerList, Parameters } from './structured-field.js';

/** A signature as it stands in a message; nothing of it is proven. */
export interface ParsedSignature {
  readonly ok: true;
  readonly label: string;
  readonly components: readonly Component[];
  readonly created: number | undefined;
  readonly expires: number | undefined;
  readonly nonce: string | undefined;
  readonly keyid: string | undefined;
  readonly tag: string | undefined;
  /** Signature base: what the MAC must be over. ASCII. */
  readonly base: string;
  readonly mac: Uint8Array;
  /** What the content must hash to; undefined when `content-digest` is not covered. */
  readonly digests: readonly ExpectedDigest[] | undefined;
}

export type ParseOutcome = ParsedSignature | Refusal;

/**
 * @param hasContent by framing, not by what was parsed of it (`isFramedWithContent`)
 */
export function parseSignature(
  message: MessageView,
  policy: SignaturePolicy,
  hasContent: boolean,
): ParseOutcome {
  const selected = selectSignature(message.fields, policy);
  if (typeof selected === 'string') return refuse(selected);
  const { label, input, mac } = selected;
  const parameters = readParameters(input, policy);
  if (typeof parameters === 'string') return refuse(parameters);
  const components = readComponents(input, policy);
  if (typeof components === 'string') return refuse(components);
  const gap = coverageGap(components, policy, message.fields, hasContent);
  if (gap !== undefined) return refuse(gap);
  const signatureParams = input.text ?? signatureParamsText(components, input.parameters);
  const built = signatureBase(message, components, signatureParams, policy.structuredTypes);
  if (!built.ok) return built;
  if (!isForAudience(message, policy)) return refuse('wrong_audience');
  const digests = coveredDigests(components, message.fields);
  if (typeof digests === 'string') return refuse(digests);
  const { created, expires, nonce, keyid, tag } = parameters;
  const { base } = built;
  return { ok: true, label, components, created, expires, nonce, keyid, tag, base, mac, digests };
}

/** One signature of the message, by its tag: labels mean nothing. */
function selectSignature(fields: Fields, policy: SignaturePolicy): RawSignature | RefusalReason {
  const signatures = readSignatures(fields, policy);
  if (typeof signatures === 'string') return signatures;
  const { tag } = policy;
  const ours =
    tag === undefined
      ? signatures
      : signatures.filter(({ input }) => input.parameters.get('tag') === tag);
  const [selected] = ours;
  if (selected === undefined) return 'wrong_tag';
  const isUsable = ours.length === 1 && selected.mac.length === MAC_BYTES;
  return isUsable ? selected : 'malformed_signature';
}

type SignatureParameters = Pick<ParsedSignature, 'created' | 'expires' | 'nonce' | 'keyid' | 'tag'>;

function readParameters(
  { parameters }: InnerList,
  policy: SignaturePolicy,
): SignatureParameters | RefusalReason {
  const created = parameters.get('created');
  const expires = parameters.get('expires');
  const nonce = parameters.get('nonce');
  const keyid = parameters.get('keyid');
  const tag = parameters.get('tag');
  const alg = parameters.get('alg');
  const isTyped =
    isTime(created) &&
    isTime(expires) &&
    isText(nonce) &&
    isText(keyid) &&
    isText(tag) &&
    isText(alg);
  if (!isTyped) return 'malformed_signature';
  if (alg !== undefined && alg !== 'hmac-sha256') return 'unsupported_algorithm';
  for (const name of policy.parameters) {
    if (!parameters.has(name)) return name === 'tag' ? 'wrong_tag' : 'malformed_signature';
  }
  if (nonce !== undefined && !isWithin(nonce.length, policy.nonceCharsMin, policy.nonceCharsMax)) {
    return 'malformed_signature';
  }
  return { created, expires, nonce, keyid, tag };
}

function readComponents(
  input: InnerList,
  policy: SignaturePolicy,
): readonly Component[] | RefusalReason {
  if (input.items.length > policy.components.length + policy.extraComponentsMax + 1) {
    return 'unsupported_component';
  }
  const components: Component[] = [];
  for (const item of input.items) {
    const component = componentOf(item);
    if (component === undefined) return 'malformed_signature';
    if (item.parameters.size > 0 && !areUnderstood(item.parameters, policy)) {
      return 'unsupported_component';
    }
    components.push(component);
  }
  return components;
}

function areUnderstood(parameters: Parameters, policy: SignaturePolicy): boolean {
  return [...parameters.keys()].every((name) => policy.componentParameters.includes(name));
}

function coverageGap(
  components: readonly Component[],
  policy: SignaturePolicy,
  fields: Fields,
  hasContent: boolean,
): RefusalReason | undefined {
  const plainNames: string[] = [];
  for (const { name, parameters } of components) if (parameters.size === 0) plainNames.push(name);
  const isCovered = (name: string): boolean => plainNames.includes(name);
  for (const name of policy.components) if (!isCovered(name)) return 'missing_component';
  for (const name of policy.componentsIfPresent) {
    if (fields.has(name) && !isCovered(name)) return 'missing_component';
  }
  const isDigestCovered = isCovered('content-digest');
  const needsDigest =
    policy.contentDigest === 'always' || (policy.contentDigest === 'with-content' && hasContent);
  if (needsDigest && !isDigestCovered) return 'missing_component';
  const required = policy.components.length + (isDigestCovered ? 1 : 0);
  return components.length - required > policy.extraComponentsMax
    ? 'unsupported_component'
    : undefined;
}

function coveredDigests(
  components: readonly Component[],
  fields: Fields,
): readonly ExpectedDigest[] | undefined | RefusalReason {
  const isCovered = components.some((component) => isDigestOfThis(component));
  const field = isCovered ? fields.value('content-digest') : undefined;
  if (field === undefined) return undefined;
  const digests = parseContentDigest(field);
  if (digests === 'malformed') return 'digest_mismatch';
  return digests === 'unknown' ? 'unsupported_algorithm' : digests;
}

function isDigestOfThis({ name, parameters }: Component): boolean {
  return name === 'content-digest' && !parameters.has('req') && !parameters.has('tr');
}

function isForAudience(message: MessageView, policy: SignaturePolicy): boolean {
  if (policy.audience === undefined) return true;
  const request = message.kind === 'request' ? message : message.request;
  const authority = request?.target?.authority;
  return authority !== undefined && policy.audience.includes(authority);
}

function isTime(value: BareItem | undefined): value is number | undefined {
  return value === undefined || typeof value === 'number';
}

function isText(value: BareItem | undefined): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
