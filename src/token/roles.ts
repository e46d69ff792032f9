// Who is who among the generations at one instant: the one that signs, those still to come, those that only verify.
// A pure function of the history and the time.
import { type Generation, isActive, isStanding } from './generation.js';
import { endsOf, initialEndOf } from './grace.js';
import type { TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';

export interface Roles {
  readonly current: Generation | null;
  /** What would sign, had it not been revoked. Set only where nothing took its place. */
  readonly revoked: Generation | null;
  /** The one to become current first, first. */
  readonly pending: readonly Generation[];
  /** Newest first, at most `supersededMax`. */
  readonly superseded: readonly Superseded[];
  /** When the initial token stops verifying; null while it signs or when it is out. */
  readonly initialUntil: number | null;
}

export interface Superseded {
  readonly generation: Generation;
  readonly usableUntil: number;
}

export function rolesAt(history: TokenHistory, now: number, limits: TokenLimits): Roles {
  const { generations } = history;
  const headIndex = generations.findLastIndex(
    (one) => isStanding(one) && isActive(one, now) && !isOutranked(one, history),
  );
  const head = generations[headIndex];
  const isCandidate = (one: Generation): boolean =>
    isStanding(one) && isPresent(one, limits) && !isOutranked(one, history);
  const waiting = generations.slice(headIndex + 1).filter(isCandidate);
  const current =
    head !== undefined && isPresent(head, limits) ? head : promoted(waiting, history, now);
  const gone = generations
    .slice(Math.max(headIndex, 0))
    .findLast((one) => isStanding(one) && !isPresent(one, limits) && !isOutranked(one, history));
  const initialUntil = initialEndOf(history, head ?? current, limits);
  return {
    current,
    revoked: current === null ? (gone ?? null) : null,
    pending: waiting.filter((one) => one !== current).sort((a, b) => a.activeAt - b.activeAt),
    superseded: supersededAt(history, headIndex, current, now, limits),
    initialUntil: initialUntil !== null && initialUntil > now ? initialUntil : null,
  };
}

/** It can be read, or is kept although it was deleted. */
export function isPresent(generation: Generation, limits: TokenLimits): boolean {
  if (generation.presence === 'deleted') return limits.onDeleted === 'keep';
  return generation.presence === 'live';
}

/** Older than a version that was gone when we came: that one retired it, so it never signs again. */
function isOutranked(generation: Generation, { epoch, startedOn }: TokenHistory): boolean {
  if (startedOn === null) return false;
  return generation.epoch < epoch || generation.version < startedOn.version;
}

/**
 * With nothing usable before it, a pending one is current at once: the oldest, which whoever came before us uses too.
 * Whether there is something before it, a read-back that is under way has yet to say.
 */
function promoted(
  waiting: readonly Generation[],
  history: TokenHistory,
  now: number,
): Generation | null {
  const [oldest] = waiting;
  if (oldest === undefined || isActive(oldest, now)) return oldest ?? null;
  const isKnown = history.readBack === null || history.signing?.equals(oldest.value) === true;
  return isKnown ? oldest : null;
}

function supersededAt(
  history: TokenHistory,
  headIndex: number,
  current: Generation | null,
  now: number,
  limits: TokenLimits,
): Superseded[] {
  const ends = endsOf(history, limits);
  return history.generations
    .map((generation, index) => ({ generation, index, usableUntil: ends[index] as number }))
    .filter((one) => one.usableUntil > now && one.usableUntil < Infinity)
    .filter(({ generation, index }) => isBehind(generation, index, headIndex, history, limits))
    .filter((one) => current?.value.equals(one.generation.value) !== true)
    .reverse()
    .slice(0, limits.supersededMax);
}

/** Superseded: it has a successor. One taken back while pending counts, unless it was deleted to take it back. */
function isBehind(
  generation: Generation,
  index: number,
  headIndex: number,
  history: TokenHistory,
  limits: TokenLimits,
): boolean {
  if (!isStanding(generation)) return generation.presence === 'live';
  if (!isPresent(generation, limits)) return false;
  return index < headIndex || (headIndex === -1 && isOutranked(generation, history));
}
