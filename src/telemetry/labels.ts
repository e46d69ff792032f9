// The closed lists of label values (docs/metrics.md), as far as they do not come from the configuration.

export const vaultOperations = [
  'read',
  'read_version',
  'metadata',
  'login',
  'renew',
  'lookup',
  'revoke',
  'unwrap',
  'capabilities',
  'mounts',
  'health',
] as const;
export type VaultOperation = (typeof vaultOperations)[number];

export const onDemandOutcomes = ['found', 'unchanged', 'failed', 'refused'] as const;
export type OnDemandOutcome = (typeof onDemandOutcomes)[number];

export const legacyOutcomes = ['ok', 'refused'] as const;
export type LegacyOutcome = (typeof legacyOutcomes)[number];

export const rateLimits = ['address', 'key', 'connections'] as const;
export type RateLimit = (typeof rateLimits)[number];

export const verificationPurposes = ['api', 'service', 'answer'] as const;
export type VerificationPurpose = (typeof verificationPurposes)[number];

export const verificationKeys = ['current', 'pending', 'superseded'] as const;
export type VerificationKey = (typeof verificationKeys)[number] | 'none';

/** The label of a token, route or method that is not in its closed list. */
export const UNKNOWN = 'unknown';

/** The series of one route: those that exist from the start. */
export interface RouteSeries {
  /** A template, or `unmatched`. */
  readonly route: string;
  readonly methods: readonly string[];
  readonly statuses: readonly number[];
  /** false: not in the duration histogram (a long poll). */
  readonly isTimed: boolean;
}
