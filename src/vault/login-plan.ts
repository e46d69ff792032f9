// What is done next to keep a login alive, and when: pure. Renewed at two thirds of what was granted, give or take a
// tenth, so that a fleet spreads. Near its maximum a server grants ever less (6, 6, 5, 3, 1 s, then 403): a grant below
// half of the longest one ends the renewing, because what follows would be a storm. Method `token` has no second login.
import type { Random } from '../platform/random.js';

export interface LoginLife {
  /** What was granted last; null: no end, or not known. */
  readonly ttlMs: number | null;
  /** The most that was granted to this login so far. */
  readonly longestTtlMs: number;
  /** Vault would renew it, as far as it said. */
  readonly renewable: boolean;
  /** Another login can be made with the same credential. */
  readonly makesLogins: boolean;
}

export interface LoginStep {
  /** `warn`: it will end, and only somebody else can make another. */
  readonly kind: 'renew' | 'replace' | 'warn';
  readonly afterMs: number;
}

/**
 * More often than this nothing is done behind the back of reads: a login that lives shorter is made anew when a read
 * needs one. A given Vault token cannot be made anew, and is renewed however short it lives.
 */
const APART_MIN_MS = { made: 10_000, given: 1_000 } as const;

/** null: nothing to do. */
export function nextStep(life: LoginLife, random: Random): LoginStep | null {
  const { ttlMs, longestTtlMs, renewable, makesLogins } = life;
  if (ttlMs === null) return null;
  const isShrunk = ttlMs < longestTtlMs / 2;
  const apartMinMs = makesLogins ? APART_MIN_MS.made : APART_MIN_MS.given;
  const dueMs = (ttlMs * 2 * (0.9 + 0.2 * random())) / 3;
  const afterMs = isShrunk && makesLogins ? apartMinMs : Math.max(apartMinMs, dueMs);
  if (afterMs > ttlMs * 0.9) return null;
  if (renewable && !isShrunk) return { kind: 'renew', afterMs };
  return makesLogins ? { kind: 'replace', afterMs } : { kind: 'warn', afterMs };
}
