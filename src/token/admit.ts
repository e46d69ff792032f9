// Takes one readable version in: its document is parsed and grouped with what we hold, or refused with its problem.
import { parseDocument, parseGraceSeconds, STRONG_TOKEN_BYTES } from './document.js';
import { type Generation, generationOf, type VersionStamp } from './generation.js';
import { graceOf } from './grace.js';
import { heldIndex, isRevokedValue, regroup, type TokenHistory } from './history.js';
import { parseInstantMs } from './instant.js';
import type { LiveReading, ObserveContext } from './observation.js';

export type Admitted =
  | { readonly kind: 'admitted'; readonly history: TokenHistory }
  | { readonly kind: 'malformed'; readonly problem: string }
  /** Its value was destroyed in a newer version. */
  | { readonly kind: 'revoked' };

/** `lookedAt`: when it counts as looked at, for a version that is not the newest. */
export function admit(
  history: TokenHistory,
  reading: LiveReading,
  stamp: VersionStamp,
  { field }: ObserveContext,
  lookedAt: number | null,
): Admitted {
  const parsed = parseDocument(reading.fields, field);
  if (!parsed.ok) return { kind: 'malformed', problem: parsed.problem };
  const { document } = parsed;
  if (isRevokedValue(history, stamp.version, document.value)) return { kind: 'revoked' };
  const piece = generationOf(history.epoch, stamp, document, deletionAtOf(reading));
  if (piece.expiresAt !== null && piece.expiresAt <= piece.activeAt) {
    const problem =
      'field "expires_at" is not later than the token becomes active (kv patch carries old fields along)';
    return { kind: 'malformed', problem };
  }
  const generations = [...history.generations, { ...piece, lookedAt }];
  return { kind: 'admitted', history: regroup({ ...history, generations }) };
}

export function deletionAtOf(reading: LiveReading): number | null {
  return reading.deletionTime === null ? null : parseInstantMs(reading.deletionTime);
}

/** What is unwise in the version just taken in, though it is obeyed. */
export function warningsOf(
  history: TokenHistory,
  version: number,
  reading: LiveReading,
  context: ObserveContext,
): string[] {
  const generation = history.generations[heldIndex(history, version)];
  const isSecretGraceBad =
    'problem' in parseGraceSeconds(reading.customMetadata?.['grace_seconds']);
  return [
    ...(generation === undefined ? [] : documentWarnings(generation, history, context)),
    ...(isSecretGraceBad
      ? ['custom_metadata.grace_seconds is not a number from 0 to 2592000: ignored']
      : []),
  ];
}

function documentWarnings(
  generation: Generation,
  history: TokenHistory,
  { limits, shortGraceMs }: ObserveContext,
): string[] {
  const warnings: string[] = [];
  const { bytes } = generation.value;
  if (bytes < STRONG_TOKEN_BYTES) {
    warnings.push(
      `the token is weak: ${bytes} bytes, ${STRONG_TOKEN_BYTES} are advised (openssl rand -base64 32)`,
    );
  }
  const graceMs = graceOf(generation, history, limits);
  if (graceMs < shortGraceMs && graceMs !== limits.graceMs) {
    warnings.push(
      `grace_seconds ${graceMs / 1000} is shorter than three polls (${shortGraceMs / 1000} s): agents that poll late refuse the old token`,
    );
  }
  return warnings;
}
