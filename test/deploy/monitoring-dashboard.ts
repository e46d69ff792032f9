// The queries of deploy/monitoring/dashboard.json: of its panels, its annotations and its variables.
import { readFileSync } from 'node:fs';

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly query: string | { query: string } }[] };
}

const dashboard = JSON.parse(readFileSync('deploy/monitoring/dashboard.json', 'utf8')) as Dashboard;

/** Those that Prometheus answers. */
export const promqlOfDashboard: readonly string[] = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.map(({ expr }) => expr),
];

/** `label_values(series, label)`, which Grafana itself answers. */
const ofVariables = dashboard.templating.list.flatMap(({ query }) =>
  typeof query === 'string' ? [] : [query.query.replace(/, (\w+)\)$/, ')')],
);

export const dashboardQueries: readonly string[] = [...promqlOfDashboard, ...ofVariables];
