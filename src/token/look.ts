// Which versions deserve another look. Destroying a version is the operator's kill switch, so whatever still verifies
// is looked at by number: often at first, when a mistake is most likely to be noticed, then now and then.
import type { Generation } from './generation.js';
import type { TokenHistory } from './history.js';
import type { TokenSnapshot } from './snapshot.js';

const OFTEN_FOR_MS = 300_000;
const SELDOM_EVERY_MS = 300_000;

/** The next version to read by number, or null when this refresh has read all it needs. `done` are read already. */
export function nextVersionToRead(
  history: TokenHistory,
  snapshot: TokenSnapshot,
  now: number,
  done: ReadonlySet<number>,
): number | null {
  if (history.readBack !== null) return history.readBack.next;
  const due = [...unconfirmedCurrent(history, snapshot), ...dueSuperseded(history, snapshot, now)];
  return due.find((version) => !done.has(version)) ?? null;
}

/** The current, when it is not the newest: no read of the newest says that it is still there. */
function unconfirmedCurrent(history: TokenHistory, snapshot: TokenSnapshot): number[] {
  const current = snapshot.current ?? snapshot.last;
  if (current?.source !== 'vault' || current.version === null) return [];
  return current.version === history.topVersion ? [] : [current.version];
}

function dueSuperseded(history: TokenHistory, snapshot: TokenSnapshot, now: number): number[] {
  const verifying = new Set(snapshot.superseded.map((one) => one.version));
  return history.generations
    .filter((one) => one.epoch === history.epoch && verifying.has(one.version))
    .filter((one) => isDue(one, history, now))
    .map((one) => one.version);
}

function isDue(generation: Generation, history: TokenHistory, now: number): boolean {
  if (generation.lookedAt === null) return true;
  const sinceMs = now - supersededAt(generation, history);
  return sinceMs < OFTEN_FOR_MS || now - generation.lookedAt >= SELDOM_EVERY_MS;
}

function supersededAt(generation: Generation, history: TokenHistory): number {
  if (generation.leftCurrentAt !== null) return generation.leftCurrentAt;
  const after = history.generations.slice(history.generations.indexOf(generation) + 1);
  return Math.min(...after.filter((one) => one.cancelledAt === null).map((one) => one.activeAt));
}
