// Which older versions are read to learn the history: after a cold start or a jump, from the newest down to the first
// different value whose grace is over, at most 32. A bare 404 on the way means pruned: nothing older is there.
import { isStanding, wasPendingWhen } from './generation.js';
import { endsOf } from './grace.js';
import { heldIndex, regroup, type TokenHistory } from './history.js';
import type { ObserveContext } from './observation.js';
import type { SecretReading } from './reading.js';

/** At most this many older versions are read in one go. */
const READ_BACK_MAX = 32;

/** Plans to read what lies between what was examined and a new newest version. */
export function openReadBack(history: TokenHistory, top: number): TokenHistory {
  if (top <= history.examinedTo) return history;
  const lowest = history.readBack?.lowest ?? history.examinedTo + 1;
  const readBack = top > lowest ? { next: top - 1, lowest, readsLeft: READ_BACK_MAX } : null;
  return { ...history, examinedTo: top, readBack };
}

/** `version` was answered: on to the next older one, or done. */
export function advanceReadBack(
  history: TokenHistory,
  version: number,
  reading: SecretReading,
  context: ObserveContext,
): TokenHistory {
  const { readBack } = history;
  if (readBack?.next !== version) return history;
  const isOver =
    reading.kind === 'unknown' ||
    readBack.readsLeft <= 1 ||
    version <= readBack.lowest ||
    hasReachedEnded(history, version, context);
  if (isOver) return regroup({ ...history, readBack: null });
  const next = { ...readBack, next: version - 1, readsLeft: readBack.readsLeft - 1 };
  return regroup({ ...history, readBack: next });
}

/**
 * A different value whose grace is over: nothing older can verify. One that was overwritten while it was pending does
 * not count: what it would have followed may go on behind it.
 */
function hasReachedEnded(
  history: TokenHistory,
  version: number,
  { now, limits }: ObserveContext,
): boolean {
  const index = heldIndex(history, version);
  const generation = history.generations[index];
  const next = history.generations.slice(index + 1).find(isStanding);
  if (generation === undefined || next === undefined) return false;
  return !wasPendingWhen(generation, next) && (endsOf(history, limits)[index] as number) <= now;
}
