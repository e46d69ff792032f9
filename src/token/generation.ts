// A generation: consecutive versions with the same value, versions that cannot be read between them ignored.
// `kv patch` and a value written again make new versions, not new tokens. Pure arithmetic over versions; who is
// current and what still verifies is decided in roles.ts.
import type { AgentToken } from './agent-token.js';
import type { TokenDocument } from './document.js';
import { nsToMs } from './instant.js';

/** Whether a generation's newest version can still be read in Vault. */
export type Presence = 'live' | 'deleted' | 'destroyed';

/** All instants are milliseconds on Vault's clock; those in `Ns` are exact. */
export interface Generation {
  /** Grows when the secret is re-created: versions of different epochs are never compared. */
  readonly epoch: number;
  readonly firstVersion: number;
  /** The newest version; any from `firstVersion` on is valid in a `keyid`. */
  readonly version: number;
  readonly value: AgentToken;
  /** `created_time` of the first readable version. */
  readonly createdNs: bigint;
  /** `created_time` of the newest version. */
  readonly versionCreatedNs: bigint;
  /** First instant at which the version then newest in it had reached max(created, not_before). */
  readonly activeAt: number;
  /** It was seen active: whatever is written or the clock says later, it never becomes pending again. */
  readonly wasActive: boolean;
  readonly expiresAt: number | null;
  readonly graceMs: number | null;
  /** When `delete_version_after` deletes the newest version. */
  readonly deletionAt: number | null;
  readonly presence: Presence;
  /** Set when it was taken back before it became active: it never signs and ends nobody. */
  readonly cancelledAt: number | null;
  /** When our own swap retired it; null on a cold start. */
  readonly leftCurrentAt: number | null;
  /** When we last looked whether it was destroyed. */
  readonly lookedAt: number | null;
}

/** Identity of a version: numbers begin anew when a secret is re-created, times do not. */
export interface VersionStamp {
  readonly version: number;
  readonly createdNs: bigint;
}

/** A generation of one version. */
export function generationOf(
  epoch: number,
  stamp: VersionStamp,
  document: TokenDocument,
  deletionAt: number | null,
): Generation {
  return {
    epoch,
    firstVersion: stamp.version,
    version: stamp.version,
    value: document.value,
    createdNs: stamp.createdNs,
    versionCreatedNs: stamp.createdNs,
    activeAt: Math.max(nsToMs(stamp.createdNs), document.notBeforeAt ?? -Infinity),
    wasActive: false,
    expiresAt: document.expiresAt,
    graceMs: document.graceMs,
    deletionAt,
    presence: 'live',
    cancelledAt: null,
    leftCurrentAt: null,
    lookedAt: null,
  };
}

export function createdAt(generation: Generation): number {
  return nsToMs(generation.createdNs);
}

/** Not taken back: it counts for who signs and for when older ones end. */
export function isStanding(generation: Generation): boolean {
  return generation.cancelledAt === null;
}

export function isActive(generation: Generation, now: number): boolean {
  return generation.wasActive || generation.activeAt <= now;
}

/**
 * Groups pieces (single versions or generations grouped before) into generations, oldest first. Idempotent.
 *
 * A generation that was still pending when the value before it was written again is cancelled: the two around it are
 * one, so taking a pending token back is no rotation. Nothing is joined across versions that are still to be read.
 */
export function groupGenerations(
  pieces: readonly Generation[],
  unread: UnreadVersions | null,
): Generation[] {
  const groups: Generation[] = [];
  for (const piece of [...pieces].sort(byAge)) append(groups, piece, unread);
  return groups;
}

/** Of the newest secret; both are included. */
export interface UnreadVersions {
  readonly epoch: number;
  readonly lowest: number;
  readonly highest: number;
}

function byAge(a: Generation, b: Generation): number {
  return a.epoch - b.epoch || a.firstVersion - b.firstVersion;
}

function append(groups: Generation[], piece: Generation, unread: UnreadVersions | null): void {
  const sameIndex = isStanding(piece) ? indexOfContinued(groups, piece, unread) : -1;
  const same = groups[sameIndex];
  if (same === undefined) {
    groups.push(piece);
    return;
  }
  const between = groups.splice(sameIndex + 1);
  groups[sameIndex] = join(same, piece);
  for (const cancelled of between) {
    groups.push({ ...cancelled, cancelledAt: cancelled.cancelledAt ?? createdAt(piece) });
  }
}

/**
 * Where the generation stands that `piece` goes on with: its neighbour, or behind ones that were still pending when it
 * was written the one that was current then. With nothing before it, a pending one was. Who was current is known only
 * once all older versions were read: until then only neighbours are joined.
 */
function indexOfContinued(
  groups: readonly Generation[],
  piece: Generation,
  unread: UnreadVersions | null,
): number {
  let isNeighbour = true;
  for (let index = groups.length - 1; index >= 0; index -= 1) {
    const candidate = groups[index] as Generation;
    if (candidate.epoch !== piece.epoch || isBetween(unread, candidate, piece)) return -1;
    if (!isStanding(candidate)) continue;
    const wasPending = wasPendingWhen(candidate, piece);
    if (candidate.value.equals(piece.value) && !isRevoked(candidate, piece)) {
      const wasCurrent = !wasPending || index === 0;
      if (isNeighbour || (wasCurrent && unread === null)) return index;
    }
    if (!wasPending) return -1;
    isNeighbour = false;
  }
  return -1;
}

function isBetween(unread: UnreadVersions | null, older: Generation, newer: Generation): boolean {
  if (unread?.epoch !== newer.epoch) return false;
  return older.version < unread.lowest && unread.highest < newer.firstVersion;
}

/** A destroyed value that is written again is a new token. */
function isRevoked(...generations: Generation[]): boolean {
  return generations.some((one) => one.presence === 'destroyed');
}

/** Whether `generation` was still to come when the first version of `next` was written. */
export function wasPendingWhen(generation: Generation, next: Generation): boolean {
  const writtenAt = Math.max(createdAt(next), nsToMs(generation.versionCreatedNs));
  return generation.activeAt > writtenAt;
}

/**
 * One generation of two neighbours with the same value: age of the older, fields and `version` of the newer. It is
 * active since the older one was, unless that had not happened when the newer was written.
 */
function join(older: Generation, newer: Generation): Generation {
  const isStillPending = !older.wasActive && wasPendingWhen(older, newer);
  return {
    ...newer,
    firstVersion: older.firstVersion,
    createdNs: older.createdNs,
    activeAt: isStillPending ? newer.activeAt : older.activeAt,
    wasActive: older.wasActive || newer.wasActive,
    leftCurrentAt: newer.leftCurrentAt ?? older.leftCurrentAt,
    lookedAt: newer.lookedAt ?? older.lookedAt,
  };
}
