// Durations as people write them in settings: `90` (seconds), `250ms`, `90s`, `5m`, `1h`, `30d`. Owns both directions.
// Refuses signs, fractions, sums and anything beyond what a number can hold exactly.

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof unitMs;

/** Milliseconds; null when the text is no duration. A bare number counts seconds. */
export function parseDurationMs(text: string): number | null {
  const match = /^([0-9]{1,15})(ms|s|m|h|d)?$/.exec(text);
  if (match?.[1] === undefined) return null;
  const ms = Number(match[1]) * unitMs[(match[2] ?? 's') as Unit];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** Written with the largest of h, m, s, ms that divides it; `parseDurationMs` gives the same milliseconds back. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  }
  return `${ms}ms`;
}
