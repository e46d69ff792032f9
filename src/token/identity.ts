// Where an answer stands beside what was accepted before. Identity is (version, created_time): a lagging node cannot
// undo a rotation, and a secret that was re-created is not mistaken for an old version of itself.
import type { VersionStamp } from './generation.js';
import { hasPair, isSamePair, type TokenHistory } from './history.js';
import { parseInstantNs } from './instant.js';
import type { GoneReading, LiveReading } from './observation.js';

/** null when `created_time` is no time. */
export function stampOf({ version, createdTime }: LiveReading | GoneReading): VersionStamp | null {
  const createdNs = parseInstantNs(createdTime);
  return createdNs === null ? null : { version, createdNs };
}

export type Place = 'same' | 'newer' | 'recreated';

/** Where a pair shown as the newest stands beside the newest accepted one. */
export function placeOf(
  { newest, floorNs, left }: Pick<TokenHistory, 'newest' | 'floorNs' | 'left'>,
  stamp: VersionStamp,
): Place | 'regressed' {
  if (newest !== null && isSamePair(newest, stamp)) return 'same';
  if (hasPair(left, stamp)) return 'regressed';
  if (newest !== null && stamp.version <= newest.version) {
    return stamp.createdNs > newest.createdNs ? 'recreated' : 'regressed';
  }
  return floorNs !== null && stamp.createdNs <= floorNs ? 'regressed' : 'newer';
}

/** An older version of the secret that was before a re-creation: a lagging node still shows it. */
export function isForeign({ epochAfterNs }: TokenHistory, stamp: VersionStamp): boolean {
  return epochAfterNs !== null && stamp.createdNs <= epochAfterNs;
}

/** Seen destroyed: whatever a lagging node still shows of it, it stays so. */
export function wasDestroyed(history: TokenHistory, stamp: VersionStamp): boolean {
  return hasPair(history.destroyed, stamp);
}
