// How far Vault's clock is from ours, estimated from the `Date` header of its answers, per address: rotations and
// graces are reckoned in Vault's time. `Date` has whole seconds, so half a second is added; small differences are
// noise and count as none.

const SAMPLES = 5;
const NOISE_MS = 2_000;
const DATE_ROUNDING_MS = 500;

/** One answer: when we asked and when its headers came, by our wall clock, and what its `Date` said. */
export interface OffsetObservation {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly date: string | null;
}

/** Vault's clock minus ours by this one answer, in milliseconds; null without a readable `Date`. */
export function offsetSampleMs(observation: OffsetObservation): number | null {
  const date = Date.parse(observation.date ?? '');
  if (Number.isNaN(date)) return null;
  return date + DATE_ROUNDING_MS - (observation.sentAt + observation.receivedAt) / 2;
}

/** The last 5 samples with this one. */
export function withSample(samples: readonly number[], sample: number): readonly number[] {
  return [...samples, sample].slice(-SAMPLES);
}

/** The median, or 0 below 2 s and without samples. Milliseconds. */
export function clockOffsetMs(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const median = (upper + lower) / 2;
  return Math.abs(median) < NOISE_MS ? 0 : median;
}
