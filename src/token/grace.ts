// When a superseded token stops verifying. Every rule that ends one is here, none anywhere else.
import { type Generation, isStanding } from './generation.js';
import type { TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';

/** A superseded generation verifies this much longer in the process that itself retired it. Milliseconds. */
const HOLD_OVER_MS = 30_000;

/** The document's grace, else the secret's (custom metadata), else the setting's. Milliseconds. */
export function graceOf(
  generation: Generation,
  history: TokenHistory,
  limits: TokenLimits,
): number {
  return generation.graceMs ?? history.secretGraceMs ?? limits.graceMs;
}

/** Of the generations that follow one: the first instant at which one of them ends it, and the shortest grace. */
interface Successors {
  readonly endsAt: number;
  readonly graceMs: number;
}

/**
 * Of each generation: at the earliest of its own `expires_at` and, over every later generation, active + grace: one
 * grace of 0 ends all older ones. But not before the hold-over where our own swap retired it. Infinity for one that
 * nothing follows. All at once, from the newest down: what ends one is a minimum over all that follow it.
 */
export function endsOf(history: TokenHistory, limits: TokenLimits): readonly number[] {
  let successors: Successors = { endsAt: Infinity, graceMs: Infinity };
  const newestFirst = history.generations.toReversed().map((generation) => {
    const end = endOf(generation, successors, history, limits);
    if (isStanding(generation)) {
      const graceMs = graceOf(generation, history, limits);
      successors = earlier(successors, { endsAt: generation.activeAt + graceMs, graceMs });
    }
    return end;
  });
  return newestFirst.reverse();
}

function endOf(
  generation: Generation,
  successors: Successors,
  history: TokenHistory,
  limits: TokenLimits,
): number {
  const { endsAt, graceMs } = earlier(successors, cancellation(generation, history, limits));
  const holdOver =
    generation.leftCurrentAt === null
      ? -Infinity
      : generation.leftCurrentAt + Math.min(HOLD_OVER_MS, graceMs);
  return Math.min(generation.expiresAt ?? Infinity, Math.max(endsAt, holdOver));
}

function earlier(a: Successors, b: Successors): Successors {
  return { endsAt: Math.min(a.endsAt, b.endsAt), graceMs: Math.min(a.graceMs, b.graceMs) };
}

/** One that was taken back while it was pending ends by that, as by a successor. */
function cancellation(
  generation: Generation,
  history: TokenHistory,
  limits: TokenLimits,
): Successors {
  if (generation.cancelledAt === null) return { endsAt: Infinity, graceMs: Infinity };
  const graceMs = graceOf(cancellerOf(history, generation) ?? generation, history, limits);
  return { endsAt: generation.cancelledAt + graceMs, graceMs };
}

/** Whose newest version took a pending one back. */
function cancellerOf(history: TokenHistory, cancelled: Generation): Generation | undefined {
  return history.generations.find(
    (one) =>
      one.epoch === cancelled.epoch &&
      isStanding(one) &&
      one.firstVersion < cancelled.firstVersion &&
      one.version > cancelled.version,
  );
}

/**
 * When an initial token that never was in Vault stops verifying: the setting's grace after our first swap, unless what
 * signs now came with a grace of 0; sooner where a later rotation ends it. null: it does not verify.
 */
export function initialEndOf(
  history: TokenHistory,
  head: Generation | null,
  limits: TokenLimits,
): number | null {
  const leftAt = history.initialLeftAt;
  if (history.initial === null || leftAt === null) return null;
  const headGraceMs = head === null ? limits.graceMs : graceOf(head, history, limits);
  if (headGraceMs === 0) return null;
  const later = history.generations.filter((one) => isStanding(one) && one.activeAt > leftAt);
  const graces = later.map((one) => graceOf(one, history, limits));
  const ends = later.map((one, at) => one.activeAt + (graces[at] as number));
  const holdOver = leftAt + Math.min(HOLD_OVER_MS, headGraceMs, ...graces);
  return Math.max(Math.min(leftAt + limits.graceMs, ...ends), holdOver);
}
