// Which versions deserve another look. Destroying a version is the operator's kill switch, so whatever signs, is to
// sign or still verifies is looked at by number: what is superseded often at first, when a mistake is most likely to be
// noticed, then now and then.
import { type Generation, isStanding } from './generation.js';
import type { TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';
import { rolesAt } from './roles.js';

const OFTEN_FOR_MS = 300_000;
const SELDOM_EVERY_MS = 300_000;

/** The next version to read by number, or null when this refresh has read all it needs. `done` are read already. */
export function nextVersionToRead(
  history: TokenHistory,
  now: number,
  limits: TokenLimits,
  done: ReadonlySet<number>,
): number | null {
  const { readBack } = history;
  if (readBack !== null && !done.has(readBack.next)) return readBack.next;
  return versionsToLookAt(history, now, limits).find((version) => !done.has(version)) ?? null;
}

/** Deleted ones too, whatever `on_deleted` says: an undelete has to be seen. */
function versionsToLookAt(history: TokenHistory, now: number, limits: TokenLimits): number[] {
  const roles = rolesAt(history, now, { ...limits, onDeleted: 'keep' });
  const signing = roles.current ?? roles.revoked;
  return [
    ...(signing === null ? [] : [signing]),
    ...roles.pending.slice(0, limits.supersededMax),
    ...roles.superseded.map((one) => one.generation).filter((one) => isDue(one, history, now)),
  ]
    .filter((one) => one.epoch === history.epoch && one.version !== history.topVersion)
    .map((one) => one.version);
}

function isDue(generation: Generation, history: TokenHistory, now: number): boolean {
  if (generation.lookedAt === null) return true;
  const sinceMs = now - supersededAt(generation, history);
  return sinceMs < OFTEN_FOR_MS || now - generation.lookedAt >= SELDOM_EVERY_MS;
}

function supersededAt(generation: Generation, history: TokenHistory): number {
  const known = generation.leftCurrentAt ?? generation.cancelledAt;
  if (known !== null) return known;
  const later = history.generations.slice(history.generations.indexOf(generation) + 1);
  return Math.min(...later.filter(isStanding).map((one) => one.activeAt));
}
