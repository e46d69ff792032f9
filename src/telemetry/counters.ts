// The counters, and the zeros that they begin with: all series that can occur are in the first scrape already, so that a rate
// over the first failure is not lost, and none of them before it.
import type Counter from 'prom-client/lib/counter.js';
import type Registry from 'prom-client/lib/registry.js';
import { combinations, counter, type LabelSets } from './instruments.js';
import {
  legacyOutcomes,
  onDemandOutcomes,
  rateLimits,
  type RouteSeries,
  UNKNOWN,
  verificationKeys,
  verificationPurposes,
  type VaultOperation,
  vaultOperations,
} from './labels.js';

export interface CounterOptions {
  /** Names of the configured tokens. */
  readonly tokens: readonly string[];
  /** Classes that a refresh or a request to Vault can fail with. */
  readonly failureClasses: readonly string[];
  /** Those that the configuration can lead to; all by default. */
  readonly vaultOperations?: readonly VaultOperation[];
  readonly routes: readonly RouteSeries[];
  /** Why a signature can be refused. */
  readonly refusalReasons?: readonly string[];
}

/** Makes the series of a counter that nothing was counted in: some 600, which a start needs not wait for. */
export type Zeros = (() => void)[];

export function buildCounters(registry: Registry, options: CounterOptions, zeros: Zeros) {
  const { tokens } = options;
  const outcomes = ['ok', ...options.failureClasses];
  return {
    refreshAttempts: zeroCounter(
      registry,
      zeros,
      'keytender_refresh_attempts_total',
      'Attempts to read a token from Vault, by outcome: ok or a failure class.',
      { token: tokens, outcome: outcomes },
    ),
    rotations: zeroCounter(
      registry,
      zeros,
      'keytender_token_rotations_total',
      'Changes of the current value.',
      { token: tokens },
    ),
    regressions: zeroCounter(
      registry,
      zeros,
      'keytender_token_regressions_total',
      'Answers of Vault that were older than what is held, and were ignored.',
      { token: tokens },
    ),
    onDemand: zeroCounter(
      registry,
      zeros,
      'keytender_refresh_on_demand_total',
      'Refreshes that a request asked for.',
      { token: [...tokens, UNKNOWN], outcome: onDemandOutcomes },
    ),
    vaultRequests: zeroCounter(
      registry,
      zeros,
      'keytender_vault_requests_total',
      'Requests to Vault, by outcome: ok or a failure class.',
      { operation: options.vaultOperations ?? vaultOperations, outcome: outcomes },
    ),
    budgetRefusals: zeroCounter(
      registry,
      zeros,
      'keytender_vault_budget_refusals_total',
      'Requests to Vault that the request budget held back.',
      {},
    ),
    httpRequests: httpRequestsCounter(registry, zeros, options.routes),
    legacyRequests: zeroCounter(
      registry,
      zeros,
      'keytender_legacy_requests_total',
      'Requests signed by the older scheme.',
      { outcome: legacyOutcomes },
    ),
    rateLimited: zeroCounter(
      registry,
      zeros,
      'keytender_rate_limited_total',
      'Requests and connections refused by a limit.',
      { by: rateLimits },
    ),
    verifications: verificationsCounter(registry, zeros, options.refusalReasons ?? []),
    reloads: zeroCounter(
      registry,
      zeros,
      'keytender_config_reloads_total',
      'Times the settings were read again.',
      { outcome: ['ok', 'refused'] },
    ),
    auditSuppressed: zeroCounter(
      registry,
      zeros,
      'keytender_audit_suppressed_total',
      'Audit lines that were not written: over their limit, or the destination failed.',
      {},
    ),
    logDropped: zeroCounter(
      registry,
      zeros,
      'keytender_log_lines_dropped_total',
      'Log lines that standard output did not take.',
      {},
    ),
  };
}

export const HTTP_LABELS = ['route', 'method', 'status'] as const;
export const VERIFICATION_LABELS = ['purpose', 'result', 'key', 'caller'] as const;

function verificationsCounter(
  registry: Registry,
  zeros: Zeros,
  reasons: readonly string[],
): Counter {
  const verifications = counter(
    registry,
    'keytender_signature_verifications_total',
    'Signatures looked at, by what came of it.',
    VERIFICATION_LABELS,
  );
  const purposes = verificationPurposes;
  const refused = { purpose: purposes, result: reasons, key: ['none'], caller: ['none'] };
  const held = {
    purpose: purposes,
    result: ['ok', 'replay'],
    key: verificationKeys,
    caller: ['holder'],
  };
  const isSeen = ({ result, key }: Record<string, string>): boolean =>
    result !== 'replay' || key !== 'none';
  zeros.push(() => {
    for (const set of [...combinations(refused), ...combinations(held)].filter(isSeen)) {
      verifications.inc(set, 0);
    }
  });
  return verifications;
}

function httpRequestsCounter(
  registry: Registry,
  zeros: Zeros,
  routes: readonly RouteSeries[],
): Counter {
  const requests = counter(
    registry,
    'keytender_http_requests_total',
    'Requests answered.',
    HTTP_LABELS,
  );
  zeros.push(() => {
    for (const { route, methods, statuses } of routes) {
      for (const labels of combinations({ method: methods, status: statuses.map(String) })) {
        requests.inc({ route, ...labels }, 0);
      }
    }
  });
  return requests;
}

function zeroCounter(
  registry: Registry,
  zeros: Zeros,
  name: string,
  help: string,
  labels: LabelSets,
): Counter {
  const instrument = counter(registry, name, help, Object.keys(labels));
  zeros.push(() => {
    for (const set of combinations(labels)) instrument.inc(set, 0);
  });
  return instrument;
}
