// What the outside may ask of the agent: health, liveness, readiness, startup, metrics. Joins facts from their owners
// and hands them to the pure functions of health/; nothing is decided or remembered here but that it once was ready.
import type { HealthBody } from '../health/body.js';
import {
  deriveHealth,
  deriveToken,
  type HealthFacts,
  type HealthLimits,
  isTokenUsable,
  isUsable,
  type Now,
} from '../health/derive.js';
import type { Clock } from '../platform/clock.js';
import type { MetricsView, TokenFacts as TokenMetrics } from '../telemetry/metrics-view.js';
import type { Sinks } from './sinks.js';
import { tokenFacts, type TokenService } from './token-service.js';

/** What reports need to know of reading Vault. */
export interface VaultFacts {
  authenticated(): boolean;
  loginExpiresAt(): number | null;
  /** The login could not be renewed or replaced before its end, at the last try. */
  renewalFailed(): boolean;
  clockOffsetMs(): number;
  address(): string;
}

export interface ReportsOptions {
  readonly agentId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly services: readonly TokenService[];
  /** null: static mode. */
  readonly clients?: { lateness(): string | null } | null;
  /** null: static mode. */
  readonly vault: VaultFacts | null;
  readonly sinks: Pick<Sinks, 'health' | 'facts'>;
  readonly limits: () => HealthLimits & { readonly intervalMs: number };
}

export interface Verdict {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface Reports {
  readonly health: () => HealthBody;
  readonly livez: () => Promise<Verdict>;
  readonly readyz: () => Verdict;
  readonly startupz: () => Verdict;
  readonly metricsView: () => MetricsView;
}

/** A loop that looks late right after a suspend has only not run yet: it gets this long to. */
const RECHECK_MS = 50;
const RECHECKS = 10;

export function buildReports(options: ReportsOptions): Reports {
  const { clock, services, vault } = options;
  const startedMonotonicMs = clock.monotonicMs();
  let hasStarted = false;

  const now = (): Now => ({
    wallMs: clock.now(),
    monotonicMs: clock.monotonicMs(),
    clockOffsetMs: vault?.clockOffsetMs() ?? 0,
  });
  const facts = (at: Now): HealthFacts => ({
    ...sinksHealth(options.sinks.health()),
    mode: vault === null ? 'static' : 'vault',
    agentId: options.agentId,
    version: options.version,
    startedMonotonicMs,
    tokens: services.map((service) => tokenFacts(service, at.wallMs + at.clockOffsetMs)),
    vault: vault === null ? null : vaultHealth(vault),
  });
  const late = (): string | null =>
    [...services.map(({ loop }) => loop), options.clients]
      .map((polled) => polled?.lateness() ?? null)
      .find((reason) => reason !== null) ?? null;

  return {
    health: () => {
      const at = now();
      return deriveHealth(facts(at), options.limits(), at);
    },
    livez: async () => {
      for (let check = 0; late() !== null && check < RECHECKS; check += 1) {
        await clock.sleep(RECHECK_MS);
      }
      return verdict(late());
    },
    readyz: () => {
      const at = now();
      const isReady = isUsable(facts(at), options.limits(), at);
      return verdict(isReady ? null : unusableReason(facts(at), options.limits(), at));
    },
    startupz: () => {
      const at = now();
      hasStarted ||= facts(at).tokens.every(
        (token) =>
          !token.required ||
          token.attempts.lastSuccessAt !== null ||
          isTokenUsable(token, options.limits(), at),
      );
      return verdict(hasStarted ? null : 'no token was read yet');
    },
    metricsView: () => {
      const at = now();
      return {
        tokens: facts(at).tokens.map((token) =>
          tokenMetrics(token, options.limits(), at, vault !== null),
        ),
        sinks: options.sinks.facts(),
        vault:
          vault === null
            ? null
            : {
                loginExpiresAtMs: vault.loginExpiresAt(),
                clockOffsetSeconds: vault.clockOffsetMs() / 1000,
              },
      };
    },
  };
}

function sinksHealth(sinks: HealthFacts['sinks']): Pick<HealthFacts, 'sinks'> {
  return sinks === undefined ? {} : { sinks };
}

function verdict(reason: string | null): Verdict {
  return reason === null ? { ok: true } : { ok: false, reason };
}

function unusableReason(facts: HealthFacts, limits: HealthLimits, at: Now): string {
  const states = facts.tokens
    .filter((token) => token.required && !isTokenUsable(token, limits, at))
    .map((token) => `${token.name} is ${deriveToken(token, limits, at).state}`);
  return `token not usable: ${states.join(', ')}`;
}

function vaultHealth(vault: VaultFacts): NonNullable<HealthFacts['vault']> {
  const expiresAt = vault.loginExpiresAt();
  return {
    address: vault.address(),
    authenticated: vault.authenticated(),
    login_expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    clock_offset_seconds: vault.clockOffsetMs() / 1000,
    renewalFailed: vault.renewalFailed(),
  };
}

function tokenMetrics(
  token: HealthFacts['tokens'][number],
  limits: HealthLimits & { readonly intervalMs: number },
  at: Now,
  isPolled: boolean,
): TokenMetrics {
  const health = deriveToken(token, limits, at);
  const { attempts, snapshot } = token;
  return {
    name: token.name,
    state: health.state,
    usable: health.usable,
    version: health.version,
    createdAtMs: (snapshot.current ?? snapshot.last)?.createdAt ?? null,
    ageSeconds: health.age_seconds,
    supersededGenerations: health.superseded.length,
    supersededUntilMs: latest(health.superseded.map((it) => Date.parse(it.usable_until))),
    usableUntilMs: health.usable ? usableUntil(health.stale_at, snapshot.current?.expiresAt) : null,
    refresh: isPolled
      ? {
          lastOk: attempts.lastRefreshOk,
          lastAttemptAtMs: attempts.lastAttemptAt,
          lastSuccessAtMs: attempts.lastSuccessAt,
          nextAttemptAtMs: attempts.nextAttemptAt,
          consecutiveFailures: attempts.consecutiveFailures,
          intervalSeconds: limits.intervalMs / 1000,
        }
      : null,
  };
}

function latest(instants: readonly number[]): number | null {
  return instants.length === 0 ? null : Math.max(...instants);
}

/** The earlier of going stale and expiring; Infinity: no limit. */
function usableUntil(staleAt: string | null, expiresAt: number | null | undefined): number {
  return Math.min(staleAt === null ? Infinity : Date.parse(staleAt), expiresAt ?? Infinity);
}
