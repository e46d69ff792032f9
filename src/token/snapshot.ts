// What a token is at one instant: who signs, who verifies and until when. A pure function of the history and the time;
// time alone changes it too (a pending token becomes current, a superseded one ends), `nextChangeAt` says when.
import type { AgentToken } from './agent-token.js';
import { createdAt, type Generation } from './generation.js';
import type { InitialToken, TokenHistory } from './history.js';

/** A superseded generation verifies this much longer in the process that itself retired it. Milliseconds. */
const HOLD_OVER_MS = 30_000;

export interface TokenLimits {
  readonly graceMs: number;
  readonly supersededMax: number;
  readonly onDeleted: 'keep' | 'revoke';
}

export interface CurrentToken {
  readonly value: AgentToken;
  readonly source: 'vault' | 'initial' | 'static';
  /** null for an initial or static token. */
  readonly version: number | null;
  readonly firstVersion: number | null;
  readonly createdAt: number;
  /** The document's own `expires_at`: from then on it is unusable. */
  readonly expiresAt: number | null;
  /** When `delete_version_after` will delete it: reported, harmless. */
  readonly deletionAt: number | null;
}

export interface SupersededToken {
  readonly value: AgentToken;
  readonly version: number | null;
  readonly firstVersion: number | null;
  readonly usableUntil: number;
}

export interface PendingToken {
  readonly value: AgentToken;
  readonly version: number;
  readonly firstVersion: number;
  readonly notBeforeAt: number;
}

/** Why nothing signs. */
export type Missing = 'absent' | 'revoked' | 'expired';

export interface TokenSnapshot {
  /** Grows with every change of anything in it. */
  readonly revision: number;
  readonly current: CurrentToken | null;
  /** null exactly while `current` is there. */
  readonly missing: Missing | null;
  /** What was current before it was revoked or expired. */
  readonly last: CurrentToken | null;
  /** Newest first, at most `supersededMax`. */
  readonly superseded: readonly SupersededToken[];
  /** The one to become current first, first. */
  readonly pending: readonly PendingToken[];
  /** Milliseconds since the epoch; Infinity when time alone changes nothing. */
  readonly nextChangeAt: number;
}

export type SnapshotContent = Omit<TokenSnapshot, 'revision'>;

/** Who stands where among the generations, newest last. */
interface Roles {
  /** The newest active one, present or not: everything before it is superseded. */
  readonly headIndex: number;
  readonly current: Generation | null;
  readonly isRevoked: boolean;
  readonly pending: readonly Generation[];
}

export function deriveSnapshot(
  history: TokenHistory,
  now: number,
  limits: TokenLimits,
): SnapshotContent {
  const roles = assignRoles(history, now, limits);
  const candidate = currentToken(roles, history);
  const isExpired = (candidate?.expiresAt ?? Infinity) <= now;
  const superseded = supersededTokens(roles, history, now, limits);
  const pending = roles.pending.map(pendingToken);
  return Object.freeze({
    current: isExpired ? null : candidate,
    missing: missingReason(candidate, isExpired, roles, history),
    last: isExpired ? candidate : lastToken(roles, history),
    superseded: Object.freeze(superseded),
    pending: Object.freeze(pending),
    nextChangeAt: Math.min(
      ...pending.map((token) => token.notBeforeAt),
      ...superseded.map((token) => token.usableUntil),
      isExpired ? Infinity : (candidate?.expiresAt ?? Infinity),
    ),
  });
}

function assignRoles(history: TokenHistory, now: number, limits: TokenLimits): Roles {
  const { generations } = history;
  const isStanding = (one: Generation): boolean => one.cancelledAt === null;
  const headIndex = generations.findLastIndex((one) => isStanding(one) && one.activeAt <= now);
  const head = generations[headIndex];
  const waiting = generations
    .slice(headIndex + 1)
    .filter((one) => isStanding(one) && isPresent(one, limits))
    .sort((a, b) => a.activeAt - b.activeAt);
  const isRevoked = head !== undefined && !isPresent(head, limits);
  if (head !== undefined && !isRevoked) {
    return { headIndex, current: head, isRevoked, pending: waiting };
  }
  // nothing usable before it: the first pending one is current at once, but not while older versions are unread
  if (history.readBack !== null) return { headIndex, current: null, isRevoked, pending: waiting };
  const [promoted, ...pending] = waiting;
  return { headIndex, current: promoted ?? null, isRevoked, pending };
}

function isPresent(generation: Generation, limits: TokenLimits): boolean {
  if (generation.presence === 'deleted') return limits.onDeleted === 'keep';
  return generation.presence === 'live';
}

function currentToken(roles: Roles, history: TokenHistory): CurrentToken | null {
  if (roles.current !== null) return fromVault(roles.current);
  if (roles.isRevoked || history.startedOn === 'destroyed') return null;
  return isLoaded(history) || history.initial === null ? null : fromInitial(history.initial);
}

function isLoaded(history: TokenHistory): boolean {
  return history.generations.length > 0;
}

function missingReason(
  candidate: CurrentToken | null,
  isExpired: boolean,
  roles: Roles,
  history: TokenHistory,
): Missing | null {
  if (isExpired) return 'expired';
  if (candidate !== null) return null;
  return roles.isRevoked || history.startedOn === 'destroyed' ? 'revoked' : 'absent';
}

function lastToken(roles: Roles, history: TokenHistory): CurrentToken | null {
  const head = history.generations[roles.headIndex];
  return roles.isRevoked && roles.current === null && head !== undefined ? fromVault(head) : null;
}

function fromVault(generation: Generation): CurrentToken {
  return Object.freeze({
    value: generation.value,
    source: 'vault',
    version: generation.version,
    firstVersion: generation.firstVersion,
    createdAt: createdAt(generation),
    expiresAt: generation.expiresAt,
    deletionAt: generation.deletionAt,
  });
}

function fromInitial(initial: InitialToken): CurrentToken {
  return Object.freeze({
    value: initial.value,
    source: 'initial',
    version: null,
    firstVersion: null,
    createdAt: initial.createdAt,
    expiresAt: initial.usableUntil,
    deletionAt: null,
  });
}

function supersededTokens(
  roles: Roles,
  history: TokenHistory,
  now: number,
  limits: TokenLimits,
): SupersededToken[] {
  const signs = roles.current?.value ?? null;
  const initial = supersededInitial(history, limits);
  const behind = history.generations.flatMap((generation, index) =>
    isBehind(generation, index, roles, limits)
      ? [Object.freeze({ ...namesOf(generation), usableUntil: endOf(history, index, limits) })]
      : [],
  );
  return [...(initial === null ? [] : [initial]), ...behind]
    .filter((one) => one.usableUntil > now && signs?.equals(one.value) !== true)
    .reverse()
    .slice(0, limits.supersededMax);
}

/** Superseded: it has a successor. One taken back while pending counts, unless it was deleted to take it back. */
function isBehind(
  generation: Generation,
  index: number,
  roles: Roles,
  limits: TokenLimits,
): boolean {
  if (generation.cancelledAt !== null) return generation.presence === 'live';
  return index < roles.headIndex && isPresent(generation, limits);
}

function namesOf(generation: Generation): Pick<Generation, 'value' | 'version' | 'firstVersion'> {
  const { value, version, firstVersion } = generation;
  return { value, version, firstVersion };
}

/**
 * When a superseded generation stops verifying: at the earliest of its own `expires_at` and, over every later one,
 * active + grace; but not before the hold-over where our own swap retired it.
 */
export function endOf(history: TokenHistory, index: number, limits: TokenLimits): number {
  const generation = history.generations[index] as Generation;
  const later = history.generations.slice(index + 1).filter((one) => one.cancelledAt === null);
  const graces = later.map((one) => graceOf(one, history, limits));
  const ends = later.map((one, at) => one.activeAt + (graces[at] as number));
  if (generation.cancelledAt !== null) {
    ends.push(generation.cancelledAt + graceOf(generation, history, limits));
  }
  const holdOver =
    generation.leftCurrentAt === null
      ? -Infinity
      : generation.leftCurrentAt + Math.min(HOLD_OVER_MS, ...graces);
  return Math.min(generation.expiresAt ?? Infinity, Math.max(Math.min(...ends), holdOver));
}

/** The document's grace, else the secret's (custom metadata), else the setting's. Milliseconds. */
export function graceOf(
  generation: Generation,
  history: TokenHistory,
  limits: TokenLimits,
): number {
  return generation.graceMs ?? history.secretGraceMs ?? limits.graceMs;
}

/** An initial token that never was in Vault verifies for the setting's grace after our first swap. */
function supersededInitial(history: TokenHistory, limits: TokenLimits): SupersededToken | null {
  const { initial, loadedAt } = history;
  if (initial === null || loadedAt === null) return null;
  if (history.generations.some((one) => one.value.equals(initial.value))) return null;
  const newest = history.generations.at(-1);
  if (newest !== undefined && graceOf(newest, history, limits) === 0) return null;
  return Object.freeze({
    value: initial.value,
    version: null,
    firstVersion: null,
    usableUntil: loadedAt + limits.graceMs,
  });
}

function pendingToken(generation: Generation): PendingToken {
  return Object.freeze({ ...namesOf(generation), notBeforeAt: generation.activeAt });
}
