// deploy/monitoring/ as its tests read it.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const RULES = 'deploy/monitoring/rules.yaml';

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export const ruleFile = parse(readFileSync(RULES, 'utf8')) as RuleFile;
export const groupNames = ruleFile.groups.map(({ name }) => name);
export const rules = ruleFile.groups.flatMap((group) => group.rules);
export const alerts = rules.filter(({ alert }) => alert !== undefined);
export const alertNames = [...new Set(alerts.map(({ alert = '' }) => alert))];
