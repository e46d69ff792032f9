// deploy/monitoring/dashboard.json against the types that Grafana publishes of its dashboards (@grafana/schema, made from its
// own CUE schema), by TypeScript: names and values of every field, options and field settings of each kind of panel too.
// Not the same as Grafana itself, which no package registry has.
//
//   node scripts/check-deploy-dashboard.mjs FOLDER   with @grafana/schema in FOLDER/node_modules
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const [, , folder = '.'] = process.argv;
const file = join(folder, 'dashboard.ts');
const dashboard = readFileSync('deploy/monitoring/dashboard.json', 'utf8');

const source = `
import type { Dashboard, Panel, RowPanel, FieldConfigSource } from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type { Options as TimeSeries, FieldConfig as Graph } from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type { Options as Stat } from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type { DataQuery } from '@grafana/schema';

// as JSON writes it: enums by their values, options that are left out by their defaults
type Json<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends (infer I)[] ? Json<I>[] : { [K in keyof T]?: Json<T[K]> };
type Config<C> = { defaults: Omit<Json<FieldConfigSource['defaults']>, 'custom'> & { custom?: Json<C> }; overrides: Json<FieldConfigSource['overrides']> };
interface Query extends Omit<DataQuery, 'datasource'> { datasource: { type: 'prometheus'; uid: string }; expr: string; legendFormat?: string; instant?: boolean; format?: 'time_series' | 'table' | 'heatmap' }
type Of<T extends string, O, C> = Omit<Json<Panel>, 'type' | 'options' | 'fieldConfig' | 'targets' | 'title'> &
  { id: number; type: T; title: string; options?: Json<O>; fieldConfig: Config<C>; targets: Query[] };
type Ours = Omit<Json<Dashboard>, 'panels' | 'annotations'> & {
  uid: string; title: string; schemaVersion: number;
  panels: (Json<RowPanel> & { type: 'row'; title: string } | Of<'timeseries', TimeSeries, Graph> | Of<'stat', Stat, object>)[];
  annotations: { list: (Json<NonNullable<NonNullable<Dashboard['annotations']>['list']>[number]> & { expr: string; titleFormat?: string; textFormat?: string; tagKeys?: string })[] };
};
export const dashboard: Ours = ${dashboard};
`;
writeFileSync(file, source);
const program = ts.createProgram([file], {
  strict: true,
  noEmit: true,
  types: [],
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  // the paths that are not exported are types all the same
  paths: { '@grafana/schema/dist/*': [join(folder, 'node_modules/@grafana/schema/dist/*')] },
});
const problems = ts.getPreEmitDiagnostics(program);
for (const { messageText, start = 0, file: at } of problems) {
  const line = at?.text.slice(0, start).split('\n').at(-1) ?? '';
  const rest = at?.text.slice(start).split('\n')[0] ?? '';
  console.error(`${line.trim()}${rest}\n  ${ts.flattenDiagnosticMessageText(messageText, '\n  ')}`);
}
if (problems.length === 0) {
  console.log(`${JSON.parse(dashboard).panels.length} panels, as @grafana/schema has them`);
}
process.exitCode = problems.length === 0 ? 0 : 1;
