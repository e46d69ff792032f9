// The metrics (docs/metrics.md): a registry of our own, no default set, no sampler. Gauges mirror the state asked
// for at the scrape; counters count as things happen. Label values are closed lists that the caller names, and all
// series that can occur are in the first scrape already, at 0, so that a rate over the first failure is not lost.
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import type { Clock } from '../platform/clock.js';
import type { MetricsView } from './metrics-view.js';
import { buildProcessFacts, type ProcessFacts } from './process-facts.js';
import { buildSinkMetrics, type SinkMetrics } from './sink-metrics.js';
import { stateGauges } from './state-gauges.js';
import { Tally } from './tally.js';

export const vaultOperations = [
  'read',
  'read_version',
  'metadata',
  'login',
  'renew',
  'lookup',
  'revoke',
  'unwrap',
  'capabilities',
  'mounts',
  'health',
] as const;
export type VaultOperation = (typeof vaultOperations)[number];

const onDemandOutcomes = ['found', 'unchanged', 'failed', 'refused'] as const;
type OnDemandOutcome = (typeof onDemandOutcomes)[number];

const legacyOutcomes = ['ok', 'refused'] as const;
type LegacyOutcome = (typeof legacyOutcomes)[number];

const rateLimits = ['address', 'key', 'connections'] as const;
type RateLimit = (typeof rateLimits)[number];

export const verificationPurposes = ['api', 'service', 'answer'] as const;
type VerificationPurpose = (typeof verificationPurposes)[number];

const verificationKeys = ['current', 'pending', 'superseded'] as const;
type VerificationKey = (typeof verificationKeys)[number] | 'none';

/** The label of a token, route or method that is not in its closed list. */
const UNKNOWN = 'unknown';

/** The series of one route: those that exist from the start. */
export interface RouteSeries {
  /** A template, or `unmatched`. */
  readonly route: string;
  readonly methods: readonly string[];
  readonly statuses: readonly number[];
  /** false: not in the duration histogram (a long poll). */
  readonly isTimed: boolean;
}

export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  /** Names of the configured tokens. */
  readonly tokens: readonly string[];
  /** Names of the configured sinks. */
  readonly sinks?: readonly string[];
  readonly tokenStates: readonly string[];
  /** Classes that a refresh or a request to Vault can fail with. */
  readonly failureClasses: readonly string[];
  /** Those that the configuration can lead to; all by default. */
  readonly vaultOperations?: readonly VaultOperation[];
  readonly routes: readonly RouteSeries[];
  /** Why a signature can be refused. */
  readonly refusalReasons?: readonly string[];
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
  /** The text exposition format. Rejects only when `source` throws. */
  scrape(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export function buildMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const zeros: Zeros = [];
  const counters = buildCounters(registry, options, zeros);
  const histograms = buildHistograms(registry, options);
  const fillState = buildStateFiller(registry, options);
  const fillProcess = buildProcessFiller(registry, options);
  const { fill: fillSinks, ...sinkMetrics } = buildSinkMetrics(registry, options.sinks ?? []);
  buildInfo(registry, options.version);
  const lastReload = gauge(
    registry,
    'keytender_config_last_reload_successful',
    'Whether the last reading of the settings was taken: 1 or 0.',
  );
  lastReload.set(1);

  const tokenLabel = within(options.tokens);
  const httpRequests = new Tally(counters.httpRequests, ['route', 'method', 'status']);
  const verifications = new Tally(counters.verifications, VERIFICATION_LABELS);
  const timedRoutes = new Set(options.routes.filter((r) => r.isTimed).map((r) => r.route));
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
    async scrape() {
      for (const fill of zeros.splice(0)) fill();
      httpRequests.flush();
      verifications.flush();
      await fillProcess();
      const view = options.source();
      fillState(view);
      fillSinks(view.sinks ?? []);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/** Makes the series of a counter that nothing was counted in: some 600, which a start needs not wait for. */
type Zeros = (() => void)[];

function buildCounters(registry: Registry, options: MetricsOptions, zeros: Zeros) {
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

const VERIFICATION_LABELS = ['purpose', 'result', 'key', 'caller'] as const;

function verificationsCounter(
  registry: Registry,
  zeros: Zeros,
  reasons: readonly string[],
): Counter {
  const verifications = new Counter({
    name: 'keytender_signature_verifications_total',
    help: 'Signatures looked at, by what came of it.',
    labelNames: [...VERIFICATION_LABELS],
    registers: [registry],
  });
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
  const requests = new Counter({
    name: 'keytender_http_requests_total',
    help: 'Requests answered.',
    labelNames: ['route', 'method', 'status'],
    registers: [registry],
  });
  zeros.push(() => {
    for (const { route, methods, statuses } of routes) {
      for (const labels of combinations({ method: methods, status: statuses.map(String) })) {
        requests.inc({ route, ...labels }, 0);
      }
    }
  });
  return requests;
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

function buildProcessFiller(registry: Registry, options: MetricsOptions): () => Promise<void> {
  const read = buildProcessFacts();
  const cpu = counter(registry, 'process_cpu_seconds_total', 'Processor time used.');
  const start = gauge(registry, 'process_start_time_seconds', 'When the process started.');
  start.set(options.clock.now() / 1000 - process.uptime());
  const rows: readonly [Gauge, (facts: ProcessFacts) => number | null][] = [
    [
      gauge(registry, 'process_resident_memory_bytes', 'Resident memory.'),
      (facts) => facts.residentMemoryBytes,
    ],
    [gauge(registry, 'process_open_fds', 'Open file descriptors.'), (facts) => facts.openFds],
    [
      gauge(registry, 'process_max_fds', 'The limit of open file descriptors.'),
      (facts) => facts.maxFds,
    ],
    [
      gauge(
        registry,
        'nodejs_eventloop_utilization',
        'Share of the time since the previous scrape in which the event loop was busy.',
      ),
      (facts) => facts.eventLoopUtilization,
    ],
  ];
  return async () => {
    const facts = await read();
    cpu.reset();
    cpu.inc(facts.cpuSeconds);
    for (const [instrument, pick] of rows) {
      const value = pick(facts);
      if (value === null) instrument.remove();
      else instrument.set(value);
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

type LabelSets = Readonly<Record<string, readonly string[]>>;

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

function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[] = [],
): Counter {
  return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function histogram(
  registry: Registry,
  name: string,
  help: string,
  buckets: number[],
  labels: LabelSets,
): Histogram {
  const labelNames = Object.keys(labels);
  const instrument = new Histogram({ name, help, buckets, labelNames, registers: [registry] });
  for (const set of combinations(labels)) instrument.zero(set);
  return instrument;
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[] = [],
): Gauge {
  return new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
}

function combinations(labels: LabelSets): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (sets, [name, values]) =>
      sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value }))),
    [{}],
  );
}

function within(values: readonly string[]): (value: string) => string {
  const known = new Set(values);
  return (value) => (known.has(value) ? value : UNKNOWN);
}
