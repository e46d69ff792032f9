// What a verifier asks of a signature beyond its being genuine: RFC 9421 §3.2.1 leaves that to the application. A
// plain value, so that it can be printed, compared and changed by a spread. `keytenderPolicy` is ours;
// `rfc9421Policy` asks for nothing, for signatures of other worlds (and the RFC's own examples).
import { structuredTypes } from './component-value.js';
import type { StructuredTypes } from './component-value.js';

export interface SignaturePolicy {
  /** Selects the signature; exactly one must have it. Undefined: any tag, and there must be one signature only. */
  readonly tag: string | undefined;
  /** Components that must be covered, without component parameters. */
  readonly components: readonly string[];
  /** Fields that must be covered where the message has them. */
  readonly componentsIfPresent: readonly string[];
  /** Whether `content-digest` must be covered: if there is content, always (of empty content too), or never. */
  readonly contentDigest: 'with-content' | 'always' | 'optional';
  /** Signature parameters that must be there. */
  readonly parameters: readonly ('created' | 'expires' | 'nonce' | 'keyid' | 'tag')[];
  /** Component parameters that are understood; `req` is refused on a request whatever stands here. */
  readonly componentParameters: readonly string[];
  readonly nonceCharsMin: number;
  readonly nonceCharsMax: number;
  /** How long after `created` a signature is accepted, and how far ahead of our clock it may be. */
  readonly maxSkewSeconds: number;
  readonly aheadSeconds: number;
  /** Signatures in the message, whoever made them. */
  readonly signaturesMax: number;
  /** Components beyond the required ones. */
  readonly extraComponentsMax: number;
  /** Length of each signature field. */
  readonly fieldCharsMax: number;
  /** Answers only: carries the request's nonce and covers all that the request's signature covered, with `;req`. */
  readonly bindsRequest: boolean;
  /** Structured types for `;sf`. */
  readonly structuredTypes: StructuredTypes;
  /** Authorities the request must be for, normalised (`host[:port]`); undefined: not checked. */
  readonly audience?: readonly string[];
}

const limits = {
  nonceCharsMin: 16,
  nonceCharsMax: 128,
  maxSkewSeconds: 300,
  aheadSeconds: 30,
  signaturesMax: 4,
  extraComponentsMax: 32,
  fieldCharsMax: 8192,
  structuredTypes,
} as const;

/** Requests between services. For requests to the agent's API: `{ ...keytenderPolicy, tag: 'keytender-api' }`. */
export const keytenderPolicy: SignaturePolicy = Object.freeze<SignaturePolicy>({
  ...limits,
  tag: 'keytender-service',
  components: ['@method', '@authority', '@path', '@query'],
  componentsIfPresent: [],
  contentDigest: 'with-content',
  bindsRequest: false,
  parameters: ['created', 'nonce', 'keyid', 'tag'],
  componentParameters: [],
});

/** Answers: status, content, and everything the request's signature covered (`;req`), under the request's nonce. */
export const keytenderAnswerPolicy: SignaturePolicy = Object.freeze<SignaturePolicy>({
  ...limits,
  tag: 'keytender-answer',
  components: ['@status'],
  componentsIfPresent: ['content-type'],
  contentDigest: 'always',
  bindsRequest: true,
  parameters: ['created', 'nonce', 'keyid', 'tag'],
  componentParameters: ['req'],
  extraComponentsMax: 2 * limits.extraComponentsMax,
});

/** Nothing but RFC 9421 itself. Accepts replays, any age and any coverage: decide about those yourself. */
export const rfc9421Policy: SignaturePolicy = Object.freeze<SignaturePolicy>({
  ...limits,
  tag: undefined,
  components: [],
  componentsIfPresent: [],
  contentDigest: 'optional',
  bindsRequest: false,
  parameters: [],
  componentParameters: ['sf', 'key', 'bs', 'tr', 'req', 'name'],
  nonceCharsMin: 0,
  nonceCharsMax: Infinity,
  maxSkewSeconds: Infinity,
  aheadSeconds: Infinity,
});

/** The policy for another skew: `aheadSeconds` stays within it. */
export function withMaxSkew(policy: SignaturePolicy, maxSkewSeconds: number): SignaturePolicy {
  return { ...policy, maxSkewSeconds, aheadSeconds: Math.min(30, maxSkewSeconds) };
}
