import { readFile } from 'node:fs/promises';
import t from 'tap';
import { failureClasses } from '../../src/health/failure.js';
import { tokenStates } from '../../src/health/body.js';
import { httpSeries } from '../../src/http/http.js';
import type { MetricsView, TokenFacts } from '../../src/telemetry/metrics-view.js';
import { vaultOperations } from '../../src/telemetry/labels.js';
import { buildMetrics, type Metrics } from '../../src/telemetry/metrics.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { readMetrics, type Sample } from './read-metrics.js';

const fullToken: TokenFacts = {
  name: 'default',
  state: 'fresh',
  usable: true,
  version: 7,
  createdAtMs: 1_700_000_000_500,
  ageSeconds: 12.5,
  supersededGenerations: 1,
  supersededUntilMs: 1_700_000_200_000,
  usableUntilMs: 1_700_000_300_000,
  refresh: {
    lastOk: true,
    lastAttemptAtMs: 1_700_000_010_000,
    lastSuccessAtMs: 1_700_000_010_000,
    nextAttemptAtMs: 1_700_000_070_000,
    consecutiveFailures: 0,
    intervalSeconds: 60,
  },
};
const emptyToken: TokenFacts = {
  ...fullToken,
  state: 'absent',
  usable: false,
  version: null,
  createdAtMs: null,
  ageSeconds: null,
  supersededGenerations: 0,
  supersededUntilMs: null,
  usableUntilMs: null,
  refresh: {
    lastOk: null,
    lastAttemptAtMs: null,
    lastSuccessAtMs: null,
    nextAttemptAtMs: null,
    consecutiveFailures: 0,
    intervalSeconds: 60,
  },
};
const fullView: MetricsView = {
  tokens: [fullToken],
  sinks: [{ name: 'app', version: 7, lastSuccessAtMs: 1_700_000_010_000 }],
  vault: { loginExpiresAtMs: 1_700_003_600_000, clockOffsetSeconds: -3 },
  api: { replayEntries: 3, replayCapacity: 1000, watchWaiters: 2 },
};

function build(source: () => MetricsView = () => fullView): Metrics {
  return buildMetrics({
    version: '0.1.0',
    clock: new FakeClock(),
    tokens: ['default'],
    sinks: ['app'],
    tokenStates,
    failureClasses,
    routes: httpSeries(),
    source,
  });
}

async function scrape(metrics: Metrics) {
  return readMetrics((await metrics.scrape()).body);
}

async function valueOf(
  metrics: Metrics,
  name: string,
  labels: Sample['labels'] = {},
): Promise<number | undefined> {
  const samples = (await scrape(metrics)).get(name)?.samples ?? [];
  return samples.find(
    (sample) =>
      Object.keys(sample.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;
}

t.test('the documentation has exactly the metrics, types and labels of the code', async (t) => {
  const page = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = page
    .split('\n')
    .filter((line) => /^\| `(keytender|process|nodejs)_\w+` /.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map(([, name, type, labels]) => `${name} ${type} {${labels}}`);
  const code = [...(await scrape(build()))].map(([name, { type, samples }]) => {
    const labels = Object.keys(samples[0]?.labels ?? {}).filter((label) => label !== 'le');
    return `${name} ${type} {${labels.join(', ')}}`;
  });
  t.same(rows.toSorted(), code.toSorted());
});

t.test('names, types and units follow the conventions that promtool checks', async (t) => {
  for (const [name, { type, help }] of await scrape(build())) {
    t.match(name, /^(keytender|process|nodejs)_[a-z_]+$/);
    t.ok(help.length > 10, `${name} has a help text`);
    t.equal(name.endsWith('_total'), type === 'counter', name);
    t.notMatch(name, /_(ms|milliseconds|minutes|info_total|gauge|counter)(_|$)/);
  }
});

t.test('every series that can occur exists from the start at 0', async (t) => {
  const families = await scrape(build());
  for (const [name, { type, samples }] of families) {
    t.ok(samples.length > 0, name);
    if (type === 'gauge' || name === 'process_cpu_seconds_total') continue;
    t.same([...new Set(samples.map(({ value }) => value))], [0], name);
  }
  const count = (name: string) => families.get(name)?.samples.length;
  t.equal(count('keytender_refresh_attempts_total'), failureClasses.length + 1);
  t.equal(
    count('keytender_vault_requests_total'),
    vaultOperations.length * (failureClasses.length + 1),
  );
});

t.test('what never was is an absent series, not 0', async (t) => {
  const metrics = build(() => ({ tokens: [emptyToken], vault: null }));
  for (const name of [
    'token_version',
    'token_created_timestamp_seconds',
    'token_age_seconds',
    'token_superseded_until_timestamp_seconds',
    'token_usable_until_timestamp_seconds',
    'refresh_last_ok',
    'refresh_last_attempt_timestamp_seconds',
    'refresh_last_success_timestamp_seconds',
    'refresh_next_attempt_timestamp_seconds',
  ]) {
    t.equal(await valueOf(metrics, `keytender_${name}`, { token: 'default' }), undefined, name);
  }
  t.equal(await valueOf(metrics, 'keytender_vault_login_expiry_timestamp_seconds'), undefined);
  t.equal(await valueOf(metrics, 'keytender_vault_clock_offset_seconds'), undefined);
  t.equal(await valueOf(metrics, 'keytender_token_usable', { token: 'default' }), 0);

  const inStaticMode = build(() => ({ tokens: [{ ...fullToken, refresh: null }], vault: null }));
  t.equal(
    await valueOf(inStaticMode, 'keytender_refresh_interval_seconds', { token: 'default' }),
    undefined,
  );
});

t.test('gauges mirror what is true at the scrape, in base units', async (t) => {
  let view: MetricsView = fullView;
  const metrics = build(() => view);
  const of = (name: string) => valueOf(metrics, `keytender_${name}`, { token: 'default' });
  t.equal(await of('token_version'), 7);
  t.equal(await of('token_created_timestamp_seconds'), 1_700_000_000.5);
  t.equal(await of('token_age_seconds'), 12.5);
  t.equal(await of('token_usable_until_timestamp_seconds'), 1_700_000_300);
  t.equal(await of('refresh_last_ok'), 1);
  t.equal(await valueOf(metrics, 'keytender_vault_clock_offset_seconds'), -3);

  view = { tokens: [{ ...fullToken, usableUntilMs: Number.POSITIVE_INFINITY }], vault: null };
  t.equal(await of('token_usable_until_timestamp_seconds'), Number.POSITIVE_INFINITY);
  t.equal(await valueOf(metrics, 'keytender_vault_clock_offset_seconds'), undefined);

  view = { tokens: [emptyToken], vault: null };
  t.equal(await of('token_version'), undefined, 'a value that is gone leaves no series behind');
});

t.test('a token is in exactly one of its states', async (t) => {
  for (const state of tokenStates) {
    const metrics = build(() => ({ tokens: [{ ...fullToken, state }], vault: null }));
    const samples = (await scrape(metrics)).get('keytender_token_state')?.samples ?? [];
    t.equal(samples.length, tokenStates.length);
    t.same(
      samples.filter(({ value }) => value === 1).map(({ labels }) => labels),
      [{ token: 'default', state }],
    );
  }
});

t.test('events are counted under their labels', async (t) => {
  const metrics = build();
  metrics.refreshAttempt('default', 'ok');
  metrics.refreshAttempt('default', 'vault_sealed');
  metrics.refreshAttempt('default', 'vault_sealed');
  metrics.tokenRotated('default');
  metrics.tokenRegressed('default');
  metrics.refreshedOnDemand('default', 'found');
  metrics.vaultRequest('read', 'vault_timeout', 10.2);
  metrics.vaultBudgetRefused();
  metrics.httpRequest('/health', 'GET', 200, 0.002);
  metrics.httpRequest('unmatched', 'other', 400, null);
  metrics.rateLimited('connections');
  metrics.configReloaded('refused');
  metrics.auditSuppressed(3);
  metrics.logLinesDropped(2);
  const of = (name: string, labels: Sample['labels'] = {}) =>
    valueOf(metrics, `keytender_${name}`, labels);
  const token = 'default';
  t.equal(await of('refresh_attempts_total', { token, outcome: 'ok' }), 1);
  t.equal(await of('refresh_attempts_total', { token, outcome: 'vault_sealed' }), 2);
  t.equal(await of('token_rotations_total', { token }), 1);
  t.equal(await of('token_regressions_total', { token }), 1);
  t.equal(await of('refresh_on_demand_total', { token, outcome: 'found' }), 1);
  t.equal(await of('vault_requests_total', { operation: 'read', outcome: 'vault_timeout' }), 1);
  t.equal(await of('vault_budget_refusals_total'), 1);
  t.equal(await of('http_requests_total', { route: '/health', method: 'GET', status: '200' }), 1);
  t.equal(
    await of('http_requests_total', { route: 'unmatched', method: 'other', status: '400' }),
    1,
  );
  t.equal(await of('rate_limited_total', { by: 'connections' }), 1);
  t.equal(await of('config_reloads_total', { outcome: 'refused' }), 1);
  t.equal(await of('config_last_reload_successful'), 0);
  t.equal(await of('audit_suppressed_total'), 3);
  t.equal(await of('log_lines_dropped_total'), 2);
  metrics.configReloaded('ok');
  t.equal(await of('config_last_reload_successful'), 1);

  const histogram = (await scrape(metrics)).get('keytender_vault_request_duration_seconds');
  const read = histogram?.samples.filter(({ labels }) => labels['operation'] === 'read') ?? [];
  t.same(
    read
      .filter(({ value }) => value > 0)
      .map(({ name, labels, value }) => [
        name.replace('keytender_vault_request_duration_seconds_', ''),
        labels['le'],
        value,
      ]),
    [
      ['bucket', '30', 1],
      ['bucket', '60', 1],
      ['bucket', '+Inf', 1],
      ['sum', undefined, 10.2],
      ['count', undefined, 1],
    ],
  );
});

t.test('what never became a request, and a long poll, have no duration', async (t) => {
  const metrics = buildMetrics({
    version: '0.1.0',
    clock: new FakeClock(),
    tokens: [],
    tokenStates,
    failureClasses,
    routes: [
      { route: '/watch', methods: ['GET'], statuses: [200], isTimed: false },
      { route: 'unmatched', methods: ['other'], statuses: [400], isTimed: true },
    ],
    source: () => fullView,
  });
  metrics.httpRequest('/watch', 'GET', 200, 60);
  metrics.httpRequest('unmatched', 'other', 400, null);
  const samples =
    (await scrape(metrics)).get('keytender_http_request_duration_seconds')?.samples ?? [];
  t.same([...new Set(samples.map(({ labels }) => labels['route']))], ['unmatched']);
  t.ok(samples.every(({ value }) => value === 0));
});

t.test('a token that is not configured is unknown, whatever it is called', async (t) => {
  const metrics = build();
  metrics.refreshAttempt('evil"} 1\n', 'ok');
  const of = (token: string) =>
    valueOf(metrics, 'keytender_refresh_attempts_total', { token, outcome: 'ok' });
  t.equal(await of('unknown'), 1);
  t.notMatch((await metrics.scrape()).body, /evil/);
});

t.test('operations that the settings cannot lead to have no series', async (t) => {
  const metrics = buildMetrics({
    version: '0.1.0',
    clock: new FakeClock(),
    tokens: ['default'],
    tokenStates,
    failureClasses,
    vaultOperations: ['read'],
    routes: [],
    source: () => fullView,
  });
  const samples = (await scrape(metrics)).get('keytender_vault_requests_total')?.samples ?? [];
  t.same([...new Set(samples.map(({ labels }) => labels['operation']))], ['read']);
});

t.test('the process is read at the scrape', async (t) => {
  const metrics = build();
  const before = (await valueOf(metrics, 'process_cpu_seconds_total')) ?? 0;
  t.ok(before > 0);
  const after = (await valueOf(metrics, 'process_cpu_seconds_total')) ?? 0;
  const { user, system } = process.cpuUsage();
  t.ok(after >= before && after <= (user + system) / 1e6, 'read anew, not added up');
  t.ok(((await valueOf(metrics, 'process_resident_memory_bytes')) ?? 0) > 1e7);
  const utilization = await valueOf(metrics, 'nodejs_eventloop_utilization');
  t.ok(utilization !== undefined && utilization >= 0 && utilization <= 1);
  const startedAt = await valueOf(metrics, 'process_start_time_seconds');
  t.ok(Math.abs((startedAt ?? 0) - (Date.parse('2026-01-01') / 1000 - process.uptime())) < 5);
});

t.test(
  'scrapes at the same time share one text, and none is told what was before it asked',
  async (t) => {
    let asked = 0;
    const metrics = build(() => {
      asked += 1;
      return fullView;
    });
    const first = metrics.scrape();
    metrics.tokenRotated('default');
    const second = metrics.scrape();
    const rotations = 'keytender_token_rotations_total{token="default"}';
    t.match((await second).body, `${rotations} 1\n`, 'what happened before the second asked');
    t.equal((await first).body, (await second).body);
    t.equal(asked, 1);
    metrics.tokenRotated('default');
    t.match((await metrics.scrape()).body, `${rotations} 2\n`, 'a later one is another');
    t.equal(asked, 2);
  },
);

t.test('a source that fails fails the scrape, not the agent', async (t) => {
  let isThere = false;
  const metrics = build(() => {
    if (!isThere) throw new Error('no view');
    return fullView;
  });
  await t.rejects(metrics.scrape(), { message: 'no view' });
  isThere = true;
  t.equal(
    await valueOf(metrics, 'keytender_token_version', { token: 'default' }),
    7,
    'nor the next',
  );
});

t.test('nothing of prom-client is loaded but the four parts', async (t) => {
  const source = await readFile(new URL('../../src/telemetry/metrics.ts', import.meta.url), 'utf8');
  t.notMatch(source, /from 'prom-client'/);
});
