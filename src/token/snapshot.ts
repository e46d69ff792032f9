// What a token is at one instant: who signs, who verifies and until when. A pure function of the history and the time;
// time alone changes it too (a pending token becomes current, a superseded one ends), `nextChangeAt` says when.
import type { AgentToken } from './agent-token.js';
import { createdAt, type Generation } from './generation.js';
import type { InitialToken, TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';
import { type Roles, rolesAt, type Superseded } from './roles.js';

export type { TokenLimits } from './limits.js';

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
  /** null for an initial or static token. */
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
  /** Newest first, at most `supersededMax` of Vault's, then an initial token that was never in Vault. */
  readonly superseded: readonly SupersededToken[];
  /** The one to become current first, first. */
  readonly pending: readonly PendingToken[];
  /** Milliseconds since the epoch; Infinity when time alone changes nothing. */
  readonly nextChangeAt: number;
}

export type SnapshotContent = Omit<TokenSnapshot, 'revision'>;

export function deriveSnapshot(
  history: TokenHistory,
  now: number,
  limits: TokenLimits,
): SnapshotContent {
  const roles = rolesAt(history, now, limits);
  const candidate = candidateOf(roles, history);
  const isExpired = (candidate?.expiresAt ?? Infinity) <= now;
  const current = isExpired ? null : candidate;
  const superseded = [
    ...roles.superseded.map(supersededToken),
    ...initialSuperseded(roles, history),
  ].filter((one) => current?.value.equals(one.value) !== true);
  const pending = roles.pending.map(pendingToken);
  return Object.freeze({
    current,
    missing: isExpired ? 'expired' : missingOf(candidate, roles, history),
    last: isExpired ? candidate : roles.revoked && fromVault(roles.revoked),
    superseded: Object.freeze(superseded),
    pending: Object.freeze(pending),
    nextChangeAt: Math.min(
      ...pending.map((token) => token.notBeforeAt),
      ...superseded.map((token) => token.usableUntil),
      current?.expiresAt ?? Infinity,
    ),
  });
}

/** Who signs unless it is expired. */
function candidateOf(roles: Roles, history: TokenHistory): CurrentToken | null {
  if (roles.current !== null) return fromVault(roles.current);
  if (roles.revoked !== null || history.initial === null) return null;
  return history.initialLeftAt === null ? fromInitial(history.initial) : null;
}

function missingOf(
  candidate: CurrentToken | null,
  roles: Roles,
  { startedOn }: TokenHistory,
): Missing | null {
  if (candidate !== null) return null;
  return roles.revoked !== null || startedOn?.kind === 'destroyed' ? 'revoked' : 'absent';
}

function fromVault(generation: Generation): CurrentToken {
  return Object.freeze({
    ...namesOf(generation),
    source: 'vault',
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

function supersededToken({ generation, usableUntil }: Superseded): SupersededToken {
  return Object.freeze({ ...namesOf(generation), usableUntil });
}

function initialSuperseded({ initialUntil }: Roles, { initial }: TokenHistory): SupersededToken[] {
  if (initial === null || initialUntil === null) return [];
  const { value } = initial;
  return [Object.freeze({ value, version: null, firstVersion: null, usableUntil: initialUntil })];
}

function pendingToken(generation: Generation): PendingToken {
  return Object.freeze({ ...namesOf(generation), notBeforeAt: generation.activeAt });
}

function namesOf(generation: Generation): Pick<Generation, 'value' | 'version' | 'firstVersion'> {
  const { value, version, firstVersion } = generation;
  return { value, version, firstVersion };
}
