// The names of settings, derived from the table: file keys, environment names and their aliases, the `_FILE` forms of
// secrets; and the names that look like ours but are not: what Kubernetes makes of a service called keytender.
import { settings } from './settings.js';
import type { SettingKey } from './settings.js';

/** What a name stands for: the value of a setting, or the file that a secret is in. */
export interface Named {
  readonly key: SettingKey;
  readonly form: 'value' | 'file';
}

const settingKeys = Object.keys(settings) as SettingKey[];

/** `KEYTENDER_` and the file key in capitals, dots as `_`. */
export function canonicalName(fileKey: string): string {
  return `KEYTENDER_${fileKey.toUpperCase().replaceAll('.', '_')}`;
}

/** Every environment name of a setting, the canonical one first; without the `_FILE` forms. */
export function environmentNames(key: SettingKey): string[] {
  const row: { readonly env?: readonly string[] } = settings[key];
  const aliases = (row.env ?? []).flatMap((name) =>
    name.startsWith('VAULT_') ? [name, `BAO_${name.slice('VAULT_'.length)}`] : [name],
  );
  return [canonicalName(key), ...aliases];
}

/** By file key. */
export const fileKeys: ReadonlyMap<string, Named> = new Map(
  settingKeys.flatMap((key) => withFileForm(key, [key], '_file')),
);

/** By environment name. */
export const environment: ReadonlyMap<string, Named> = new Map(
  settingKeys.flatMap((key) => withFileForm(key, environmentNames(key), '_FILE')),
);

/** The mappings of a settings file: `vault`, `vault.auth`, `refresh` and so on. */
export const groups: ReadonlySet<string> = new Set(
  settingKeys.flatMap((key) => {
    const segments = key.split('.').slice(0, -1);
    return segments.map((_, index) => segments.slice(0, index + 1).join('.'));
  }),
);

function withFileForm(
  key: SettingKey,
  names: readonly string[],
  ending: '_file' | '_FILE',
): [string, Named][] {
  const isSecret = settings[key].kind === 'secret';
  return names.flatMap((name): [string, Named][] => [
    [name, { key, form: 'value' }],
    ...(isSecret ? ([[name + ending, { key, form: 'file' }]] as [string, Named][]) : []),
  ]);
}

const serviceLink =
  /^(?:KEYTENDER|VAULT|BAO)_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;

/** A name that Kubernetes sets for a service (`enableServiceLinks`); never a setting. */
export function isServiceLink(name: string): boolean {
  return serviceLink.test(name);
}
