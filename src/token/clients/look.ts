// Which versions of the clients' secret are read by number: on the way back after a start or a jump, and those whose
// keys still verify, so that destroying one puts out who has it. The longest unseen first.
import { createdAt, inForce, type ClientsHistory, type ClientsVersion } from './history.js';
import type { ClientsSnapshot } from './snapshot.js';

const OFTEN_FOR_MS = 300_000;
const SELDOM_EVERY_MS = 300_000;

/** `mayLook`: besides reading back. */
export function nextClientsVersion(
  history: ClientsHistory,
  { clients }: ClientsSnapshot,
  now: number,
  mayLook: boolean,
): number | null {
  if (history.readBack !== null) return history.readBack.next;
  if (!mayLook) return null;
  const head = inForce(history);
  if (head === undefined) return null;
  // not the newest there is: nobody else says whether it lives
  if (head.version !== history.topVersion) return head.version;
  const verifying = new Set(
    [...clients.values()].flatMap(({ superseded }) =>
      superseded.flatMap(({ versions: [newest = 0] }) => newest),
    ),
  );
  const due = history.versions.filter(
    (one) => one.epoch === history.epoch && verifying.has(one.version) && isDue(one, history, now),
  );
  const [longest] = due.sort((a, b) => (a.lookedAt ?? 0) - (b.lookedAt ?? 0));
  return longest?.version ?? null;
}

function isDue(version: ClientsVersion, { versions }: ClientsHistory, now: number): boolean {
  if (version.lookedAt === null) return true;
  const next = versions[versions.indexOf(version) + 1];
  const since = next === undefined ? now : (next.takenAt ?? createdAt(next));
  return now - since < OFTEN_FOR_MS || now - version.lookedAt >= SELDOM_EVERY_MS;
}
