// Whether a signature's times are acceptable now. Pure: the clock, and the instant before which nothing is accepted,
// are arguments. That instant is the later of our start and the newest `created` whose nonce was forgotten, so
// that neither a restart nor a stepped clock revives a captured request.
import type { ParsedSignature } from './parse-signature.js';
import type { SignaturePolicy } from './policy.js';
import type { RefusalReason } from './refusal.js';

export interface FreshnessContext {
  /** Seconds since the epoch; a fraction is dropped, as signers drop it from `created`. */
  readonly nowSeconds: number;
  /** `created` at or before this (its fraction dropped) is refused as `before_start`. */
  readonly notBeforeSeconds?: number;
}

/** Undefined when fresh. `expires` can only shorten: it never admits what is too old. */
export function checkFreshness(
  { created, expires }: Pick<ParsedSignature, 'created' | 'expires'>,
  policy: Pick<SignaturePolicy, 'maxSkewSeconds' | 'aheadSeconds'>,
  context: FreshnessContext,
): RefusalReason | undefined {
  const now = Math.floor(context.nowSeconds);
  if (created !== undefined) {
    if (created - now > policy.aheadSeconds) return 'created_in_future';
    if (now - created > policy.maxSkewSeconds) return 'too_old';
    const notBefore = context.notBeforeSeconds;
    if (notBefore !== undefined && created <= Math.floor(notBefore)) return 'before_start';
  }
  return expires !== undefined && now > expires ? 'expired' : undefined;
}
