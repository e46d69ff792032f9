// All that is known of the versions of the secret of named clients, and how an answer of Vault changes it. Immutable
// data, pure functions, the rules of a token's secret: never backwards, a destroyed version is gone for good, nothing
// else that is bad takes away what was good. What it means at an instant is in snapshot.ts.
import type { VersionStamp } from '../generation.js';
import { hasPair, isSamePair, remember } from '../history.js';
import { placeOf, stampOf } from '../identity.js';
import { nsToMs } from '../instant.js';
import type { TokenLimits } from '../limits.js';
import { parseGraceSeconds } from '../document.js';
import type { GoneReading, LiveReading, Observation } from '../observation.js';
import { unchanged } from '../observation.js';
import type { SecretReading } from '../reading.js';
import { clientWarnings, parseClients, type ParsedEntry } from './document.js';

/** One version that we could read once. */
export interface ClientsVersion extends VersionStamp {
  /** Grows when the secret is re-created: numbers begin anew, times do not. */
  readonly epoch: number;
  readonly presence: 'live' | 'deleted' | 'destroyed';
  readonly entries: ReadonlyMap<string, ParsedEntry>;
  readonly misnamed: number;
  /** When it became the newest in this process; null: it was read back. Vault's clock, milliseconds. */
  readonly takenAt: number | null;
  /** When we last looked whether it was destroyed; null: never, as it was the newest. */
  readonly lookedAt: number | null;
}

export interface ClientsHistory {
  /** Oldest first. */
  readonly versions: readonly ClientsVersion[];
  readonly epoch: number;
  /** The newest pair that Vault showed, readable or not. */
  readonly newest: VersionStamp | null;
  /** The version that Vault last showed as the newest, whatever it was. */
  readonly topVersion: number | null;
  readonly left: readonly VersionStamp[];
  readonly floorNs: bigint | null;
  readonly destroyed: readonly VersionStamp[];
  /** Older versions still to be read, from `next` down to `lowest`. */
  readonly readBack: { readonly next: number; readonly lowest: number } | null;
  readonly secretGraceMs: number | null;
}

export const emptyClients: ClientsHistory = {
  versions: [],
  epoch: 0,
  newest: null,
  topVersion: null,
  left: [],
  floorNs: null,
  destroyed: [],
  readBack: null,
  secretGraceMs: null,
};

export interface ClientsContext {
  /** Vault's clock: ours plus the offset. Milliseconds. */
  readonly now: number;
  readonly limits: TokenLimits;
  /** The closed list of scopes. */
  readonly scopes: readonly string[];
}

export interface ClientsObserved {
  readonly history: ClientsHistory;
  readonly observation: Observation;
}

/** This many versions are kept, and as many are read back at most. */
const VERSIONS_MAX = 32;
/** A clock that was set wrong may be set right again: what ended by it is not forgotten at once. */
const FORGET_AFTER_MS = 3_600_000;

/** The document in force: the newest that we could read. undefined: there is none. */
export function inForce({ versions }: ClientsHistory): ClientsVersion | undefined {
  return versions.at(-1);
}

export function createdAt({ createdNs }: VersionStamp): number {
  return nsToMs(createdNs);
}

/** How long a key that has a successor still verifies. Milliseconds. */
export function graceOf({ secretGraceMs }: ClientsHistory, { graceMs }: TokenLimits): number {
  return secretGraceMs ?? graceMs;
}

/** An answer to a read of the newest version. One that never existed is no failure: there are no named clients. */
export function observeClients(
  history: ClientsHistory,
  reading: SecretReading,
  context: ClientsContext,
): ClientsObserved {
  if (reading.kind === 'unknown') {
    return { history, observation: history.newest === null ? unchanged : { kind: 'unknown' } };
  }
  const stamp = stampOf(reading);
  if (stamp === null) return malformed(history, 'created_time is not an RFC 3339 time');
  const place = placeOf(history, stamp);
  const isBack = reading.kind === 'live' && hasPair(history.destroyed, stamp);
  if (place === 'regressed' || isBack) return { history, observation: { kind: 'regressed' } };
  const shown = { ...history, secretGraceMs: graceIn(reading), topVersion: stamp.version };
  const known =
    place === 'recreated'
      ? { ...shown, epoch: history.epoch + 1, floorNs: stamp.createdNs, readBack: null }
      : shown;
  if (reading.kind !== 'live') {
    return {
      history: lose(moveTo(known, stamp), stamp, reading),
      observation: { kind: reading.kind },
    };
  }
  const held = indexOf(known, stamp);
  if (held !== -1) {
    return { history: replace(known, held, { presence: 'live' }), observation: unchanged };
  }
  return takeNewest(known, reading, stamp, place === 'recreated', context);
}

/** An answer to a read by number. */
export function observeOlderClients(
  history: ClientsHistory,
  version: number,
  reading: SecretReading,
  context: ClientsContext,
): ClientsObserved {
  const observed = observeOlder(history, version, reading, context);
  return { ...observed, history: advance(observed.history, version, reading, context) };
}

function takeNewest(
  history: ClientsHistory,
  reading: LiveReading,
  stamp: VersionStamp,
  isRecreated: boolean,
  context: ClientsContext,
): ClientsObserved {
  const parsed = parseClients(reading.fields, context.scopes);
  if (!parsed.ok) return malformed(history, parsed.problem);
  const before = history.versions.at(-1);
  const { entries, misnamed } = parsed;
  const taken = { ...stamp, ...placed(history), entries, misnamed, takenAt: context.now };
  const versions = forgetOld([...history.versions, taken], history, context);
  const lowest = before?.epoch === history.epoch ? before.version + 1 : 1;
  const isOver = isRecreated || createdAt(stamp) + graceOf(history, context.limits) <= context.now;
  const readBack = isOver || stamp.version <= lowest ? null : { next: stamp.version - 1, lowest };
  return {
    history: { ...moveTo(history, stamp), versions, readBack },
    observation: {
      kind: isRecreated ? 'recreated' : 'accepted',
      warnings: clientWarnings(entries),
    },
  };
}

function observeOlder(
  history: ClientsHistory,
  version: number,
  reading: SecretReading,
  { now, scopes }: ClientsContext,
): ClientsObserved {
  const at = history.versions.findIndex(
    (one) => one.epoch === history.epoch && one.version === version,
  );
  const noted = at === -1 ? history : replace(history, at, { lookedAt: now });
  if (reading.kind === 'unknown') return { history: noted, observation: { kind: 'unknown' } };
  const stamp = stampOf(reading);
  if (stamp === null) return malformed(noted, 'created_time is not an RFC 3339 time');
  if (reading.kind !== 'live') {
    return { history: lose(noted, stamp, reading), observation: { kind: reading.kind } };
  }
  if (hasPair(noted.destroyed, stamp))
    return { history: noted, observation: { kind: 'regressed' } };
  const held = indexOf(noted, stamp);
  if (held !== -1) {
    return { history: replace(noted, held, { presence: 'live' }), observation: unchanged };
  }
  if (noted.readBack?.next !== version) return { history: noted, observation: unchanged };
  const parsed = parseClients(reading.fields, scopes);
  if (!parsed.ok) return malformed(noted, parsed.problem);
  const { entries, misnamed } = parsed;
  const taken = { ...stamp, ...placed(noted), entries, misnamed, takenAt: null, lookedAt: now };
  const versions = [...noted.versions, taken].sort(byAge).slice(-VERSIONS_MAX);
  return { history: { ...noted, versions }, observation: { kind: 'accepted', warnings: [] } };
}

/** On to the next older one, until no key that is older still could verify. */
function advance(
  history: ClientsHistory,
  version: number,
  reading: SecretReading,
  { now, limits }: ClientsContext,
): ClientsHistory {
  const { readBack } = history;
  if (readBack?.next !== version) return history;
  const oldest = history.versions.find(({ epoch }) => epoch === history.epoch);
  const isOver =
    reading.kind === 'unknown' ||
    version <= readBack.lowest ||
    oldest === undefined ||
    (history.newest?.version ?? 0) - version >= VERSIONS_MAX - 1 ||
    createdAt(oldest) + graceOf(history, limits) <= now;
  return { ...history, readBack: isOver ? null : { ...readBack, next: version - 1 } };
}

function moveTo(history: ClientsHistory, stamp: VersionStamp): ClientsHistory {
  const { newest, left } = history;
  if (newest !== null && isSamePair(newest, stamp)) return history;
  return { ...history, newest: stamp, left: remember(left, newest) };
}

/** One that we never held takes nothing away; a destroyed one is remembered. */
function lose(history: ClientsHistory, stamp: VersionStamp, { kind }: GoneReading): ClientsHistory {
  const isDestroyed = kind === 'destroyed' || hasPair(history.destroyed, stamp);
  const destroyed = isDestroyed ? remember(history.destroyed, stamp) : history.destroyed;
  const known = { ...history, destroyed };
  const held = indexOf(known, stamp);
  return held === -1
    ? known
    : replace(known, held, { presence: isDestroyed ? 'destroyed' : 'deleted' });
}

function forgetOld(
  versions: readonly ClientsVersion[],
  history: ClientsHistory,
  { now, limits }: ClientsContext,
): readonly ClientsVersion[] {
  const keptMs = graceOf(history, limits) + FORGET_AFTER_MS;
  return versions
    .filter((_one, at) => {
      const next = versions[at + 1];
      return next === undefined || (next.takenAt ?? createdAt(next)) + keptMs > now;
    })
    .slice(-VERSIONS_MAX);
}

function placed({
  epoch,
}: ClientsHistory): Pick<ClientsVersion, 'epoch' | 'presence' | 'lookedAt'> {
  return { epoch, presence: 'live', lookedAt: null };
}

function indexOf({ versions, epoch }: ClientsHistory, stamp: VersionStamp): number {
  return versions.findIndex((one) => one.epoch === epoch && isSamePair(one, stamp));
}

function replace(
  history: ClientsHistory,
  at: number,
  changes: Partial<ClientsVersion>,
): ClientsHistory {
  const held = history.versions[at];
  if (held === undefined) return history;
  return { ...history, versions: history.versions.with(at, { ...held, ...changes }) };
}

function graceIn(reading: LiveReading | GoneReading): number | null {
  const parsed = parseGraceSeconds(reading.customMetadata?.['grace_seconds']);
  return 'value' in parsed ? parsed.value : null;
}

function byAge(a: ClientsVersion, b: ClientsVersion): number {
  return a.epoch - b.epoch || a.version - b.version;
}

function malformed(history: ClientsHistory, problem: string): ClientsObserved {
  return { history, observation: { kind: 'malformed', problem } };
}
