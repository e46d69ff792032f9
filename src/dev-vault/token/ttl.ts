// How long a token may live: its own TTL, capped by every maximum that applies, counted from its creation. Pure.
// https://developer.hashicorp.com/vault/docs/concepts/tokens#token-time-to-live-periodic-tokens-and-explicit-max-ttls
import { formatDuration } from '../duration.js';

/** 32 days: the system's default and maximum lease. */
export const SYSTEM_TTL_SECONDS = 2_764_800;

export interface TtlLimits {
  readonly ttlSeconds: number;
  readonly periodSeconds: number;
  readonly maxTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
}

export type TtlDecision =
  { readonly seconds: number; readonly warnings: readonly string[] } | { readonly error: string };

/** `ageSeconds`: since the token was created; `incrementSeconds`: what the caller asks for, 0 for nothing. */
export function decideTtl(
  limits: TtlLimits,
  ageSeconds: number,
  incrementSeconds: number,
): TtlDecision {
  const max = leastPositive(SYSTEM_TTL_SECONDS, limits.maxTtlSeconds, limits.explicitMaxTtlSeconds);
  if (limits.periodSeconds > 0) return decidePeriod(limits, ageSeconds, max);
  const wanted = incrementSeconds || limits.ttlSeconds || SYSTEM_TTL_SECONDS;
  return cap(wanted, max - Math.trunc(ageSeconds), []);
}

function decidePeriod(limits: TtlLimits, ageSeconds: number, max: number): TtlDecision {
  const { periodSeconds: period, explicitMaxTtlSeconds: explicitMax } = limits;
  const warnings =
    period > max
      ? [
          `period of "${human(period)}" exceeded the effective max_ttl of "${human(max)}"; period value is capped accordingly`,
        ]
      : [];
  const wanted = Math.min(period, max);
  return explicitMax > 0
    ? cap(wanted, explicitMax - Math.trunc(ageSeconds), warnings)
    : { seconds: wanted, warnings };
}

function cap(wanted: number, left: number, warnings: readonly string[]): TtlDecision {
  if (left <= 0) return { error: 'past the max TTL, cannot renew' };
  if (wanted <= left) return { seconds: wanted, warnings };
  const warning = `TTL of "${human(wanted)}" exceeded the effective max_ttl of "${human(left)}"; TTL value is capped accordingly`;
  return { seconds: left, warnings: [...warnings, warning] };
}

function leastPositive(...seconds: number[]): number {
  return Math.min(...seconds.filter((value) => value > 0));
}

/** Go's duration without its zero parts: `768h`, `1h30m`. */
function human(seconds: number): string {
  return formatDuration(seconds).replace(/m0s$/, 'm').replace('h0m', 'h');
}
