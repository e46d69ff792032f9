// Instants with the nanoseconds that Vault writes. The clock is a function that tests may replace; two stamps taken
// in the same millisecond still differ, as they do on a real server, so that a re-created secret is a new one.

/** Nanoseconds since the Unix epoch. */
export type Nanos = bigint;

export const NANOS_PER_MS = 1_000_000n;

/** RFC 3339 with as many decimals as needed (Go's RFC3339Nano): `2026-01-01T00:00:00.000000001Z`. */
export function formatNanos(at: Nanos): string {
  const ms = at / NANOS_PER_MS;
  const fraction = (at % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const seconds = new Date(Number(ms)).toISOString().slice(0, 19);
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

export class ServerClock {
  readonly #now: () => number;
  #lastMs = Number.NaN;
  #withinMs = 0n;

  /** `now`: milliseconds since the epoch. It may jump, back too. */
  constructor(now: () => number) {
    this.#now = now;
  }

  nowMs(): number {
    return this.#now();
  }

  /** Like the wall clock, never the same twice within one millisecond. */
  stamp(): Nanos {
    const ms = Math.trunc(this.#now());
    this.#withinMs = ms === this.#lastMs ? this.#withinMs + 1n : 0n;
    this.#lastMs = ms;
    return BigInt(ms) * NANOS_PER_MS + this.#withinMs;
  }
}
