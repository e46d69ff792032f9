// Takes in an answer to a read of the newest version: an answer in, a new history and one named outcome out. Pure.
// Nothing here ever goes backwards, and no answer but a destroyed version takes a good token away.
import { admit, warningsOf } from './admit.js';
import { parseGraceSeconds } from './document.js';
import type { VersionStamp } from './generation.js';
import { loseNewest, noteDestroyed, startOnGone } from './gone.js';
import { remember, startNewEpoch, type TokenHistory } from './history.js';
import { type Place, placeOf, stampOf, wasDestroyed } from './identity.js';
import {
  type GoneReading,
  type LiveReading,
  malformed,
  type ObserveContext,
  type Observed,
  unchanged,
} from './observation.js';
import { openReadBack } from './read-back.js';
import type { SecretReading } from './reading.js';
import { indexOfNewest, restore } from './restore.js';

export function observeNewest(
  history: TokenHistory,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  if (reading.kind === 'unknown') return { history, observation: { kind: 'unknown' } };
  const stamp = stampOf(reading);
  if (stamp === null) return malformed(history, 'created_time is not an RFC 3339 time');
  const place = placeOf(history, stamp);
  const isBack = reading.kind === 'live' && wasDestroyed(history, stamp);
  if (place === 'regressed' || isBack) return { history, observation: { kind: 'regressed' } };
  const known = withSecretGrace({ ...history, topVersion: stamp.version }, reading);
  return reading.kind === 'live'
    ? observeLive(known, reading, stamp, place, context)
    : observeGone(known, reading, stamp, place, context);
}

/** `custom_metadata.grace_seconds` is of the whole secret; one that cannot be parsed counts as none. */
function withSecretGrace(history: TokenHistory, reading: LiveReading | GoneReading): TokenHistory {
  const parsed = parseGraceSeconds(reading.customMetadata?.['grace_seconds']);
  return { ...history, secretGraceMs: 'value' in parsed ? parsed.value : null };
}

function observeLive(
  history: TokenHistory,
  reading: LiveReading,
  stamp: VersionStamp,
  place: Place,
  context: ObserveContext,
): Observed {
  const held = place === 'same' ? indexOfNewest(history, stamp) : -1;
  if (held !== -1) {
    return { history: restore(history, held, reading, null), observation: unchanged };
  }
  const base = place === 'recreated' ? startNewEpoch(history, stamp) : history;
  const planned = openReadBack(base, stamp.version);
  const admitted = admit(planned, reading, stamp, context, null);
  if (admitted.kind === 'revoked') return { history, observation: { kind: 'regressed' } };
  if (admitted.kind === 'malformed') {
    // versions of a re-created secret are not compared with those we hold: it is taken with its first good version
    return malformed(place === 'recreated' ? history : planned, admitted.problem);
  }
  const isSuccessor = place !== 'same';
  const accepted = {
    ...admitted.history,
    newest: stamp,
    left: isSuccessor ? remember(base.left, base.newest) : base.left,
    startedOn: isSuccessor ? base.startedOn : null,
  };
  const warnings = warningsOf(accepted, stamp.version, reading, context);
  return {
    history: accepted,
    observation:
      place === 'recreated'
        ? { kind: 'recreated', warnings: [recreatedWarning(stamp), ...warnings] }
        : { kind: 'accepted', warnings },
  };
}

function recreatedWarning({ version }: VersionStamp): string {
  return `the secret began anew at version ${version} (re-created, or Vault restored from a snapshot): what was held keeps its grace`;
}

function observeGone(
  history: TokenHistory,
  reading: GoneReading,
  stamp: VersionStamp,
  place: Place,
  context: ObserveContext,
): Observed {
  const kind = wasDestroyed(history, stamp) ? 'destroyed' : reading.kind;
  const noted = noteDestroyed(history, kind, stamp);
  return { history: afterGone(noted, kind, stamp, place, context), observation: { kind } };
}

function afterGone(
  history: TokenHistory,
  kind: GoneReading['kind'],
  stamp: VersionStamp,
  place: Place,
  context: ObserveContext,
): TokenHistory {
  const isStart = history.newest === null || history.startedOn?.version === stamp.version;
  if (isStart && history.generations.length === 0) return startOnGone(history, kind, stamp);
  if (place === 'same') return loseNewest(history, kind, stamp, context);
  // a version that we never held revokes nothing we hold, and what lies between is ours to know
  return place === 'newer' ? openReadBack(history, stamp.version) : history;
}
