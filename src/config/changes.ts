// What a reload changed, by file key, and which of it a running agent cannot apply: those settings keep their old values
// until the next start. Compares settings in effect, so that a default that moved is told too.
import type { Config, SecretSetting } from './config.js';
import { isSameSecret } from './secret.js';
import { settings, tokenSettings } from './settings.js';
import type { SettingKey } from './settings.js';
import { effective, tokenView } from './view.js';

export interface ConfigChange {
  /** The file key: `refresh.interval`, `tokens.billing.path`, `tokens.billing` (came or went), `sinks`. */
  readonly key: string;
  /** True: takes effect at the next start only. */
  readonly restart: boolean;
}

/** In the order of the manual. Reads no file: a secret file whose content changed is no change of settings. */
export function describeChanges(old: Config, next: Config): readonly ConfigChange[] {
  return [...settingChanges(old, next), ...tokenChanges(old, next), ...sinkChanges(old, next)];
}

function settingChanges(old: Config, next: Config): ConfigChange[] {
  return (Object.keys(settings) as SettingKey[]).flatMap((key) => {
    const row: { readonly kind: string; readonly restart?: true } = settings[key];
    const [before, after] = [effective[key](old), effective[key](next)];
    // without meaning on one side: that Vault came or went is told by vault.address
    if (before === undefined || after === undefined) return [];
    const isSame =
      row.kind === 'secret'
        ? isSameSecret(before as SecretSetting | null, after as SecretSetting | null)
        : isEqual(before, after);
    // reading Vault neither begins nor ends while the agent runs
    const isMode = key === 'vault.address' && (before === null || after === null);
    return isSame ? [] : [{ key, restart: row.restart === true || isMode }];
  });
}

function tokenChanges(old: Config, next: Config): ConfigChange[] {
  const before = new Map(old.tokens.map((token) => [token.name, tokenView(token)]));
  const after = new Map(next.tokens.map((token) => [token.name, tokenView(token)]));
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name): ConfigChange[] => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === undefined || is === undefined) return [{ key: `tokens.${name}`, restart: true }];
    return (Object.keys(tokenSettings) as (keyof typeof tokenSettings)[])
      .filter((field) => !isEqual(was[field], is[field]))
      .map((field) => {
        const row: { readonly restart?: true } = tokenSettings[field];
        return { key: `tokens.${name}.${field}`, restart: row.restart === true };
      });
  });
}

function sinkChanges(old: Config, next: Config): ConfigChange[] {
  return isEqual(old.sinks, next.sinks) ? [] : [{ key: 'sinks', restart: true }];
}

function isEqual(a: unknown, b: unknown): boolean {
  // Infinity ("no limit") is null in JSON
  if (typeof a === 'number' && typeof b === 'number') return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}
