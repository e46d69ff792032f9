// All that is known of one secret's versions, and how each answer of Vault changes it. Pure: an answer in, a new
// history and one named outcome out. Identity is (version, created_time); nothing here ever goes backwards.
import type { AgentToken } from './agent-token.js';
import { parseDocument, parseGraceSeconds, STRONG_TOKEN_BYTES } from './document.js';
import {
  type Generation,
  generationOf,
  groupGenerations,
  type VersionStamp,
} from './generation.js';
import { parseInstantMs, parseInstantNs } from './instant.js';
import type { SecretReading } from './reading.js';
import { deriveSnapshot, endOf, graceOf, type TokenLimits } from './snapshot.js';

/** At most this many older versions are read in one go. */
const READ_BACK_MAX = 32;
/** This many pairs once held and left, or seen destroyed, are remembered. */
const REMEMBERED_MAX = 32;
/** This many generations are kept; far more than ever verify at once. */
const GENERATIONS_MAX = 64;

export interface InitialToken {
  readonly value: AgentToken;
  readonly createdAt: number;
  /** Until the first good read, at most this long. */
  readonly usableUntil: number;
}

/** Older versions still to be read, from `next` down to `lowest`. */
export interface ReadBack {
  readonly next: number;
  readonly lowest: number;
  readonly readsLeft: number;
  /** After a re-creation: only what was created later belongs to the new secret. */
  readonly newerThanNs: bigint | null;
}

export interface TokenHistory {
  /** Oldest first. */
  readonly generations: readonly Generation[];
  readonly epoch: number;
  /** The newest pair accepted, pending included. */
  readonly newest: VersionStamp | null;
  /** The version that Vault last showed as the newest, readable or not. */
  readonly topVersion: number | null;
  /** Every version up to here was read or is in `readBack`. */
  readonly examinedTo: number;
  readonly readBack: ReadBack | null;
  /** Set by a re-creation: what is older belongs to the secret that was. */
  readonly floorNs: bigint | null;
  readonly left: readonly VersionStamp[];
  readonly destroyed: readonly VersionStamp[];
  /** What the very first answer showed, when it could not be read. */
  readonly startedOn: 'deleted' | 'destroyed' | null;
  readonly secretGraceMs: number | null;
  readonly initial: InitialToken | null;
  /** When the first version was taken from Vault. */
  readonly loadedAt: number | null;
}

export const emptyHistory: TokenHistory = {
  generations: [],
  epoch: 0,
  newest: null,
  topVersion: null,
  examinedTo: 0,
  readBack: null,
  floorNs: null,
  left: [],
  destroyed: [],
  startedOn: null,
  secretGraceMs: null,
  initial: null,
  loadedAt: null,
};

export interface ObserveContext {
  /** Vault's clock: ours plus the offset. Milliseconds. */
  readonly now: number;
  /** The field that holds the token. */
  readonly field: string;
  readonly limits: TokenLimits;
  /** Graces below this are obeyed with a warning: 3 × (interval + jitter). Milliseconds. */
  readonly shortGraceMs: number;
}

/** What an answer was, seen from what we knew. `problem` sentences never quote a value. */
export type Observation =
  | { readonly kind: 'accepted' | 'recreated' | 'unchanged'; readonly warnings: readonly string[] }
  | { readonly kind: 'regressed' }
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'deleted' | 'destroyed' }
  | { readonly kind: 'unknown' };

export interface Observed {
  readonly history: TokenHistory;
  readonly observation: Observation;
}

type Live = Extract<SecretReading, { kind: 'live' }>;
type Gone = Extract<SecretReading, { kind: 'deleted' | 'destroyed' }>;

/** Takes in an answer to a read of the newest version. */
export function observeNewest(
  history: TokenHistory,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  if (reading.kind === 'unknown') return { history, observation: { kind: 'unknown' } };
  const createdNs = parseInstantNs(reading.createdTime);
  if (createdNs === null) return malformed(history, 'created_time is not an RFC 3339 time');
  const stamp = { version: reading.version, createdNs };
  const place = placeOf(history, stamp);
  if (place === 'regressed') return { history, observation: { kind: 'regressed' } };
  const known = withSecretGrace({ ...history, topVersion: stamp.version }, reading);
  return reading.kind === 'live'
    ? observeLive(known, reading, stamp, place, context)
    : observeGone(known, reading, stamp, place, context);
}

type Place = 'same' | 'newer' | 'recreated' | 'regressed';

/** Where a pair stands beside the newest accepted one. */
function placeOf(history: TokenHistory, stamp: VersionStamp): Place {
  const { newest, floorNs } = history;
  if (newest === null) return 'newer';
  if (isSamePair(newest, stamp)) return 'same';
  if (history.left.some((pair) => isSamePair(pair, stamp))) return 'regressed';
  if (stamp.version <= newest.version) {
    return stamp.createdNs > newest.createdNs ? 'recreated' : 'regressed';
  }
  return floorNs !== null && stamp.createdNs <= floorNs ? 'regressed' : 'newer';
}

function isSamePair(a: VersionStamp, b: VersionStamp): boolean {
  return a.version === b.version && a.createdNs === b.createdNs;
}

/** `custom_metadata.grace_seconds` is of the whole secret; one that cannot be parsed counts as none. */
function withSecretGrace(history: TokenHistory, reading: Live | Gone): TokenHistory {
  const parsed = parseGraceSeconds(reading.customMetadata?.['grace_seconds']);
  const secretGraceMs = 'value' in parsed ? parsed.value : null;
  return secretGraceMs === history.secretGraceMs ? history : { ...history, secretGraceMs };
}

function observeLive(
  history: TokenHistory,
  reading: Live,
  stamp: VersionStamp,
  place: Exclude<Place, 'regressed'>,
  context: ObserveContext,
): Observed {
  if (history.destroyed.some((pair) => isSamePair(pair, stamp))) {
    return { history, observation: { kind: 'regressed' } };
  }
  const held = place === 'same' ? heldIndex(history, stamp.version) : -1;
  if (held !== -1) {
    return { history: revive(history, held, reading), observation: unchanged };
  }
  const base = place === 'recreated' ? startNewEpoch(history, stamp) : history;
  const admitted = admit(base, reading, stamp, context);
  if (!admitted.ok) return malformed(openReadBack(history, stamp.version, place), admitted.problem);
  const accepted = {
    ...openReadBack(admitted.history, stamp.version, place),
    newest: stamp,
    left: place === 'same' ? history.left : remember(history.left, history.newest),
    startedOn: null,
    loadedAt: history.loadedAt ?? context.now,
  };
  return {
    history: accepted,
    observation: {
      kind: place === 'recreated' ? 'recreated' : 'accepted',
      warnings: warningsOf(accepted, stamp.version, reading, context),
    },
  };
}

const unchanged: Observation = { kind: 'unchanged', warnings: [] };

function malformed(history: TokenHistory, problem: string): Observed {
  return { history, observation: { kind: 'malformed', problem } };
}

/** The generation of this epoch that holds `version`, or -1. */
function heldIndex(history: TokenHistory, version: number): number {
  return history.generations.findLastIndex(
    (one) =>
      one.epoch === history.epoch &&
      one.firstVersion <= version &&
      version <= one.version &&
      one.cancelledAt === null,
  );
}

/** A version that was deleted is there again, or a deletion time was set. */
function revive(history: TokenHistory, index: number, reading: Live): TokenHistory {
  const held = history.generations[index] as Generation;
  const deletionAt = deletionTimeOf(reading);
  if (held.presence === 'live' && held.deletionAt === deletionAt) return history;
  return replaceAt(history, index, { ...held, presence: 'live', deletionAt });
}

function deletionTimeOf(reading: Live): number | null {
  return reading.deletionTime === null ? null : parseInstantMs(reading.deletionTime);
}

function replaceAt(history: TokenHistory, index: number, generation: Generation): TokenHistory {
  return { ...history, generations: history.generations.with(index, generation) };
}

function startNewEpoch(history: TokenHistory, stamp: VersionStamp): TokenHistory {
  return {
    ...history,
    epoch: history.epoch + 1,
    floorNs: stamp.createdNs,
    examinedTo: 0,
    readBack: null,
  };
}

type Admitted =
  | { readonly ok: true; readonly history: TokenHistory }
  | { readonly ok: false; readonly problem: string };

/** Parses the document and groups it with what we hold. */
function admit(
  history: TokenHistory,
  reading: Live,
  stamp: VersionStamp,
  context: ObserveContext,
  lookedAt: number | null = null,
): Admitted {
  const parsed = parseDocument(reading.fields, context.field);
  if (!parsed.ok) return parsed;
  const deletionAt = deletionTimeOf(reading);
  const piece = { ...generationOf(history.epoch, stamp, parsed.document, deletionAt), lookedAt };
  const others = history.generations.filter((one) => !isTakenBack(one, stamp, history.epoch));
  const generations = groupGenerations([...others, piece]);
  const admitted = { ...history, generations };
  const group = generations[heldIndex(admitted, stamp.version)] ?? piece;
  if (group.expiresAt !== null && group.expiresAt <= group.activeAt) {
    return { ok: false, problem: 'field "expires_at" is not later than the token becomes active' };
  }
  return { ok: true, history: admitted };
}

/** A pending version that was deleted and is back: it starts anew. */
function isTakenBack(generation: Generation, stamp: VersionStamp, epoch: number): boolean {
  return (
    generation.epoch === epoch &&
    generation.cancelledAt !== null &&
    generation.version === stamp.version &&
    generation.presence === 'deleted'
  );
}

/** Plans to read what lies between what was examined and a new top. */
function openReadBack(history: TokenHistory, top: number, place: Place): TokenHistory {
  if (top <= history.examinedTo) return history;
  const lowest = history.readBack?.lowest ?? history.examinedTo + 1;
  const newerThanNs =
    place === 'recreated'
      ? (history.newest?.createdNs ?? null)
      : (history.readBack?.newerThanNs ?? null);
  const readBack =
    top - 1 >= lowest ? { next: top - 1, lowest, readsLeft: READ_BACK_MAX, newerThanNs } : null;
  return { ...history, examinedTo: top, readBack };
}

function remember(
  pairs: readonly VersionStamp[],
  pair: VersionStamp | null,
): readonly VersionStamp[] {
  if (pair === null || pairs.some((one) => isSamePair(one, pair))) return pairs;
  return [...pairs, pair].slice(-REMEMBERED_MAX);
}

function warningsOf(
  history: TokenHistory,
  version: number,
  reading: Live,
  context: ObserveContext,
): string[] {
  const warnings: string[] = [];
  const generation = history.generations[heldIndex(history, version)];
  if (generation === undefined) return warnings;
  if (generation.value.bytes < STRONG_TOKEN_BYTES) {
    warnings.push(
      `the token is weak: ${generation.value.bytes} bytes, ${STRONG_TOKEN_BYTES} are advised (openssl rand -base64 32)`,
    );
  }
  const graceMs = graceOf(generation, history, context.limits);
  if (graceMs < context.shortGraceMs && graceMs !== context.limits.graceMs) {
    warnings.push(
      `grace_seconds ${graceMs / 1000} is shorter than three polls (${context.shortGraceMs / 1000} s): agents that poll late refuse the old token`,
    );
  }
  if ('problem' in parseGraceSeconds(reading.customMetadata?.['grace_seconds'])) {
    warnings.push('custom_metadata.grace_seconds is not a number from 0 to 2592000: ignored');
  }
  return warnings;
}

function observeGone(
  history: TokenHistory,
  reading: Gone,
  stamp: VersionStamp,
  place: Exclude<Place, 'regressed'>,
  context: ObserveContext,
): Observed {
  const observation: Observation = { kind: reading.kind };
  const noted =
    reading.kind === 'destroyed'
      ? { ...history, destroyed: remember(history.destroyed, stamp) }
      : history;
  if (noted.newest === null) {
    // nothing was ever held: what is older is not trusted to stand in for it
    return {
      history: {
        ...noted,
        newest: stamp,
        // an undelete is read back from; behind a destroyed version nothing is trusted, its value may be there too
        examinedTo: reading.kind === 'destroyed' ? stamp.version : 0,
        startedOn: reading.kind,
      },
      observation,
    };
  }
  if (place === 'same') {
    const startedOn = noted.startedOn === null ? null : reading.kind;
    return { history: markNewestGone({ ...noted, startedOn }, reading.kind, context), observation };
  }
  const planned = place === 'newer' ? openReadBack(noted, stamp.version, place) : noted;
  return { history: planned, observation };
}

/** The newest version we hold is gone: a pending one is cancelled, a current one's value is revoked or marked. */
function markNewestGone(
  history: TokenHistory,
  kind: 'deleted' | 'destroyed',
  context: ObserveContext,
): TokenHistory {
  const index = heldIndex(history, history.newest?.version ?? -1);
  const held = history.generations[index];
  if (held === undefined) return history;
  const signing = deriveSnapshot(history, context.now, context.limits).current?.value;
  const isPending = held.activeAt > context.now && signing?.equals(held.value) !== true;
  if (isPending) {
    return replaceAt(history, index, { ...held, presence: kind, cancelledAt: context.now });
  }
  if (kind === 'deleted') return replaceAt(history, index, { ...held, presence: kind });
  return {
    ...history,
    generations: history.generations.map((one) =>
      one.value.equals(held.value) ? { ...one, presence: kind } : one,
    ),
  };
}

/** Takes in an answer to a read by number: an older version, looked for or looked at. */
export function observeOlder(
  history: TokenHistory,
  version: number,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  const index = heldIndex(history, version);
  const observed =
    index === -1
      ? discover(history, reading, context)
      : inspect(history, index, version, reading, context);
  return { ...observed, history: advanceReadBack(observed.history, version, reading, context) };
}

/** A version we did not know. */
function discover(
  history: TokenHistory,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  if (reading.kind === 'unknown') return { history, observation: { kind: 'unknown' } };
  const createdNs = parseInstantNs(reading.createdTime);
  if (createdNs === null) return malformed(history, 'created_time is not an RFC 3339 time');
  const stamp = { version: reading.version, createdNs };
  if (reading.kind !== 'live') {
    const destroyed =
      reading.kind === 'destroyed' ? remember(history.destroyed, stamp) : history.destroyed;
    return { history: { ...history, destroyed }, observation: { kind: reading.kind } };
  }
  if (isForeign(history, stamp)) return { history, observation: { kind: 'regressed' } };
  const admitted = admit(history, reading, stamp, context, context.now);
  if (!admitted.ok) return malformed(history, admitted.problem);
  const isNewest = stamp.version > (history.newest?.version ?? 0);
  return {
    history: {
      ...admitted.history,
      ...(isNewest ? { newest: stamp, left: remember(history.left, history.newest) } : {}),
      loadedAt: history.loadedAt ?? context.now,
    },
    observation: { kind: 'accepted', warnings: [] },
  };
}

/** Of the secret that was before a re-creation, or seen destroyed. */
function isForeign(history: TokenHistory, stamp: VersionStamp): boolean {
  const after = history.readBack?.newerThanNs ?? null;
  return (
    (after !== null && stamp.createdNs <= after) ||
    history.destroyed.some((pair) => isSamePair(pair, stamp))
  );
}

/** A version of a generation we hold: still there? */
function inspect(
  history: TokenHistory,
  index: number,
  version: number,
  reading: SecretReading,
  context: ObserveContext,
): Observed {
  const held = { ...(history.generations[index] as Generation), lookedAt: context.now };
  if (reading.kind === 'unknown') {
    return { history: replaceAt(history, index, held), observation: { kind: 'unknown' } };
  }
  if (reading.kind === 'live' && isOf(held, reading, context)) {
    const presence = held.presence === 'deleted' ? 'live' : held.presence;
    return { history: replaceAt(history, index, { ...held, presence }), observation: unchanged };
  }
  if (reading.kind === 'deleted') {
    const deleted: Generation = { ...held, presence: 'deleted' };
    return { history: replaceAt(history, index, deleted), observation: { kind: 'deleted' } };
  }
  const after =
    version === held.version
      ? lowerOrDestroy(history, index, held, context)
      : replaceAt(history, index, held);
  return {
    history: after,
    observation: reading.kind === 'live' ? unchanged : { kind: reading.kind },
  };
}

/** Between the versions of a generation there may be one that was taken back. */
function isOf(generation: Generation, reading: Live, context: ObserveContext): boolean {
  const parsed = parseDocument(reading.fields, context.field);
  return parsed.ok && parsed.document.value.equals(generation.value);
}

/**
 * An older generation's newest version is destroyed. Another version of it may still stand: it is looked at next.
 * When none does, the generation is revoked, unless its value is current, pending or in grace elsewhere.
 */
function lowerOrDestroy(
  history: TokenHistory,
  index: number,
  held: Generation,
  context: ObserveContext,
): TokenHistory {
  if (held.version > held.firstVersion) {
    return replaceAt(history, index, { ...held, version: held.version - 1, lookedAt: null });
  }
  const others = replaceAt(history, index, { ...held, presence: 'destroyed' });
  const rest = deriveSnapshot(others, context.now, context.limits);
  const standing = [rest.current, ...rest.superseded, ...rest.pending];
  return standing.some((one) => one?.value.equals(held.value) === true) ? history : others;
}

function advanceReadBack(
  history: TokenHistory,
  version: number,
  reading: SecretReading,
  context: ObserveContext,
): TokenHistory {
  const { readBack } = history;
  if (readBack?.next !== version) return history;
  const isOver =
    reading.kind === 'unknown' ||
    readBack.readsLeft <= 1 ||
    version <= readBack.lowest ||
    hasReachedEnded(history, version, context);
  if (isOver) return { ...history, readBack: null };
  return {
    ...history,
    readBack: { ...readBack, next: version - 1, readsLeft: readBack.readsLeft - 1 },
  };
}

/** A different value whose grace is over: nothing older can verify. */
function hasReachedEnded(history: TokenHistory, version: number, context: ObserveContext): boolean {
  const index = heldIndex(history, version);
  if (index === -1) return false;
  const hasSuccessor = history.generations.slice(index + 1).some((one) => one.cancelledAt === null);
  return hasSuccessor && endOf(history, index, context.limits) <= context.now;
}

/**
 * After a swap: whoever was current until now keeps its hold-over, and what can never verify again is forgotten.
 * `before` is the value that was current in this process; null on a cold start.
 */
export function settleHistory(
  history: TokenHistory,
  before: AgentToken | null,
  context: ObserveContext,
): TokenHistory {
  const { current } = deriveSnapshot(history, context.now, context.limits);
  const isSwapped = before !== null && current !== null && !current.value.equals(before);
  const marked = isSwapped
    ? history.generations.map((one) =>
        one.value.equals(before) && one.leftCurrentAt === null
          ? { ...one, leftCurrentAt: context.now }
          : one,
      )
    : history.generations;
  return forgetEnded({ ...history, generations: marked }, context);
}

function forgetEnded(history: TokenHistory, context: ObserveContext): TokenHistory {
  if (history.readBack !== null) return history;
  const { generations } = history;
  const headIndex = generations.findLastIndex(
    (one) => one.cancelledAt === null && one.activeAt <= context.now,
  );
  const kept = generations.filter(
    (one, index) =>
      (one.cancelledAt === null && index >= headIndex) ||
      (one.presence !== 'destroyed' && endOf(history, index, context.limits) > context.now),
  );
  return { ...history, generations: kept.slice(-GENERATIONS_MAX) };
}
