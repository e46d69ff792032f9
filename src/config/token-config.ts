// The tokens to carry: those that `tokens` lists, else one called `default`.
import type { TokenConfig } from './config.js';
import type { Findings } from './findings.js';
import type { Chosen, Written } from './layer.js';
import type { Setting } from './setting.js';
import { tokenSettings } from './settings.js';
import type { Given } from './timing.js';

const TOKENS_MAX = 100;

type Fields = ReadonlyMap<string, Chosen>;

/** `graceMs` is for those that have none of their own. */
export function tokenConfigs(written: Written, graceMs: number, findings: Findings): TokenConfig[] {
  const listed: ReadonlyMap<string, Fields> =
    written.tokens.size > 0 ? written.tokens : new Map([['default', new Map()]]);
  if (listed.size > TOKENS_MAX) {
    findings.problem('tokens', `lists more than ${TOKENS_MAX} tokens`, 'run several agents');
  }
  const tokens = [...listed].map(([name, fields]) => tokenConfig(name, fields, graceMs));
  for (const token of tokens) {
    if (token.path !== 'clients') continue;
    findings.problem(
      listed.get(token.name)?.get('path')?.name ?? `tokens.${token.name}`,
      'is the path of the named clients',
      `choose another path: tokens.${token.name}.path`,
    );
  }
  return tokens;
}

function tokenConfig(name: string, fields: Fields, graceMs: number): TokenConfig {
  return {
    name,
    path: valueOf(fields, 'path', tokenSettings.path) ?? (name === 'default' ? 'token' : name),
    field: valueOf(fields, 'field', tokenSettings.field) ?? tokenSettings.field.defaultValue,
    graceMs: valueOf(fields, 'grace', tokenSettings.grace) ?? graceMs,
    required:
      valueOf(fields, 'required', tokenSettings.required) ?? tokenSettings.required.defaultValue,
  };
}

/** The graces written for single tokens. */
export function tokenGraces(written: Written): Given[] {
  return [...written.tokens.values()].flatMap((fields) => {
    const value = valueOf(fields, 'grace', tokenSettings.grace);
    const name = fields.get('grace')?.name;
    return value === undefined || name === undefined ? [] : [{ name, value }];
  });
}

/** Tokens that static mode has no source for. */
export function checkStaticTokens(tokens: readonly TokenConfig[], findings: Findings): void {
  for (const { name } of tokens) {
    if (name === 'default') continue;
    findings.problem(
      `tokens.${name}`,
      'has no source: without vault.address there is only token.initial, and that is the default one',
      'set vault.address, or remove the entry',
    );
  }
}

function valueOf<T>(fields: Fields, field: string, _: Setting<T>): T | undefined {
  return fields.get(field)?.value as T | undefined;
}
