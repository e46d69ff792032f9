// Takes in an answer to a read by number: an older version, looked for to learn the history or looked at to see whether
// it was destroyed. An answer in, a new history and one named outcome out. Pure.
import { admit } from './admit.js';
import { isActive, isStanding, type VersionStamp } from './generation.js';
import { loseVersion, noteDestroyed, startOnGone } from './gone.js';
import { heldIndex, remember, replaceAt, type TokenHistory } from './history.js';
import { isForeign, stampOf, wasDestroyed } from './identity.js';
import {
  type GoneReading,
  type LiveReading,
  malformed,
  type ObserveContext,
  type Observed,
  unchanged,
} from './observation.js';
import { advanceReadBack } from './read-back.js';
import type { SecretReading } from './reading.js';
import { indexOfNewest, restore } from './restore.js';

export function observeOlder(
  history: TokenHistory,
  version: number,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  const observed = observe(history, version, reading, context);
  return { ...observed, history: advanceReadBack(observed.history, version, reading, context) };
}

function observe(
  history: TokenHistory,
  version: number,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  if (reading.kind === 'unknown') {
    return { history: noteLooked(history, version, context), observation: { kind: 'unknown' } };
  }
  const stamp = stampOf(reading);
  if (stamp === null) return malformed(history, 'created_time is not an RFC 3339 time');
  const isBack = reading.kind === 'live' && wasDestroyed(history, stamp);
  if (isForeign(history, stamp) || isBack) return { history, observation: { kind: 'regressed' } };
  return reading.kind === 'live'
    ? observeLive(history, reading, stamp, context)
    : observeGone(history, reading, stamp, context);
}

function noteLooked(history: TokenHistory, version: number, { now }: ObserveContext): TokenHistory {
  const index = heldIndex(history, version);
  const held = history.generations[index];
  return held === undefined ? history : replaceAt(history, index, { ...held, lookedAt: now });
}

function observeLive(
  history: TokenHistory,
  reading: LiveReading,
  stamp: VersionStamp,
  context: ObserveContext,
): Observed {
  const index = indexOfNewest(history, stamp);
  if (index !== -1) {
    return { history: restore(history, index, reading, context.now), observation: unchanged };
  }
  // one that lies within a generation, or that another secret had under this number
  if (heldIndex(history, stamp.version) !== -1) return { history, observation: unchanged };
  const admitted = admit(history, reading, stamp, context, context.now);
  if (admitted.kind === 'revoked') return { history, observation: { kind: 'destroyed' } };
  if (admitted.kind === 'malformed') return malformed(history, admitted.problem);
  const isNewest = stamp.version >= (history.newest?.version ?? 0);
  const left = remember(history.left, isNewest ? history.newest : stamp);
  return {
    history: { ...admitted.history, left, newest: isNewest ? stamp : history.newest },
    observation: { kind: 'accepted', warnings: [] },
  };
}

function observeGone(
  history: TokenHistory,
  reading: GoneReading,
  stamp: VersionStamp,
  context: ObserveContext,
): Observed {
  const kind = wasDestroyed(history, stamp) ? 'destroyed' : reading.kind;
  const noted = noteDestroyed(noteLooked(history, stamp.version, context), kind, stamp);
  const index = indexOfNewest(noted, stamp);
  return {
    history:
      index === -1
        ? meetGone(noted, kind, stamp, context)
        : loseVersion(noted, index, kind, context),
    observation: { kind },
  };
}

/** One that we never held. Where nothing that signs is held, it is what retired whatever is older. */
function meetGone(
  history: TokenHistory,
  kind: GoneReading['kind'],
  stamp: VersionStamp,
  { now }: ObserveContext,
): TokenHistory {
  const { generations, signing, startedOn } = history;
  if (generations.length === 0) return startOnGone(history, kind, stamp);
  const isHeld = heldIndex(history, stamp.version) !== -1;
  const mayFollow = generations.every(
    (one) => !(isStanding(one) && isActive(one, now)) && signing?.equals(one.value) !== true,
  );
  if (isHeld || startedOn !== null || !mayFollow) return history;
  return { ...history, startedOn: { version: stamp.version, kind } };
}
