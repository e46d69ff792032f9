// A version that we hold can be read: it is still there, or there again after an undelete.
import { deletionAtOf } from './admit.js';
import { type Generation, isStanding, type VersionStamp } from './generation.js';
import { replaceAt, type TokenHistory } from './history.js';
import type { LiveReading } from './observation.js';

/** The generation whose newest version this is, taken back by a delete or not, or -1. */
export function indexOfNewest({ generations, epoch }: TokenHistory, stamp: VersionStamp): number {
  return generations.findLastIndex(
    (one) =>
      one.epoch === epoch &&
      one.version === stamp.version &&
      one.versionCreatedNs === stamp.createdNs &&
      (isStanding(one) || one.presence === 'deleted'),
  );
}

/** An undelete restores what the delete took, a pending one that it cancelled too. Nothing undoes a destroy. */
export function restore(
  history: TokenHistory,
  index: number,
  reading: LiveReading,
  lookedAt: number | null,
): TokenHistory {
  const held = history.generations[index] as Generation;
  const found: Generation = { ...held, lookedAt, deletionAt: deletionAtOf(reading) };
  if (held.presence !== 'deleted') return replaceAt(history, index, found);
  return replaceAt(history, index, { ...found, presence: 'live', cancelledAt: null });
}
