// Who the named clients are at one instant, and which of their keys verify: scopes always from the document in force,
// keys overlap like a token's. Whoever is missing there, or cannot be read there, is nobody. A pure function of the
// history and the time.
import type { AgentToken } from '../agent-token.js';
import type { TokenLimits } from '../limits.js';
import type { ClientEntry } from './document.js';
import {
  createdAt,
  graceOf,
  inForce,
  type ClientsHistory,
  type ClientsVersion,
} from './history.js';

export interface ClientKey {
  readonly value: AgentToken;
  /** Of the secret, newest first: those that a `keyid` may name for it. */
  readonly versions: readonly number[];
}

export interface SupersededKey extends ClientKey {
  /** Vault's clock, milliseconds. */
  readonly usableUntil: number;
}

export interface Client extends Omit<ClientEntry, 'key'> {
  readonly id: string;
  readonly key: ClientKey;
  /** Newest first. */
  readonly superseded: readonly SupersededKey[];
}

export interface ClientsSnapshot {
  /** The document in force; null: there is none. */
  readonly current: { readonly version: number } | null;
  /** Why not: `revoked` when it was taken away. */
  readonly missing: 'absent' | 'revoked' | null;
  /** By id. */
  readonly clients: ReadonlyMap<string, Client>;
  /** Milliseconds since the epoch; Infinity when time alone changes nothing. */
  readonly nextChangeAt: number;
}

/** An agent that has polled late gives a key that it itself retired this much longer. Milliseconds. */
const HOLD_OVER_MS = 30_000;
/** Versions that one key has names for; older ones count as not held. */
const VERSIONS_MAX = 256;

export function deriveClients(
  history: ClientsHistory,
  now: number,
  limits: TokenLimits,
): ClientsSnapshot {
  const head = inForce(history);
  if (head === undefined || !isReadable(head, limits)) {
    const missing = head === undefined ? 'absent' : 'revoked';
    return { current: null, missing, clients: new Map(), nextChangeAt: Infinity };
  }
  const clients = new Map<string, Client>();
  for (const [id, parsed] of head.entries) {
    if (parsed.ok) clients.set(id, clientOf(id, parsed.entry, head, history, now, limits));
  }
  const ends = [...clients.values()].flatMap(({ superseded }) =>
    superseded.map(({ usableUntil }) => usableUntil),
  );
  return {
    current: { version: head.version },
    missing: null,
    clients,
    nextChangeAt: ends.reduce((a, b) => Math.min(a, b), Infinity),
  };
}

function isReadable({ presence }: ClientsVersion, { onDeleted }: TokenLimits): boolean {
  return presence === 'live' || (presence === 'deleted' && onDeleted === 'keep');
}

function clientOf(
  id: string,
  { scopes, tokens, requestsPerMinute }: ClientEntry,
  head: ClientsVersion,
  history: ClientsHistory,
  now: number,
  limits: TokenLimits,
): Client {
  const [current, ...older] = generationsOf(id, history, limits) as [Generation, ...Generation[]];
  const [previous] = older;
  const lowest = Math.max(
    1,
    head.version - VERSIONS_MAX + 1,
    previous?.epoch === head.epoch ? (previous.versions[0] ?? 0) + 1 : 1,
  );
  const versions = Array.from({ length: head.version - lowest + 1 }, (_, at) => head.version - at);
  const superseded = older
    .filter(({ isRevoked, endsAt }) => !isRevoked && endsAt > now)
    .slice(0, limits.supersededMax)
    .map(({ value, versions: named, endsAt, epoch }) => ({
      value,
      versions: epoch === head.epoch ? named : [],
      usableUntil: endsAt,
    }));
  return {
    id,
    scopes,
    tokens,
    requestsPerMinute,
    key: { value: current.value, versions },
    superseded,
  };
}

/** Consecutive versions with the same key of one client, those without a readable entry ignored. */
interface Generation {
  readonly value: AgentToken;
  readonly epoch: number;
  /** Newest first. */
  readonly versions: number[];
  readonly isRevoked: boolean;
  /** Infinity for the newest. */
  readonly endsAt: number;
}

/** Newest first. It ends at a version in which the client is missing: what it had before it is not revived. */
function generationsOf(id: string, history: ClientsHistory, limits: TokenLimits): Generation[] {
  const generations: Generation[] = [];
  const graceMs = graceOf(history, limits);
  let endsAt = Infinity;
  /** The oldest version of the generation that was met last. */
  let later: ClientsVersion | null = null;
  for (const version of history.versions.toReversed()) {
    const parsed = version.entries.get(id);
    if (parsed === undefined) break;
    if (!parsed.ok) continue;
    const { key } = parsed.entry;
    const newest = generations.at(-1);
    if (newest?.value.equals(key) === true) {
      newest.versions.push(version.version);
    } else {
      if (later !== null) endsAt = Math.min(endsAt, endOf(version, later, history, graceMs));
      generations.push({
        value: key,
        epoch: version.epoch,
        versions: [version.version],
        isRevoked: !isReadable(version, limits) || isRevokedBy(generations, key),
        endsAt,
      });
    }
    later = version;
  }
  return generations.filter(
    ({ value }, at) => generations.findIndex((one) => one.value.equals(value)) === at,
  );
}

/** A key that was destroyed where it stood last is not revived by older versions that hold it. */
function isRevokedBy(newer: readonly Generation[], key: AgentToken): boolean {
  return newer.some(({ value, isRevoked }) => isRevoked && value.equals(key));
}

/** `last`: the newest version of the key that ends; `next`: the first one of its successor. */
function endOf(
  last: ClientsVersion,
  next: ClientsVersion,
  { versions }: ClientsHistory,
  graceMs: number,
): number {
  const end = createdAt(next) + graceMs;
  if (last.takenAt === null) return end;
  const swap = versions.slice(versions.indexOf(last) + 1).find(({ takenAt }) => takenAt !== null);
  const leftAt = swap?.takenAt ?? -Infinity;
  return Math.max(end, leftAt + Math.min(HOLD_OVER_MS, graceMs));
}
