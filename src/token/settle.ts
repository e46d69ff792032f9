// What follows from a change once it has happened: whoever signed until now keeps its hold-over, what was active stays
// so, and what can never verify again is forgotten.
import { type Generation, isActive, isStanding } from './generation.js';
import { endsOf } from './grace.js';
import type { TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';
import { rolesAt } from './roles.js';
import { deriveSnapshot, type SnapshotContent } from './snapshot.js';

/** This many generations are kept; far more than ever verify at once. */
const GENERATIONS_MAX = 64;
/** A clock that was set wrong may be set right again: what ended by it is not forgotten at once. */
const FORGET_AFTER_MS = 86_400_000;

export function settleHistory(
  history: TokenHistory,
  now: number,
  limits: TokenLimits,
): TokenHistory {
  const content = deriveSnapshot(history, now, limits);
  const marked = markSwap(history, content, now);
  return forget(retireInitial(marked, content, now, limits), now, limits);
}

function markSwap(history: TokenHistory, { current }: SnapshotContent, now: number): TokenHistory {
  const before = history.signing;
  const isSwapped = before !== null && current !== null && !current.value.equals(before);
  const leftIndex = isSwapped
    ? history.generations.findLastIndex((one) => one.value.equals(before))
    : -1;
  const generations = history.generations.map((one, index) => ({
    ...one,
    wasActive: one.wasActive || (isStanding(one) && one.activeAt <= now),
    leftCurrentAt: index === leftIndex ? now : one.leftCurrentAt,
  }));
  return { ...history, generations, signing: current?.value ?? null };
}

/**
 * The initial token gives way to Vault's first. Equal to a version in Vault it is that generation; expired before, it
 * is out; else it verifies for its grace. Once out it stays out.
 */
function retireInitial(
  history: TokenHistory,
  { current }: SnapshotContent,
  now: number,
  limits: TokenLimits,
): TokenHistory {
  const { initial, initialLeftAt } = history;
  const hasLeft = initialLeftAt !== null || current?.source === 'vault';
  if (initial === null || !hasLeft) return history;
  const left: TokenHistory = { ...history, initialLeftAt: initialLeftAt ?? now };
  const isKnown = history.generations.some((one) => one.value.equals(initial.value));
  const isExpired = initialLeftAt === null && initial.usableUntil <= now;
  const isOut = isKnown || isExpired || rolesAt(left, now, limits).initialUntil === null;
  return isOut ? { ...left, initial: null } : left;
}

function forget(history: TokenHistory, now: number, limits: TokenLimits): TokenHistory {
  const headIndex = history.generations.findLastIndex(
    (one) => isStanding(one) && isActive(one, now),
  );
  const ends = endsOf(history, limits);
  const mayVerify = (one: Generation, index: number): boolean =>
    index === headIndex ||
    (isStanding(one) && index > headIndex) ||
    (ends[index] as number) + FORGET_AFTER_MS > now;
  const kept = history.generations.filter(mayVerify);
  const excess = kept.length - GENERATIONS_MAX;
  const head = history.generations[headIndex];
  const generations = excess <= 0 ? kept : kept.filter((one, at) => at >= excess || one === head);
  return { ...history, generations };
}
