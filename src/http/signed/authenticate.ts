// From the head of a request to the caller whose key signed it, in an order that costs a stranger most and us least:
// well-formed, fresh, MAC, on a miss Vault, nonce not seen. Nothing of the body is read here. Refusals are
// values; from outside those before the MAC held all look the same (RFC 9421 section 3.2, docs/api.md).
import {
  checkFreshness,
  isFramedWithContent,
  keytenderPolicy,
  parseSignature,
  verifyMac,
  withMaxSkew,
  type FreshnessContext,
  type MacRefused,
  type MacVerified,
  type NonceHash,
  type ParsedSignature,
  type RefusalReason,
  type ReplayPartition,
  type RequestView,
  type SignaturePolicy,
} from '../../signature/index.js';
import type { Caller } from './caller.js';
import { ownerOf, type KeySet } from './keys.js';
import type { OnDemand } from './api-token.js';

export interface AuthenticateParts {
  readonly policy: SignaturePolicy;
  readonly keys: () => KeySet;
  readonly freshness: () => FreshnessContext;
  /** null: nothing to ask for a key of that name. */
  readonly onDemand: (caller: string) => OnDemand | null;
  /** null: nobody of that name any more. */
  readonly callerOf: (mac: MacVerified, keys: KeySet) => Caller | null;
  readonly nonces: (caller: Caller) => ReplayPartition;
}

export interface SignedHead {
  readonly request: RequestView;
  /** Whether a miss may make us ask Vault. */
  readonly mayAskVault: () => boolean;
  /** Its signal aborts when the caller has gone. */
  readonly incoming: { readonly signal: AbortSignal };
}

export interface Authenticated {
  readonly ok: true;
  readonly request: RequestView;
  readonly caller: Caller;
  readonly parsed: ParsedSignature;
  readonly mac: MacVerified;
  readonly keys: KeySet;
  /** What its nonce is remembered by: callers cannot use up each other's. */
  readonly nonce: NonceHash;
}

/** Refused before the signature held (`reason`), or afterwards for something else (`problem`). */
export type Denied =
  | { readonly ok: false; readonly reason: RefusalReason; readonly caller: string | null }
  | { readonly ok: false; readonly problem: 'refresh_busy' }
  | { readonly ok: false; readonly problem: 'replay_detected'; readonly by: Authenticated };

/** What requests to the API must look like. */
export function apiPolicy(maxSkewMs: number): SignaturePolicy {
  return withMaxSkew({ ...keytenderPolicy, tag: 'keytender-api' }, maxSkewMs / 1000);
}

/** At once, unless Vault has to be asked. */
export function authenticate(
  head: SignedHead,
  parts: AuthenticateParts,
): Authenticated | Denied | Promise<Authenticated | Denied> {
  const { request } = head;
  const parsed = parseSignature(request, parts.policy, isFramedWithContent(request.fields));
  if (!parsed.ok) return denied(parsed.reason);
  const now = parts.freshness();
  const stale = checkFreshness(parsed, parts.policy, now);
  if (stale !== undefined) return denied(stale);
  const keys = parts.keys();
  const mac = verifyMac(parsed, keys.keyring, now.nowSeconds);
  if (mac.ok) return callerBy({ ok: true, mac, keys }, request, parsed, parts);
  return findKey(mac, keys, parsed, head, parts).then((held) =>
    held.ok ? callerBy(held, request, parsed, parts) : held,
  );
}

function callerBy(
  held: Held,
  request: RequestView,
  parsed: ParsedSignature,
  parts: AuthenticateParts,
): Authenticated | Denied {
  const caller = parts.callerOf(held.mac, held.keys);
  if (caller === null) return denied('unknown_key', held.mac.caller);
  const guard = parts.nonces(caller);
  const nonce = guard.hashOf(`${caller.key} ${parsed.nonce ?? ''}`);
  const { mac, keys } = held;
  const by: Authenticated = { ok: true, request, caller, parsed, mac, keys, nonce };
  return guard.has(nonce) ? { ok: false, problem: 'replay_detected', by } : by;
}

/** Claims the nonce: of any number of equal requests one gets through. */
export function claimNonce(
  by: Authenticated,
  guard: ReplayPartition,
  nowSeconds: number,
): ReturnType<ReplayPartition['claim']> {
  return guard.claim(by.nonce, by.parsed.created ?? 0, nowSeconds);
}

interface Held {
  readonly ok: true;
  readonly mac: MacVerified;
  readonly keys: KeySet;
}

/** After a miss: in what Vault has now. */
async function findKey(
  mac: MacRefused,
  keys: KeySet,
  parsed: ParsedSignature,
  head: SignedHead,
  parts: AuthenticateParts,
): Promise<Held | Denied> {
  const onDemand = mac.caller === undefined ? null : parts.onDemand(mac.caller);
  if (onDemand === null || !head.mayAskVault() || !couldAppear(mac)) {
    return denied(mac.reason, mac.caller);
  }
  const look = (): Held | null => {
    const newer = parts.keys();
    const again = verifyMac(parsed, newer.keyring, parts.freshness().nowSeconds);
    return again.ok ? { ok: true, mac: again, keys: newer } : null;
  };
  const found = await onDemand.ask({ look, version: mac.version }, head.incoming.signal);
  if (found.kind === 'found') return found.value;
  return found.kind === 'refused' || (found.kind === 'failed' && mayBeNewer(mac, keys))
    ? { ok: false, problem: 'refresh_busy' }
    : denied(mac.reason, mac.caller);
}

/**
 * A version above all that we know of its owner: while Vault cannot be asked, whoever names it may be right. He is told
 * to come back and not that he is wrong.
 */
export function mayBeNewer(
  { caller, version = 0 }: Pick<MacRefused, 'caller' | 'version'>,
  { entries }: Pick<KeySet, 'entries'>,
): boolean {
  const known = entries
    .filter((entry) => ownerOf(entry) === caller)
    .flatMap(({ versions }) => versions[0] ?? []);
  return version > Math.max(0, ...known);
}

/** A `keyid` that names a version we hold, or a key that is known to have ended, needs no look at Vault. */
export function couldAppear({ reason, version, isVersionHeld }: MacRefused): boolean {
  return version === undefined ? reason !== 'retired_key' : !isVersionHeld;
}

function denied(reason: RefusalReason, caller: string | null = null): Denied {
  return { ok: false, reason, caller };
}
