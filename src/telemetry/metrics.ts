// The metrics (docs/metrics.md): a registry of our own, no default set, no sampler. Gauges mirror the state asked
// for at the scrape; counters count as things happen. Label values are closed lists that the caller names, and all
// series that can occur are in the first scrape already, at 0, so that a rate over the first failure is not lost.
import Registry from 'prom-client/lib/registry.js';
import type { Clock } from '../platform/clock.js';
import type { MetricsView } from './metrics-view.js';
import {
  buildCounters,
  type CounterOptions,
  HTTP_LABELS,
  VERIFICATION_LABELS,
  type Zeros,
} from './counters.js';
import { gauge, histogram } from './instruments.js';
import {
  type LegacyOutcome,
  type OnDemandOutcome,
  type RateLimit,
  UNKNOWN,
  type VaultOperation,
  vaultOperations,
  type VerificationKey,
  type VerificationPurpose,
} from './labels.js';
import { buildProcessFiller } from './process-metrics.js';
import { buildSinkMetrics, type SinkMetrics } from './sink-metrics.js';
import { stateGauges } from './state-gauges.js';
import { Tally } from './tally.js';

export interface MetricsOptions extends CounterOptions {
  readonly version: string;
  readonly clock: Clock;
  /** Names of the configured sinks. */
  readonly sinks?: readonly string[];
  readonly tokenStates: readonly string[];
  /** Asked once per scrape. */
  readonly source: () => MetricsView;
}

export interface Metrics extends SinkMetrics {
  /** `outcome`: `ok` or a failure class. */
  refreshAttempt(token: string, outcome: string): void;
  tokenRotated(token: string): void;
  tokenRegressed(token: string): void;
  refreshedOnDemand(token: string, outcome: OnDemandOutcome): void;
  /** `outcome`: `ok` or a failure class. */
  vaultRequest(operation: VaultOperation, outcome: string, seconds: number): void;
  vaultBudgetRefused(): void;
  /** `seconds`: null for what never became a request. */
  httpRequest(route: string, method: string, status: number, seconds: number | null): void;
  rateLimited(by: RateLimit): void;
  /** A request of the older signature scheme. */
  legacyRequest(outcome: LegacyOutcome): void;
  /**
   * `result`: ok or a reason. `key`: none unless the MAC held (ok, replay). `caller`: holder, the id of a configured
   * client, or none.
   */
  signatureVerified(
    purpose: VerificationPurpose,
    result: string,
    key: VerificationKey,
    caller: string,
  ): void;
  configReloaded(outcome: 'ok' | 'refused'): void;
  auditSuppressed(lines: number): void;
  logLinesDropped(lines: number): void;
  /** The text exposition format. Rejects only when `source` throws. Who asks while one is being made gets the same. */
  scrape(): Promise<Exposition>;
}

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

export function buildMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const zeros: Zeros = [];
  const counters = buildCounters(registry, options, zeros);
  const histograms = buildHistograms(registry, options);
  const fillState = buildStateFiller(registry, options);
  const fillProcess = buildProcessFiller(registry, options.clock);
  const { fill: fillSinks, ...sinkMetrics } = buildSinkMetrics(registry, options.sinks ?? []);
  buildInfo(registry, options.version);
  const lastReload = gauge(
    registry,
    'keytender_config_last_reload_successful',
    'Whether the last reading of the settings was taken: 1 or 0.',
  );
  lastReload.set(1);

  const tokenLabel = within(options.tokens);
  const httpRequests = new Tally(counters.httpRequests, HTTP_LABELS);
  const verifications = new Tally(counters.verifications, VERIFICATION_LABELS);
  const timedRoutes = new Set(options.routes.filter((r) => r.isTimed).map((r) => r.route));
  const expose = async (): Promise<Exposition> => {
    for (const fill of zeros.splice(0)) fill();
    await fillProcess();
    // what is waited for is over: whoever asked meanwhile, all of this is read after they did
    httpRequests.flush();
    verifications.flush();
    const view = options.source();
    fillState(view);
    fillSinks(view.sinks ?? []);
    return { contentType: registry.contentType, body: await registry.metrics() };
  };
  let underWay: Promise<Exposition> | null = null;
  return {
    ...sinkMetrics,
    refreshAttempt: (token, outcome) => {
      counters.refreshAttempts.inc({ token: tokenLabel(token), outcome });
    },
    tokenRotated: (token) => {
      counters.rotations.inc({ token: tokenLabel(token) });
    },
    tokenRegressed: (token) => {
      counters.regressions.inc({ token: tokenLabel(token) });
    },
    refreshedOnDemand: (token, outcome) => {
      counters.onDemand.inc({ token: tokenLabel(token), outcome });
    },
    vaultRequest: (operation, outcome, seconds) => {
      counters.vaultRequests.inc({ operation, outcome });
      histograms.vaultSeconds.observe({ operation }, seconds);
    },
    vaultBudgetRefused: () => {
      counters.budgetRefusals.inc();
    },
    httpRequest: (route, method, status, seconds) => {
      httpRequests.count([route, method, String(status)]);
      if (seconds !== null && timedRoutes.has(route))
        histograms.httpSeconds.observe({ route }, seconds);
    },
    rateLimited: (by) => {
      counters.rateLimited.inc({ by });
    },
    legacyRequest: (outcome) => {
      counters.legacyRequests.inc({ outcome });
    },
    signatureVerified: (purpose, result, key, caller) => {
      verifications.count([purpose, result, key, caller]);
    },
    configReloaded: (outcome) => {
      counters.reloads.inc({ outcome });
      lastReload.set(Number(outcome === 'ok'));
    },
    auditSuppressed: (lines) => {
      counters.auditSuppressed.inc(lines);
    },
    logLinesDropped: (lines) => {
      counters.logDropped.inc(lines);
    },
    scrape: () => {
      underWay ??= expose().finally(() => {
        underWay = null;
      });
      return underWay;
    },
  };
}

function buildHistograms(registry: Registry, options: MetricsOptions) {
  return {
    vaultSeconds: histogram(
      registry,
      'keytender_vault_request_duration_seconds',
      'Time of a request to Vault, from its start to the last byte.',
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      { operation: options.vaultOperations ?? vaultOperations },
    ),
    httpSeconds: histogram(
      registry,
      'keytender_http_request_duration_seconds',
      'Time of a request, from its header to the end of the answer.',
      [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      { route: options.routes.filter((r) => r.isTimed).map((r) => r.route) },
    ),
  };
}

function buildStateFiller(
  registry: Registry,
  options: MetricsOptions,
): (view: MetricsView) => void {
  const rows = stateGauges(options.tokenStates).map((definition) => ({
    definition,
    instrument: gauge(registry, definition.name, definition.help, definition.labelNames),
  }));
  return (view) => {
    for (const { definition, instrument } of rows) {
      instrument.reset();
      // An unlabelled gauge is 0 after a reset; absent is what is meant.
      if (definition.labelNames.length === 0) instrument.remove();
      for (const { labels, value } of definition.samples(view)) instrument.set(labels, value);
    }
  };
}

function buildInfo(registry: Registry, version: string): void {
  const info = gauge(
    registry,
    'keytender_build_info',
    'Always 1; which build runs, on which Node.js.',
    ['version', 'node_version'],
  );
  info.set({ version, node_version: process.versions.node }, 1);
}

function within(values: readonly string[]): (value: string) => string {
  const known = new Set(values);
  return (value) => (known.has(value) ? value : UNKNOWN);
}
