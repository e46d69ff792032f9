// What `/health`, `/readyz` and `/startupz` say, derived from facts and the time by pure functions. There is no state
// in which a required token is unusable and readiness holds: both come from the same `usable`.
import type {
  HealthBody,
  SinkHealth,
  Status,
  TokenHealth,
  TokenState,
  TokenSummary,
  VaultHealth,
} from './body.js';
import type { FailureClass } from './failure.js';
import { instantText, instantTextOrNull } from './instant-text.js';

/** The part of a token's snapshot that health needs. Instants are milliseconds on Vault's clock. */
export interface SnapshotFacts {
  readonly current: CurrentFacts | null;
  readonly missing: 'absent' | 'revoked' | 'expired' | null;
  readonly last: CurrentFacts | null;
  readonly superseded: readonly { readonly version: number | null; readonly usableUntil: number }[];
  readonly pending: readonly { readonly version: number; readonly notBeforeAt: number }[];
}

export interface CurrentFacts {
  readonly source: 'vault' | 'initial' | 'static';
  readonly version: number | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly deletionAt: number | null;
}

/** What the attempts on a token came to. Instants are milliseconds since the epoch, on our clock. */
export interface AttemptFacts {
  readonly attempts: number;
  readonly lastAttemptAt: number | null;
  readonly lastSuccessAt: number | null;
  readonly lastChangeAt: number | null;
  readonly nextAttemptAt: number | null;
  /** The outcome of the last attempt; null before there was one. */
  readonly lastRefreshOk: boolean | null;
  readonly consecutiveFailures: number;
  readonly error: {
    readonly class: FailureClass;
    readonly since: number;
    readonly message: string;
  } | null;
  /** When the current value was last seen alive in Vault, monotonic; null: never. */
  readonly confirmedMonotonicMs: number | null;
}

export interface TokenFacts {
  readonly name: string;
  readonly required: boolean;
  readonly snapshot: SnapshotFacts;
  readonly attempts: AttemptFacts;
}

export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** Our clock plus this is Vault's. */
  readonly clockOffsetMs: number;
}

export interface HealthLimits {
  /** Infinity: no limit. */
  readonly maxStaleMs: number;
}

export interface HealthFacts {
  readonly mode: 'vault' | 'static';
  readonly agentId: string;
  readonly version: string;
  readonly startedMonotonicMs: number;
  readonly tokens: readonly TokenFacts[];
  readonly vault: (VaultHealth & { readonly renewalFailed?: boolean }) | null;
  readonly sinks?: Readonly<Record<string, SinkHealth>>;
}

export function deriveHealth(facts: HealthFacts, limits: HealthLimits, now: Now): HealthBody {
  const tokens = facts.tokens.map((token) => deriveToken(token, limits, now));
  const usable = tokens.filter((token) => token.usable);
  return {
    status: deriveStatus(facts, tokens, limits, now),
    token_age_seconds: maxOrNull(usable.map((token) => token.age_seconds)),
    last_refresh_ok: worst(tokens.map((token) => token.last_refresh_ok)),
    mode: facts.mode,
    agent_id: facts.agentId,
    version: facts.version,
    uptime_seconds: Math.floor((now.monotonicMs - facts.startedMonotonicMs) / 1000),
    tokens: Object.fromEntries(
      facts.tokens.map(({ name }, at) => [name, tokens[at] as TokenHealth]),
    ),
    vault: facts.vault === null ? null : vaultHealth(facts.vault),
    ...(facts.sinks === undefined ? {} : { sinks: facts.sinks }),
  };
}

/** Every required token is usable. */
export function isUsable(facts: HealthFacts, limits: HealthLimits, now: Now): boolean {
  return facts.tokens.every((token) => !token.required || isTokenUsable(token, limits, now));
}

/** A token may be served and accepted: it is there, not expired, and was confirmed within `max_stale`. */
export function isTokenUsable(
  { snapshot, attempts }: Pick<TokenFacts, 'snapshot' | 'attempts'>,
  limits: HealthLimits,
  now: Now,
): boolean {
  const { current } = snapshot;
  if (current === null) return false;
  if (current.source === 'vault' && staleForMs(attempts, now) > limits.maxStaleMs) return false;
  return (current.expiresAt ?? Infinity) > vaultNow(now);
}

function vaultNow({ wallMs, clockOffsetMs }: Now): number {
  return wallMs + clockOffsetMs;
}

/** Since the current value was last seen alive in Vault. Infinity: never. */
function staleForMs({ confirmedMonotonicMs }: AttemptFacts, { monotonicMs }: Now): number {
  return confirmedMonotonicMs === null ? Infinity : monotonicMs - confirmedMonotonicMs;
}

/** `usable`: by `isTokenUsable` at the same instant. */
export function deriveSummary(token: TokenFacts, usable: boolean, now: Now): TokenSummary {
  const { snapshot } = token;
  const shown = snapshot.current ?? snapshot.last;
  return {
    state: stateOf(token, usable),
    usable,
    version: shown?.version ?? null,
    source: shown?.source ?? null,
    created_at: shown?.source === 'vault' ? instantText(shown.createdAt) : null,
    age_seconds: shown === null ? null : ageSeconds(shown, now),
  };
}

export function deriveToken(token: TokenFacts, limits: HealthLimits, now: Now): TokenHealth {
  const { snapshot, attempts } = token;
  return {
    ...deriveSummary(token, isTokenUsable(token, limits, now), now),
    last_attempt_at: instantTextOrNull(attempts.lastAttemptAt),
    last_success_at: instantTextOrNull(attempts.lastSuccessAt),
    last_change_at: instantTextOrNull(attempts.lastChangeAt),
    next_attempt_at: instantTextOrNull(attempts.nextAttemptAt),
    last_refresh_ok: attempts.lastRefreshOk,
    consecutive_failures: attempts.consecutiveFailures,
    error: errorOf(attempts),
    superseded: snapshot.superseded.map(({ version, usableUntil }) => ({
      version,
      usable_until: instantText(usableUntil),
    })),
    pending: pendingOf(snapshot),
    stale_at: staleAt(snapshot, attempts, limits, now),
    expires_at: instantTextOrNull(expiryOf(snapshot.current ?? snapshot.last)),
  };
}

function stateOf({ snapshot, attempts }: TokenFacts, usable: boolean): TokenState {
  if (snapshot.current === null) return snapshot.missing ?? 'absent';
  if (!usable) return 'expired';
  if (snapshot.current.source !== 'vault') return snapshot.current.source;
  return attempts.lastRefreshOk === true ? 'fresh' : 'stale';
}

function ageSeconds({ createdAt, source }: CurrentFacts, now: Now): number {
  const nowMs = source === 'vault' ? vaultNow(now) : now.wallMs;
  return Math.max(0, Math.floor((nowMs - createdAt) / 1000));
}

function errorOf({ error }: AttemptFacts): TokenHealth['error'] {
  if (error === null) return null;
  return { class: error.class, since: instantText(error.since), message: error.message };
}

function pendingOf({ pending }: SnapshotFacts): TokenHealth['pending'] {
  const next = pending[0];
  if (next === undefined) return null;
  return { version: next.version, not_before: instantText(next.notBeforeAt) };
}

/** When the token expires for want of a confirmation. */
function staleAt(
  { current }: SnapshotFacts,
  attempts: AttemptFacts,
  { maxStaleMs }: HealthLimits,
  now: Now,
): string | null {
  if (current?.source !== 'vault' || maxStaleMs === Infinity) return null;
  if (attempts.confirmedMonotonicMs === null) return null;
  return instantText(now.wallMs + maxStaleMs - staleForMs(attempts, now));
}

function expiryOf(shown: CurrentFacts | null): number | null {
  const expiry = Math.min(shown?.expiresAt ?? Infinity, shown?.deletionAt ?? Infinity);
  return expiry === Infinity ? null : expiry;
}

function deriveStatus(
  facts: HealthFacts,
  tokens: readonly TokenHealth[],
  limits: HealthLimits,
  now: Now,
): Status {
  if (!isUsable(facts, limits, now)) {
    const isTrying = facts.tokens.some(({ required, attempts }) => required && isUntried(attempts));
    return facts.mode === 'vault' && isTrying ? 'starting' : 'unavailable';
  }
  const isHalfStale = facts.tokens.some(
    ({ snapshot, attempts }) =>
      snapshot.current?.source === 'vault' && staleForMs(attempts, now) >= limits.maxStaleMs / 2,
  );
  const hasFailed = tokens.some((token) => token.last_refresh_ok === false || !token.usable);
  const isDegraded = isHalfStale || hasFailed || facts.vault?.renewalFailed === true;
  return isDegraded ? 'degraded' : 'ok';
}

function isUntried({ attempts }: AttemptFacts): boolean {
  return attempts === 0;
}

/** `false` < `null` < `true`. */
function worst(outcomes: readonly (boolean | null)[]): boolean | null {
  if (outcomes.includes(false)) return false;
  return outcomes.includes(null) ? null : true;
}

function maxOrNull(ages: readonly (number | null)[]): number | null {
  const known = ages.filter((age) => age !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function vaultHealth({
  renewalFailed: _,
  ...health
}: NonNullable<HealthFacts['vault']>): VaultHealth {
  return health;
}
