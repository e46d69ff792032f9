// Settings from environment names. Ours and their aliases are taken, an unknown `KEYTENDER_…` is an error, `VAULT_…` and
// `BAO_…` names that are not honoured are named in one warning: they belong to other programs too. An empty variable
// counts as unset, as Vault's own tools have it; only a list is emptied by it.
import type { Findings } from './findings.js';
import { emptyLayer } from './layer.js';
import type { Layer } from './layer.js';
import { environment, isServiceLink } from './names.js';
import { printable } from './problem.js';
import { settings } from './settings.js';
import type { Setting } from './setting.js';
import type { SettingKey } from './settings.js';
import { nearest } from './suggestion.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export function environmentLayer(env: Environment, findings: Findings): Layer {
  const layer = emptyLayer();
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    const named = environment.get(name);
    if (named !== undefined) {
      if (value === '' && settings[named.key].kind !== 'list') continue;
      layer.settings.push({ ...named, name, value: asWritten(named.key, named.form, value) });
    } else if (isServiceLink(name)) {
      continue;
    } else if (name.startsWith('KEYTENDER_')) {
      findings.problem(name, 'is not a setting', unknownFix(name));
    } else if (name === 'VAULT_SKIP_VERIFY' || name === 'BAO_SKIP_VERIFY') {
      refuseSkipVerify(name, value, findings);
    } else if (/^(VAULT|BAO)_/.test(name) && value !== '') {
      ignored.push(printable(name));
    }
  }
  if (ignored.length > 0) {
    findings.warn(`not honoured, unlike by Vault's own tools: ${ignored.sort().join(', ')}`);
  }
  return layer;
}

/** Text of the environment or a flag, as a file would hold it: secrets and paths stay letter by letter. */
export function asWritten(key: SettingKey, form: 'value' | 'file', text: string): string {
  const setting: Setting<unknown> = settings[key];
  const normal = normaliseText(setting.kind, form, text);
  return setting.kind === 'choice' ? spelling(setting, normal) : normal;
}

/** A value of a choice whatever its case: signals are written in capitals. */
function spelling({ schema }: Setting<unknown>, text: string): string {
  const { enum: values = [] } = schema as { readonly enum?: readonly string[] };
  return values.find((value) => value.toLowerCase() === text) ?? text;
}

export function normaliseText(kind: string, form: 'value' | 'file', text: string): string {
  if (form === 'file' || kind === 'secret' || kind === 'path') return text;
  return kind === 'choice' || kind === 'boolean' ? text.trim().toLowerCase() : text.trim();
}

function unknownFix(name: string): string {
  if (/^KEYTENDER_(TOKENS|SINKS)_/.test(name)) {
    return 'remove it: tokens and sinks have no environment names, write them into a settings file (--config)';
  }
  const bare = name.slice('KEYTENDER_'.length);
  const near = environment.has(bare) ? bare : nearest(name, environment.keys());
  return near === null
    ? 'remove it, or look the name up in docs/configuration.md'
    : `did you mean ${near}?`;
}

function refuseSkipVerify(name: string, value: string, findings: Findings): void {
  if (['', '0', 'f', 'false', 'no', 'off'].includes(value.trim().toLowerCase())) return;
  findings.problem(
    name,
    'is set, but the agent never skips the verification of certificates',
    "remove it, and name Vault's CA in VAULT_CACERT (vault.ca_cert)",
  );
}
