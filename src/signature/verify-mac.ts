// The cryptographic step (RFC 9421 §3.3.3). Always computes the keyring's full width of MACs and compares each in
// constant time: which key matched, or that the `keyid` was unknown, does not show in the time taken. Says which
// key it was, and on a miss whether asking for newer keys could help.
import type { KeyObject } from 'node:crypto';
import { isMac } from './key.js';
import { dummyKey } from './keyring.js';
import type { Candidate, Keyring, KeyRole } from './keyring.js';
import type { ParsedSignature } from './parse-signature.js';
import type { RefusalReason } from './refusal.js';

export interface MacVerified {
  readonly ok: true;
  readonly key: KeyRole;
  /** The key itself; an answer is signed with it. */
  readonly secret: KeyObject;
  /** Newest version of the key that matched, whatever `keyid` said; null for a static one. */
  readonly version: number | null;
  /** `name` or `client:id`. */
  readonly caller: string;
}

export interface MacRefused {
  readonly ok: false;
  /** `unknown_key`: nobody of that name, or a version that we do not hold. */
  readonly reason: Extract<RefusalReason, 'unknown_key' | 'signature_mismatch' | 'retired_key'>;
  readonly caller: string | undefined;
  /** The version that `keyid` names. */
  readonly version: number | undefined;
  /** False when `keyid` names a version that is not in the keyring: a newer one may exist. */
  readonly isVersionHeld: boolean;
}

export function verifyMac(
  signature: Pick<ParsedSignature, 'base' | 'mac' | 'keyid'>,
  keyring: Keyring,
  nowSeconds: number,
): MacVerified | MacRefused {
  const found = keyring.find(signature.keyid);
  const matched = matchingCandidate(signature, found.candidates, keyring.width);
  const { caller, version, isVersionHeld } = found;
  if (matched === undefined) {
    const reason = isVersionHeld ? 'signature_mismatch' : 'unknown_key';
    return { ok: false, reason, caller, version, isVersionHeld };
  }
  if (nowSeconds >= matched.usableUntil) {
    return { ok: false, reason: 'retired_key', caller, version, isVersionHeld };
  }
  return {
    ok: true,
    key: matched.role,
    secret: matched.key,
    version: matched.versions[0] ?? null,
    caller: matched.caller,
  };
}

function matchingCandidate(
  { base, mac }: Pick<ParsedSignature, 'base' | 'mac'>,
  candidates: readonly Candidate[],
  width: number,
): Candidate | undefined {
  let matched: Candidate | undefined;
  for (let place = 0; place < width; place += 1) {
    const candidate = candidates[place];
    const isEqual = isMac(candidate?.key ?? dummyKey, base, mac);
    if (isEqual) matched ??= candidate;
  }
  return matched;
}
