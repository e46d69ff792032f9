// Why a signature was not accepted. Values, never exceptions: a refused message is an expected outcome. The names
// are those of the audit log and the metrics (docs/api.md); a 401 never carries one.

export const refusalReasons = [
  'missing_signature',
  'malformed_signature',
  'unsupported_algorithm',
  'missing_component',
  'unsupported_component',
  'wrong_tag',
  'unknown_key',
  'created_in_future',
  'too_old',
  'before_start',
  'expired',
  'digest_mismatch',
  'signature_mismatch',
  'replay',
  'retired_key',
  'wrong_audience',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

export interface Refusal {
  readonly ok: false;
  readonly reason: RefusalReason;
}

/** One shared frozen object a reason: refusing allocates nothing. */
export function refuse(reason: RefusalReason): Refusal {
  return refusals[reason];
}

const refusals = Object.fromEntries(
  refusalReasons.map((reason) => [reason, Object.freeze({ ok: false, reason })]),
) as Record<RefusalReason, Refusal>;
