// deploy/monitoring/ without Prometheus: what the rules, the stories and the dashboard name is measured, every alert has
// its section in docs/runbooks.md, and what scrapes the agents asks where they answer.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { failureClasses } from '../../src/health/failure.js';
import { tokenStates } from '../../src/health/body.js';
import { httpSeries } from '../../src/http/http.js';
import { refusalReasons } from '../../src/signature/index.js';
import { buildMetrics } from '../../src/telemetry/metrics.js';
import { anchorsOf, page } from '../docs/markdown.js';
import { FakeClock } from '../fixtures/fake-clock.js';
import { readMetrics } from '../telemetry/read-metrics.js';
import { alerts, rules } from './monitoring-files.js';
import { dashboardQueries } from './monitoring-dashboard.js';
import { firing, silent } from './monitoring-table.js';
import { healthy } from './monitoring-stories.js';
import { buildKustomization } from './kustomization.js';
import { agentOf, podOf } from './pod.js';

/** What a scrape and its configuration add to every series. */
const scraped = ['cluster', 'namespace', 'job', 'pod', 'instance'];
const meta = new Set([...scraped, 'alertname', 'alertstate', 'severity']);

/** Name of a series → its labels, each with the values it can have (none known: any). */
type Known = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

async function measured(): Promise<Known> {
  const now = 1_700_000_000_000;
  const metrics = buildMetrics({
    version: '0',
    clock: new FakeClock(),
    tokens: ['default'],
    sinks: ['app'],
    tokenStates,
    failureClasses,
    routes: httpSeries(),
    refusalReasons,
    source: () => ({
      tokens: [
        {
          name: 'default',
          state: 'fresh',
          usable: true,
          version: 1,
          createdAtMs: now,
          ageSeconds: 1,
          supersededGenerations: 1,
          supersededUntilMs: now,
          usableUntilMs: now,
          refresh: {
            lastOk: true,
            lastAttemptAtMs: now,
            lastSuccessAtMs: now,
            nextAttemptAtMs: now,
            consecutiveFailures: 0,
            intervalSeconds: 60,
          },
        },
      ],
      sinks: [{ name: 'app', version: 1, lastSuccessAtMs: now }],
      vault: { loginExpiresAtMs: now, clockOffsetSeconds: 0 },
      api: { replayEntries: 0, replayCapacity: 1, watchWaiters: 0 },
    }),
  });
  const known = new Map<string, Map<string, Set<string>>>([['up', new Map()]]);
  for (const family of readMetrics((await metrics.scrape()).body).values()) {
    for (const { name, labels } of family.samples) {
      const of = known.get(name) ?? new Map<string, Set<string>>();
      for (const [label, value] of Object.entries(labels)) {
        of.set(label, (of.get(label) ?? new Set()).add(value));
      }
      known.set(name, of);
    }
  }
  for (const { record } of rules) {
    if (record === undefined) continue;
    const labels = record.startsWith('cluster_namespace:') ? [] : ['token'];
    known.set(record, new Map(labels.map((label) => [label, new Set<string>()])));
  }
  return known;
}

const words = new Set(
  [
    ...['and', 'or', 'unless', 'by', 'without', 'on', 'bool', 'offset', 'sum', 'avg', 'min', 'max'],
    ...['count', 'time', 'increase', 'rate', 'changes', 'histogram_quantile', 'label_values'],
  ].map(String),
);

/** What a query names that is not measured: series, labels, values of labels. */
function unknownIn(query: string, known: Known): string[] {
  const problems: string[] = [];
  const allLabels = new Set([
    ...meta,
    ...[...known.values()].flatMap((labels) => [...labels.keys()]),
  ]);
  const withoutLists = query.replaceAll(/\b(?:by|without|on) \(([^)]*)\)/g, (_, list: string) => {
    for (const label of list.split(',').map((it) => it.trim()))
      if (!allLabels.has(label)) problems.push(`label ${label}`);
    return '';
  });
  const bare = withoutLists.replaceAll(/\[[^\]]*\]|offset \w+/g, '');
  for (const [, name = '', matchers = ''] of bare.matchAll(
    /(?<![\w"$:.])([a-z_][\w:]*)(?:\{([^}]*)\})?(?=[^\w]|$)/g,
  )) {
    if (words.has(name)) continue;
    const labels = known.get(name);
    if (labels === undefined) {
      problems.push(name);
      continue;
    }
    for (const [, label = '', value = ''] of matchers.matchAll(/(\w+)(?:=~|!=|!~|=)"([^"]*)"/g)) {
      if (scraped.includes(label)) continue;
      const values = labels.get(label);
      if (values === undefined) problems.push(`${name}{${label}}`);
      else if (!value.startsWith('$') && values.size > 0)
        for (const one of value.split('|'))
          if (!values.has(one)) problems.push(`${name}{${label}="${one}"}`);
    }
  }
  return problems;
}

const known = await measured();

t.test('what the rules name is measured, labels and their values too', async (t) => {
  for (const { expr, alert, record } of rules) {
    t.strictSame(unknownIn(expr, known), [], alert ?? record ?? 'a rule');
  }
});

t.test('a name, a label or a value that is not there is found', async (t) => {
  t.strictSame(unknownIn('rate(keytender_token_rotation_total[5m]) > 0', known), [
    'keytender_token_rotation_total',
  ]);
  t.strictSame(unknownIn('sum by (tokn) (keytender_token_usable{tokn="a"})', known), [
    'label tokn',
    'keytender_token_usable{tokn}',
  ]);
  t.strictSame(unknownIn('keytender_token_state{state=~"expired|revokd"}', known), [
    'keytender_token_state{state="revokd"}',
  ]);
});

t.test('what the stories tell is measured', async (t) => {
  const told = new Set(
    [healthy, ...[...firing, ...silent].flatMap(({ agents }) => agents)].flatMap((agent) =>
      Object.keys(agent),
    ),
  );
  for (const series of told) t.strictSame(unknownIn(series, known), [], series);
});

t.test('what the dashboard asks for is measured', async (t) => {
  t.ok(dashboardQueries.length > 30);
  for (const query of dashboardQueries) t.strictSame(unknownIn(query, known), [], query);
});

t.test('every alert says how bad, what, and where to read on', async (t) => {
  const anchors = anchorsOf(page('docs/runbooks.md'));
  for (const { alert = '', labels, annotations } of alerts) {
    t.match(alert, /^Keytender[A-Za-z]+$/);
    t.match(labels?.['severity'], /^(?:page|ticket)$/, alert);
    for (const name of ['summary', 'description']) t.ok(annotations?.[name], `${alert}: ${name}`);
    const anchor = alert.toLowerCase();
    t.equal(
      annotations?.['runbook_url'],
      `https://github.com/keytender/keytender/blob/main/docs/runbooks.md#${anchor}`,
    );
    t.ok(anchors.includes(anchor), `${alert} has its section`);
  }
});

t.test('a page is for a cluster and a namespace, never for one agent', async (t) => {
  const pages = alerts.filter(({ labels }) => labels?.['severity'] === 'page');
  t.ok(pages.length > 0);
  for (const { alert = '', expr } of pages) {
    t.match(expr, /^(?:cluster_namespace|(?:min|max) by \(cluster, namespace)/, alert);
    t.notMatch(expr, /\babsent/, 'and none of what is not there');
  }
});

interface Monitor {
  readonly kind: string;
  readonly spec: Readonly<Record<string, readonly Endpoint[]>>;
}

interface Endpoint {
  readonly port: string;
  readonly path: string;
  readonly interval: string;
  readonly relabelings: readonly Readonly<Record<string, unknown>>[];
}

t.test(
  'what scrapes the agents asks the port of the manifests, and calls the job as the rules do',
  async (t) => {
    const agent = agentOf(podOf(buildKustomization('deploy/kubernetes/base')));
    const documents = ['pod-monitor', 'service-monitor'].flatMap((name) =>
      parseAllDocuments(readFileSync(`deploy/monitoring/${name}.yaml`, 'utf8')).map(
        (it) => it.toJS() as Monitor,
      ),
    );
    t.strictSame(
      documents.map(({ kind }) => kind),
      ['PodMonitor', 'Service', 'ServiceMonitor'],
    );
    const [pods, service, services] = documents;
    for (const endpoint of [
      pods?.spec['podMetricsEndpoints'],
      services?.spec['endpoints'],
    ].flat()) {
      t.match(endpoint, {
        port: agent.ports?.[0]?.name ?? 'none',
        path: '/metrics',
        interval: '15s',
      });
      t.match(endpoint?.relabelings.at(-1), { targetLabel: 'job', replacement: 'keytender' });
    }
    t.match(service?.spec['ports'], [{ name: 'probes', port: agent.ports?.[0]?.containerPort }]);
    t.match(pods, { spec: { podMetricsEndpoints: [{ relabelings: [{ regex: agent.name }] }] } });
  },
);

t.test(
  'the dashboard is one that Grafana takes: panels have places, queries have names',
  async (t) => {
    const dashboard = parse(readFileSync('deploy/monitoring/dashboard.json', 'utf8')) as {
      readonly uid: string;
      readonly panels: readonly {
        readonly id: number;
        readonly title: string;
        readonly gridPos: { readonly x: number; readonly w: number };
        readonly targets?: readonly { readonly refId: string }[];
      }[];
    };
    t.equal(dashboard.uid, 'keytender');
    t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
    for (const { title, gridPos, targets = [] } of dashboard.panels) {
      t.ok(gridPos.x + gridPos.w <= 24, title);
      t.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    }
  },
);
