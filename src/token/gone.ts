// What a deleted or destroyed version takes with it. Destroying is the operator's kill switch: at once and for good.
// A delete can be undone: it takes away what `on_deleted` says, and gives it back.
import type { VersionStamp } from './generation.js';
import { heldIndex, remember, rememberRevoked, replaceAt, type TokenHistory } from './history.js';
import type { GoneReading, ObserveContext } from './observation.js';
import { rolesAt } from './roles.js';

type Kind = GoneReading['kind'];

export function noteDestroyed(
  history: TokenHistory,
  kind: Kind,
  stamp: VersionStamp,
): TokenHistory {
  if (kind !== 'destroyed') return history;
  return { ...history, destroyed: remember(history.destroyed, stamp) };
}

/**
 * Nothing was held, and the newest version there is, is gone. What is older does not stand in for it: it was retired by
 * it. An undelete is read back from; behind a destroyed version nothing is trusted, its value may be there too.
 */
export function startOnGone(history: TokenHistory, kind: Kind, stamp: VersionStamp): TokenHistory {
  const isDestroyed = kind === 'destroyed';
  return {
    ...history,
    newest: stamp,
    examinedTo: isDestroyed ? Math.max(history.examinedTo, stamp.version) : 0,
    readBack: null,
    startedOn: { version: stamp.version, kind },
    initial: isDestroyed ? null : history.initial,
  };
}

/** The newest version there is, is gone. Destroyed, it takes its value with it, whatever older versions hold it. */
export function loseNewest(
  history: TokenHistory,
  kind: Kind,
  stamp: VersionStamp,
  context: ObserveContext,
): TokenHistory {
  const index = heldIndex(history, stamp.version);
  const held = history.generations[index];
  if (held === undefined) return history;
  if (kind === 'deleted') return loseVersion(history, index, kind, context);
  const { epoch, version, value } = held;
  const lost = history.generations.reduce(
    (rest, one, at) => (one.value.equals(value) ? loseVersion(rest, at, kind, context) : rest),
    history,
  );
  return { ...lost, revoked: rememberRevoked(lost.revoked, { epoch, version, value }) };
}

/**
 * The newest version of a generation is gone: a pending one is cancelled, any other is marked. Where its value stands
 * in another generation that is current, pending or in grace, it verifies by that one.
 */
export function loseVersion(
  history: TokenHistory,
  index: number,
  kind: Kind,
  { now, limits }: ObserveContext,
): TokenHistory {
  const held = history.generations[index];
  if (held === undefined || held.presence === 'destroyed') return history;
  const isPending = rolesAt(history, now, limits).pending.includes(held);
  const cancelledAt = isPending ? now : held.cancelledAt;
  return replaceAt(history, index, { ...held, presence: kind, cancelledAt });
}
