// What one source (file, environment, flags) says, still as written, and how sources become one: within a source two
// names of a setting must agree, between sources the later one wins. Every value is checked, also one that loses.
import type { Findings } from './findings.js';
import type { Named } from './names.js';
import type { Parsed, Setting } from './setting.js';
import { settings, tokenSettings } from './settings.js';
import type { SettingKey, Settings } from './settings.js';

/** One value, with the name the user wrote before it. */
export interface Entry {
  readonly name: string;
  readonly value: unknown;
}

/** One source. */
export interface Layer {
  readonly settings: (Named & Entry)[];
  /** By token name, then by field. */
  readonly tokens: Map<string, Map<string, Entry[]>>;
  readonly sinks: Entry | null;
}

export function emptyLayer(): Layer {
  return { settings: [], tokens: new Map(), sinks: null };
}

type ValueOf<S> = S extends Setting<infer T> ? T : never;
export type SettingValue<K extends SettingKey> = ValueOf<Settings[K]>;

/** The settings with a fixed default. */
type DefaultedKey = {
  [K in SettingKey]: Settings[K] extends { readonly defaultValue: unknown } ? K : never;
}[SettingKey];

/** A checked value under the name it was written with. `value` is undefined when it was refused. */
export interface Chosen {
  readonly name: string;
  readonly form: 'value' | 'file';
  readonly value: unknown;
}

/** What was written in all sources together. */
export class Written {
  readonly #chosen: ReadonlyMap<SettingKey, Chosen>;
  readonly tokens: ReadonlyMap<string, ReadonlyMap<string, Chosen>>;
  readonly sinks: Entry | null;

  constructor(
    chosen: ReadonlyMap<SettingKey, Chosen>,
    tokens: ReadonlyMap<string, ReadonlyMap<string, Chosen>>,
    sinks: Entry | null,
  ) {
    this.#chosen = chosen;
    this.tokens = tokens;
    this.sinks = sinks;
  }

  /** The value as written, if it was written and is valid. */
  value<K extends SettingKey>(key: K): SettingValue<K> | undefined {
    return this.#chosen.get(key)?.value as SettingValue<K> | undefined;
  }

  /** The value, else its fixed default. */
  get<K extends DefaultedKey>(key: K): SettingValue<K> {
    return this.value(key) ?? (settings[key].defaultValue as SettingValue<K>);
  }

  /** The value, or null. */
  optional<K extends SettingKey>(key: K): SettingValue<K> | null {
    return this.value(key) ?? null;
  }

  /** Also true of a value that was refused. */
  has(key: SettingKey): boolean {
    return this.#chosen.has(key);
  }

  /** True when it was written but refused: what depends on it cannot be judged. */
  isBroken(key: SettingKey): boolean {
    const chosen = this.#chosen.get(key);
    return chosen !== undefined && chosen.value === undefined;
  }

  /** The name it was written with, else its key. */
  name(key: SettingKey): string {
    return this.#chosen.get(key)?.name ?? key;
  }

  chosen(key: SettingKey): Chosen | undefined {
    return this.#chosen.get(key);
  }
}

/** Joins sources, weakest first. */
export function joinLayers(layers: readonly Layer[], findings: Findings): Written {
  const chosen = new Map<SettingKey, Chosen>();
  const tokens = new Map<string, Map<string, Chosen>>();
  let sinks: Entry | null = null;
  for (const layer of layers) {
    for (const [key, entries] of byKey(layer.settings))
      chosen.set(key, choose(key, entries, findings));
    for (const [name, fields] of layer.tokens) {
      const token = tokens.get(name) ?? new Map<string, Chosen>();
      tokens.set(name, token);
      for (const [field, entries] of fields) {
        const setting = tokenSettings[field as keyof typeof tokenSettings];
        token.set(
          field,
          agree(
            entries.map((entry) => ({ ...entry, form: 'value' })),
            setting,
            field,
            findings,
          ),
        );
      }
    }
    sinks = layer.sinks ?? sinks;
  }
  return new Written(chosen, tokens, sinks);
}

function byKey(entries: readonly (Named & Entry)[]): Map<SettingKey, (Named & Entry)[]> {
  const found = new Map<SettingKey, (Named & Entry)[]>();
  for (const entry of entries) {
    const same = found.get(entry.key);
    if (same === undefined) found.set(entry.key, [entry]);
    else same.push(entry);
  }
  return found;
}

function choose(key: SettingKey, entries: readonly (Named & Entry)[], findings: Findings): Chosen {
  const value = entries.find((entry) => entry.form === 'value');
  const file = entries.find((entry) => entry.form === 'file');
  if (value === undefined || file === undefined)
    return agree(entries, settings[key], key, findings);
  findings.problem(
    file.name,
    `is set beside ${value.name}: a secret has one source`,
    `remove ${value.name} (or ${file.name})`,
  );
  return { name: file.name, form: 'file', value: undefined };
}

/** Several entries for one setting: all valid and all the same, or a problem. */
function agree(
  entries: readonly (Entry & { form: 'value' | 'file' })[],
  setting: Setting<unknown>,
  key: string,
  findings: Findings,
): Chosen {
  const parsed = entries.map(({ name, form, value }): Chosen => {
    const result = form === 'file' ? parseFileName(value) : setting.parse(value);
    if (!result.ok) findings.problem(name, result.message, result.fix);
    return { name, form, value: result.ok ? result.value : undefined };
  });
  const [first, ...others] = parsed;
  if (first === undefined) return { name: key, form: 'value', value: undefined };
  let isAgreed = true;
  for (const other of others) {
    if (first.value === undefined || other.value === undefined) isAgreed = false;
    else if (JSON.stringify(first.value) !== JSON.stringify(other.value)) {
      findings.problem(other.name, disagreement(first.name, other.name, key), 'remove one of them');
      isAgreed = false;
    }
  }
  return isAgreed ? first : { ...first, value: undefined };
}

function disagreement(first: string, second: string, key: string): string {
  return first === second
    ? 'is given twice, with different values'
    : `is another name of ${first} (${key}), with another value`;
}

function parseFileName(value: unknown): Parsed<string> {
  if (typeof value === 'string' && value !== '' && !/\p{Cc}/u.test(value))
    return { ok: true, value };
  return {
    ok: false,
    message: 'is not the path of a file',
    fix: 'write the path of the file that holds the secret',
  };
}
