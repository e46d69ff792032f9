// Request fields by kind, converted as leniently as Vault converts them (`"3"` is a number, `"a,b"` a list) and
// refused in its words where they cannot be. Null is the kind's zero, except that a null duration is not given.
import { readDuration } from './duration.js';
import {
  emptyObject,
  encodeJson,
  isJsonObject,
  JsonNumber,
  type Json,
  type JsonObject,
} from './json-text.js';

export type FieldKind =
  | 'string'
  | 'name'
  | 'int'
  | 'bool'
  | 'map'
  | 'pairs'
  | 'seconds'
  | 'signedSeconds'
  | 'ints'
  | 'strings'
  | 'commaStrings';

type Converted = { readonly value: unknown } | { readonly error: string };

export class Fields {
  readonly #values = new Map<string, unknown>();

  /** The fields that the schema knows. Returns what is wrong with the first bad one instead. */
  static read(
    schema: Readonly<Record<string, FieldKind>>,
    raw: Readonly<Record<string, Json>>,
  ): Fields | { readonly error: string } {
    const fields = new Fields();
    for (const name of Object.keys(schema)) {
      const value = raw[name];
      if (value === undefined) continue;
      const kind = schema[name] ?? 'string';
      if (value === null && (kind === 'seconds' || kind === 'signedSeconds')) continue;
      const converted = value === null ? zeroOf(kind) : convert(kind, value);
      if ('error' in converted) {
        return { error: `error converting input for field "${name}": ${converted.error}` };
      }
      fields.#values.set(name, converted.value);
    }
    return fields;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  string(name: string): string {
    return (this.#values.get(name) as string | undefined) ?? '';
  }

  int(name: string): number {
    return (this.#values.get(name) as number | undefined) ?? 0;
  }

  bool(name: string, byDefault = false): boolean {
    return (this.#values.get(name) as boolean | undefined) ?? byDefault;
  }

  map(name: string): JsonObject {
    return (this.#values.get(name) as JsonObject | undefined) ?? emptyObject();
  }

  pairs(name: string): Readonly<Record<string, string>> {
    return (this.#values.get(name) as Record<string, string> | undefined) ?? {};
  }

  /** Whole seconds. */
  seconds(name: string): number {
    return this.int(name);
  }

  ints(name: string): readonly number[] {
    return (this.#values.get(name) as number[] | undefined) ?? [];
  }

  strings(name: string): readonly string[] {
    return (this.#values.get(name) as string[] | undefined) ?? [];
  }
}

function zeroOf(kind: FieldKind): Converted {
  switch (kind) {
    case 'string':
    case 'name':
      return { value: '' };
    case 'int':
    case 'seconds':
    case 'signedSeconds':
      return { value: 0 };
    case 'bool':
      return { value: false };
    case 'map':
      return { value: emptyObject() };
    case 'pairs':
      return { value: {} };
    case 'ints':
    case 'strings':
    case 'commaStrings':
      return { value: [] };
  }
}

function convert(kind: FieldKind, value: Json): Converted {
  switch (kind) {
    case 'string':
      return weakString(value);
    case 'name':
      return nameOf(value);
    case 'int':
      return weakInt(value);
    case 'bool':
      return weakBool(value);
    case 'map':
      return weakMap(value);
    case 'pairs':
      return pairsOf(value);
    case 'seconds':
    case 'signedSeconds':
      return secondsOf(kind, value);
    case 'ints':
      return intsOf(value);
    case 'strings':
      return stringsOf(value, false);
    case 'commaStrings':
      return stringsOf(value, true);
  }
}

/** What Go calls the type of a decoded JSON value. */
function goType(value: Json): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  return value instanceof JsonNumber || typeof value === 'number'
    ? 'json.Number'
    : 'map[string]interface {}';
}

/** A string from whatever can weakly be one; also used for the values of custom metadata. */
export function weakString(value: Json): { value: string } | { error: string } {
  if (typeof value === 'string') return { value };
  if (value === null) return { value: '' };
  if (value instanceof JsonNumber) return { value: value.literal };
  if (typeof value === 'number') return { value: String(value) };
  if (typeof value === 'boolean') return { value: value ? '1' : '0' };
  return { error: unconvertible('string', value) };
}

function unconvertible(expected: string, value: Json): string {
  return `'' expected type '${expected}', got unconvertible type '${goType(value)}'`;
}

function nameOf(value: Json): Converted {
  const read = weakString(value);
  if ('error' in read || /^\w([\w.-]*\w)?$/.test(read.value)) return read;
  return { error: 'field does not match the formatting rules' };
}

const INT = /^[+-]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|[0-9]+)$/;

/** An integer from whatever can weakly be one; also used for check-and-set values. */
export function weakInt(value: Json): { value: number } | { error: string } {
  if (typeof value === 'boolean') return { value: value ? 1 : 0 };
  if (typeof value === 'number') return { value };
  const text = value instanceof JsonNumber ? value.literal : value;
  if (text === '') return { value: 0 };
  if (typeof text !== 'string') return { error: unconvertible('int', value) };
  if (!INT.test(text)) return { error: notAnInt('invalid syntax') };
  const int = parseGoInt(text);
  return Number.isSafeInteger(int) ? { value: int } : { error: notAnInt('value out of range') };
}

function parseGoInt(text: string): number {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[+-]/, '').replace(/^0(?=[0-7]+$)/, '0o');
  return Number(digits) * (negative ? -1 : 1);
}

function notAnInt(reason: string): string {
  return `'' cannot parse value as 'int': strconv.ParseInt: ${reason}`;
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['', '0', 'f', 'F', 'FALSE', 'false', 'False']);

function weakBool(value: Json): Converted {
  if (typeof value === 'boolean') return { value };
  if (value instanceof JsonNumber) return { value: Number(value.literal) !== 0 };
  if (typeof value !== 'string') return { error: unconvertible('bool', value) };
  if (TRUE.has(value)) return { value: true };
  if (FALSE.has(value)) return { value: false };
  return { error: `'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax` };
}

const MAP = 'map[string]interface {}';

function weakMap(value: Json): Converted {
  if (isJsonObject(value)) return { value };
  if (!Array.isArray(value)) return { error: unconvertible(MAP, value) };
  const wrong = value.findIndex((element) => !isJsonObject(element));
  if (wrong !== -1) {
    const error = unconvertible(MAP, value[wrong] ?? null);
    return { error: error.replace("''", `'[${wrong}]'`) };
  }
  return { value: Object.assign(emptyObject(), ...value) as JsonObject };
}

function pairsOf(value: Json): Converted {
  const pairs: Record<string, string> = {};
  if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      const read = weakString(value[key] ?? null);
      if ('error' in read) return { error: read.error };
      pairs[key] = read.value;
    }
    return { value: pairs };
  }
  const list = Array.isArray(value) ? value : [value];
  for (const element of list) {
    const text = typeof element === 'string' ? element : encodeJson(element);
    const equals = text.indexOf('=');
    if (equals < 1) return { error: `invalid key pair "${text}"` };
    pairs[text.slice(0, equals)] = text.slice(equals + 1);
  }
  return { value: pairs };
}

function secondsOf(kind: 'seconds' | 'signedSeconds', value: Json): Converted {
  const read = readDuration(value);
  if ('error' in read) return read;
  const seconds = Math.trunc(read.seconds);
  if (kind === 'seconds' && seconds < 0) {
    return { error: `cannot provide negative value '${seconds}'` };
  }
  return { value: seconds };
}

function intsOf(value: Json): Converted {
  const text = value instanceof JsonNumber ? value.literal : value;
  const list = listOf(text);
  const ints: number[] = [];
  for (const [index, element] of list.entries()) {
    const read = weakInt(element);
    if ('error' in read) return { error: `${DECODING}${at(read.error, index)}` };
    ints.push(read.value);
  }
  return { value: ints };
}

const DECODING = 'decoding failed due to the following error(s):\n\n';

function at(error: string, index: number): string {
  return error.replace("''", `'[${index}]'`);
}

function listOf(value: Json): Json[] {
  if (typeof value === 'string') return value === '' ? [] : value.split(',');
  if (Array.isArray(value)) return value;
  return isJsonObject(value) && Object.keys(value).length === 0 ? [] : [value];
}

function stringsOf(value: Json, splitsCommas: boolean): Converted {
  if (typeof value === 'string') {
    const parts = splitsCommas ? value.split(',') : [value];
    return { value: parts.map((part) => part.trim()).filter((part) => part !== '') };
  }
  const list = Array.isArray(value) ? value : [value];
  const strings: string[] = [];
  for (const [index, element] of list.entries()) {
    const read = weakString(element);
    if ('error' in read) return { error: `${DECODING}${at(read.error, index)}` };
    strings.push(read.value.trim());
  }
  return { value: strings };
}
