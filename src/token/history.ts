// All that is known of one secret's versions: plain, immutable data. How an answer of Vault changes it is in
// observe-newest.ts and observe-older.ts, how time does in settle.ts, what it means at an instant in roles.ts.
import type { AgentToken } from './agent-token.js';
import { type Generation, groupGenerations, type VersionStamp } from './generation.js';

export type { Observation } from './observation.js';

/** This many pairs once held and left, or seen destroyed, are remembered. */
const REMEMBERED_MAX = 32;

/** `AGENT_TOKEN` beside Vault: used until Vault's own is known. */
export interface InitialToken {
  readonly value: AgentToken;
  readonly createdAt: number;
  /** It signs until Vault's own is known, at most until then. */
  readonly usableUntil: number;
}

/** Older versions still to be read, from `next` down to `lowest`. */
export interface ReadBack {
  readonly next: number;
  readonly lowest: number;
  readonly readsLeft: number;
}

/** The newest version we met was gone, and nothing active was held: what is older never takes its place. */
export interface GoneStart {
  readonly version: number;
  readonly kind: 'deleted' | 'destroyed';
}

/** A value whose newest version was destroyed: whatever version up to this one holds it, it is dead. */
export interface RevokedValue {
  readonly epoch: number;
  readonly version: number;
  readonly value: AgentToken;
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
  /** Set by a re-creation: a higher version created no later belongs to the secret that was. */
  readonly floorNs: bigint | null;
  /** Set by a re-creation: an older version created no later belongs to the secret that was. */
  readonly epochAfterNs: bigint | null;
  readonly left: readonly VersionStamp[];
  readonly destroyed: readonly VersionStamp[];
  readonly revoked: readonly RevokedValue[];
  readonly startedOn: GoneStart | null;
  readonly secretGraceMs: number | null;
  readonly initial: InitialToken | null;
  /** When our first swap retired the initial token. */
  readonly initialLeftAt: number | null;
  /** What signed after the last change. */
  readonly signing: AgentToken | null;
}

export const emptyHistory: TokenHistory = {
  generations: [],
  epoch: 0,
  newest: null,
  topVersion: null,
  examinedTo: 0,
  readBack: null,
  floorNs: null,
  epochAfterNs: null,
  left: [],
  destroyed: [],
  revoked: [],
  startedOn: null,
  secretGraceMs: null,
  initial: null,
  initialLeftAt: null,
  signing: null,
};

export function isSamePair(a: VersionStamp, b: VersionStamp): boolean {
  return a.version === b.version && a.createdNs === b.createdNs;
}

export function hasPair(pairs: readonly VersionStamp[], pair: VersionStamp): boolean {
  return pairs.some((one) => isSamePair(one, pair));
}

/** The last 32, each once. */
export function remember(
  pairs: readonly VersionStamp[],
  pair: VersionStamp | null,
): readonly VersionStamp[] {
  if (pair === null || hasPair(pairs, pair)) return pairs;
  return [...pairs, pair].slice(-REMEMBERED_MAX);
}

export function rememberRevoked(
  values: readonly RevokedValue[],
  value: RevokedValue,
): readonly RevokedValue[] {
  return [...values, value].slice(-REMEMBERED_MAX);
}

export function isRevokedValue(history: TokenHistory, version: number, value: AgentToken): boolean {
  return history.revoked.some(
    (one) => one.epoch === history.epoch && version <= one.version && one.value.equals(value),
  );
}

export function replaceAt(
  history: TokenHistory,
  index: number,
  generation: Generation,
): TokenHistory {
  return { ...history, generations: history.generations.with(index, generation) };
}

/** Groups what is held, with what is still to be read in mind. */
export function regroup(history: TokenHistory): TokenHistory {
  const { epoch, readBack, generations } = history;
  const unread = readBack && { epoch, lowest: readBack.lowest, highest: readBack.next };
  return { ...history, generations: groupGenerations(generations, unread) };
}

/** The generation of this secret that holds `version` and was not taken back, or -1. */
export function heldIndex(history: TokenHistory, version: number): number {
  return history.generations.findLastIndex(
    (one) =>
      one.epoch === history.epoch &&
      one.cancelledAt === null &&
      one.firstVersion <= version &&
      version <= one.version,
  );
}

/** The secret begins anew: version numbers of before mean nothing any more, values keep their grace. */
export function startNewEpoch(history: TokenHistory, stamp: VersionStamp | null): TokenHistory {
  return {
    ...history,
    epoch: history.epoch + 1,
    newest: null,
    examinedTo: 0,
    readBack: null,
    // without a new secret, its first version may be read again
    floorNs: stamp?.createdNs ?? (history.floorNs === null ? null : history.floorNs - 1n),
    epochAfterNs: stamp === null ? history.epochAfterNs : (history.newest?.createdNs ?? null),
    left: remember(history.left, history.newest),
    startedOn: null,
  };
}
