// What a setting is: how it may be written in a file (a TypeBox schema), how what was written becomes a value, and what
// the manual says of it. One constructor per kind; `settings.ts` uses them, once per setting. A value comes as `unknown`
// from a file and as text from the environment or a flag; both go through the same `parse`: first the shape, by the
// schema, then the limits.
import { isIP } from 'node:net';
import * as Type from 'typebox/type';
import type { TSchema } from 'typebox/type';
import { parseDurationMs } from './duration.js';
import { hasShape } from './shape.js';
import { suggest } from './suggestion.js';

export type SettingKind =
  | 'duration'
  | 'integer'
  | 'text'
  | 'path'
  | 'secret'
  | 'list'
  | 'boolean'
  | 'choice'
  | 'octal'
  | 'addresses'
  | 'listen address';

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly fix: string };

/** What a row of the settings table says besides its kind. */
export interface SettingFacts {
  /** One sentence for the manual. */
  readonly doc: string;
  /** Other environment names. A `VAULT_…` one implies the `BAO_…` of the same ending. */
  readonly env?: readonly string[];
  /** The manual's words for a default that depends on other settings or on the machine. */
  readonly adaptive?: string;
  /** The manual's words for limits that the kind does not know. */
  readonly limits?: string;
  /** A reload (SIGHUP) cannot apply it. */
  readonly restart?: true;
}

export interface Setting<T> extends SettingFacts {
  readonly kind: SettingKind;
  /** What a settings file may hold here, as JSON Schema. */
  readonly schema: TSchema;
  /** The fixed default as written; absent: adaptive or none. */
  readonly fallback?: string;
  /** The value of `fallback`. */
  readonly defaultValue?: T;
  readonly limits: string;
  /** Checks kind and limits. Neither message nor fix quotes what was written. */
  readonly parse: (raw: unknown) => Parsed<T>;
}

/** A setting with a fixed default always has a value. */
export type Defaulted<T> = Setting<T> & { readonly fallback: string; readonly defaultValue: T };

interface Kind<T> {
  readonly kind: SettingKind;
  readonly schema: TSchema;
  readonly limits: string;
  /** Said of what the schema refuses. */
  readonly misshapen: { readonly message: string; readonly fix: string };
  /** Appended to the fix. */
  readonly hint?: (written: string) => string;
  /** Limits; `written` as text: numbers and booleans too, lists with commas. */
  readonly value: (text: string, written: unknown) => Parsed<T>;
}

function refuse(message: string, fix: string): Parsed<never> {
  return { ok: false, message, fix };
}

function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

type WithDefault = SettingFacts & { readonly fallback: string };

function build<T>(kind: Kind<T>, facts: WithDefault): Defaulted<T>;
function build<T>(kind: Kind<T>, facts: SettingFacts & { readonly fallback?: string }): Setting<T>;
function build<T>(kind: Kind<T>, facts: SettingFacts & { readonly fallback?: string }): Setting<T> {
  const { kind: name, schema, misshapen, hint, value } = kind;
  const parse = (raw: unknown): Parsed<T> =>
    hasShape(schema, raw)
      ? value(textOf(raw), raw)
      : refuse(misshapen.message, misshapen.fix + (hint?.(textOf(raw)) ?? ''));
  const setting = { kind: name, schema, parse, ...facts, limits: facts.limits ?? kind.limits };
  if (facts.fallback === undefined) return setting;
  const parsed = parse(facts.fallback);
  if (!parsed.ok) throw new Error(`a default breaks its own limits: ${facts.doc}`);
  return { ...setting, defaultValue: parsed.value };
}

interface Bounds {
  /** As written in the manual, for instance `1s`. */
  readonly min: string;
  readonly max?: string;
  /** 0 is allowed although it is below `min`, and means something of its own. */
  readonly zero?: string;
}

/** Ten years: a longer duration is a slip of the keys. */
const LONGEST = '3650d';

/** Milliseconds. */
export function duration(facts: WithDefault & { readonly bounds: Bounds }): Defaulted<number>;
export function duration(facts: SettingFacts & { readonly bounds: Bounds }): Setting<number>;
export function duration({
  bounds,
  ...facts
}: SettingFacts & { readonly bounds: Bounds }): Setting<number> {
  const min = durationOf(bounds.min);
  const max = durationOf(bounds.max ?? LONGEST);
  const limits = boundsText(bounds);
  const misshapen = {
    message: 'is not a duration',
    fix: `write a number of seconds or a duration like 250ms, 90s, 5m, 1h or 30d: ${limits}`,
  };
  const value = (text: string): Parsed<number> => {
    const ms = parseDurationMs(text);
    if (ms === null) return { ok: false, ...misshapen };
    if (ms === 0 && bounds.zero !== undefined) return accept(ms);
    if (ms < min) return refuse(`is below its least ${bounds.min}`, misshapen.fix);
    if (ms > max) return refuse(`is above its most ${bounds.max ?? LONGEST}`, misshapen.fix);
    return accept(ms);
  };
  const schema = Type.Union([
    Type.String({ pattern: '^[0-9]{1,15}(ms|s|m|h|d)?$' }),
    Type.Integer({ minimum: 0 }),
  ]);
  return build({ kind: 'duration', schema, limits, misshapen, value }, facts);
}

interface IntegerBounds {
  readonly min: number;
  readonly max: number;
}

export function integer(facts: WithDefault & { readonly bounds: IntegerBounds }): Defaulted<number>;
export function integer(facts: SettingFacts & { readonly bounds: IntegerBounds }): Setting<number>;
export function integer({
  bounds: { min, max },
  ...facts
}: SettingFacts & { readonly bounds: IntegerBounds }): Setting<number> {
  const limits = `${min}–${max}`;
  const misshapen = { message: 'is not a whole number', fix: `write a whole number: ${limits}` };
  const value = (text: string): Parsed<number> => {
    const number = Number(text);
    if (number < min) return refuse(`is below its least ${min}`, misshapen.fix);
    if (number > max) return refuse(`is above its most ${max}`, misshapen.fix);
    return accept(number);
  };
  const schema = Type.Union([
    Type.Integer({ minimum: 0 }),
    Type.String({ pattern: '^[0-9]{1,15}$' }),
  ]);
  return build({ kind: 'integer', schema, limits, misshapen, value }, facts);
}

export function boolean(facts: WithDefault): Defaulted<boolean> {
  const schema = Type.Union([Type.Boolean(), Type.Enum([...yes, ...no])]);
  const misshapen = { message: 'is neither true nor false', fix: 'write true or false' };
  const value = (text: string): Parsed<boolean> => accept(yes.some((one) => one === text));
  return build({ kind: 'boolean', schema, limits: 'true, false', misshapen, value }, facts);
}

const yes = ['true', '1', 'yes', 'on'] as const;
const no = ['false', '0', 'no', 'off'] as const;

export function choice<const T extends string>(
  facts: WithDefault & { readonly of: readonly T[] },
): Defaulted<T>;
export function choice<const T extends string>(
  facts: SettingFacts & { readonly of: readonly T[] },
): Setting<T>;
export function choice<const T extends string>({
  of,
  ...facts
}: SettingFacts & { readonly of: readonly T[] }): Setting<T> {
  const limits = of.join(', ');
  const misshapen = { message: 'is not one of its values', fix: `write one of ${limits}` };
  const hint = (written: string): string => suggest(written, of);
  const value = (text: string): Parsed<T> => accept(text as T);
  const schema = Type.Enum([...of]);
  return build({ kind: 'choice', schema, limits, misshapen, hint, value }, facts);
}

/** Permission bits. A number in a file is refused: YAML and JSON would read 0660 and 660 as decimal. */
export function octal(facts: WithDefault): Defaulted<number> {
  const misshapen = {
    message: 'is not an octal mode in quotes',
    fix: `write three or four octal digits in quotes: "${facts.fallback}"`,
  };
  const value = (text: string): Parsed<number> => accept(Number.parseInt(text, 8));
  const schema = Type.String({ pattern: '^0?[0-7]{3}$' });
  return build({ kind: 'octal', schema, limits: 'octal, in quotes', misshapen, value }, facts);
}

/** Judges a text: what is wrong and the fix, or null. Must not quote the text. */
export type TextRule = (text: string) => { readonly message: string; readonly fix: string } | null;

export interface TextFacts extends SettingFacts {
  readonly rule?: TextRule;
  /** Applied before the rule. */
  readonly normalise?: (text: string) => string;
  /** Default 1. */
  readonly lengthMin?: number;
  /** Default 1,024 characters. */
  readonly lengthMax?: number;
  /** Line breaks and tabs are part of it. */
  readonly multiline?: true;
}

export function text(facts: TextFacts & { readonly fallback: string }): Defaulted<string>;
export function text(facts: TextFacts): Setting<string>;
export function text(facts: TextFacts): Setting<string> {
  return textOfKind('text', facts);
}

/** A path of this machine. */
export function path(facts: TextFacts): Setting<string> {
  return textOfKind('path', { lengthMax: 4_096, ...facts });
}

function textOfKind(kind: 'text' | 'path', all: TextFacts): Setting<string> {
  const { rule, normalise, lengthMin = 1, lengthMax = 1_024, multiline, ...facts } = all;
  const value = (raw: string): Parsed<string> => {
    const normal = normalise === undefined ? raw : normalise(raw);
    const problem =
      lengthProblem(normal, lengthMin, lengthMax) ??
      (multiline ? null : controlProblem(normal)) ??
      rule?.(normal) ??
      null;
    return problem === null ? accept(normal) : refuse(problem.message, problem.fix);
  };
  return build({ kind, schema: Type.String(), limits: '', misshapen: notText, value }, facts);
}

const notText = {
  message: 'is not a text',
  fix: 'put it in quotes, so that it is taken letter by letter',
};

function lengthProblem(value: string, min: number, max: number): ReturnType<TextRule> {
  if (value.length < min) return { message: 'is empty', fix: 'give it a value or leave it out' };
  if (value.length > max) {
    return { message: `is longer than ${max} characters`, fix: 'shorten it' };
  }
  return null;
}

function controlProblem(value: string): ReturnType<TextRule> {
  if (!hasControlCharacter(value)) return null;
  return { message: 'has a control character in it', fix: 'remove line breaks, tabs and the like' };
}

export function hasControlCharacter(value: string): boolean {
  return /\p{Cc}/u.test(value);
}

/** A secret, or by `…_file` the file it is in. What it may be is checked where it is read. */
export function secret(facts: SettingFacts): Setting<string> & { readonly kind: 'secret' } {
  const schema = Type.String();
  const kind = 'secret';
  return { ...build({ kind, schema, limits: '', misshapen: notText, value: accept }, facts), kind };
}

/** A list, or one text with commas between. Items are trimmed, empty ones dropped, doubled ones kept once. */
export function list<T extends string = string>(
  facts: WithDefault & Listed<T>,
): Defaulted<readonly T[]>;
export function list<T extends string = string>(
  facts: SettingFacts & Listed<T>,
): Setting<readonly T[]>;
export function list<T extends string>(facts: SettingFacts & Listed<T>): Setting<readonly T[]> {
  const { item, ...rest } = facts;
  const misshapen = {
    message: 'is not a list of texts',
    fix: `write a list of texts, at most ${ITEMS_MAX}, or one text with commas`,
  };
  const value = (text: string): Parsed<readonly T[]> => {
    const values = new Set<T>();
    for (const one of text.split(',')) {
      if (one.trim() === '') continue;
      const parsed = item(one.trim());
      if (!parsed.ok) return parsed;
      values.add(parsed.value);
    }
    return values.size > ITEMS_MAX ? { ok: false, ...misshapen } : accept([...values]);
  };
  return build({ kind: 'list', schema: textOrTexts, limits: '', misshapen, value }, rest);
}

interface Listed<T> {
  /** Judges one item. */
  readonly item: (text: string) => Parsed<T>;
}

const ITEMS_MAX = 256;

const textOrTexts = Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: ITEMS_MAX })]);

/** Program and arguments, each kept as written. */
export function argv(facts: SettingFacts): Setting<readonly string[]> {
  const misshapen = {
    message: 'is not a list of texts',
    fix: 'write a list: the program, then its arguments, each in quotes',
  };
  const value = (_: string, written: unknown): Parsed<readonly string[]> => {
    const words = written as readonly string[];
    const isWhole = words[0] !== '' && !words.some((word) => word.includes('\0'));
    return isWhole ? accept([...words]) : { ok: false, ...misshapen };
  };
  const schema = Type.Array(Type.String(), { minItems: 1, maxItems: ITEMS_MAX });
  return build({ kind: 'list', schema, limits: '', misshapen, value }, facts);
}

/** One of a closed list, as an item of `list`. */
export function oneOf<T extends string>(values: readonly T[]): (text: string) => Parsed<T> {
  return (text) => {
    const value = values.find((one) => one === text);
    if (value !== undefined) return accept(value);
    return refuse(
      'has an item that is not one of its values',
      `write only ${values.join(', ')}${suggest(text, values)}`,
    );
  };
}

/** Addresses of servers, as URLs. */
export function addresses(
  facts: SettingFacts & { readonly item: (text: string) => Parsed<string> },
): Setting<readonly string[]> {
  const listed = list(facts);
  const parse = (raw: unknown): Parsed<readonly string[]> => {
    const parsed = listed.parse(raw);
    return parsed.ok && parsed.value.length === 0
      ? refuse('is empty', 'give an address or leave it out')
      : parsed;
  };
  return { ...listed, kind: 'addresses', parse };
}

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port` to listen on; an IPv6 address in brackets; port 0 lets the system choose. */
export function listenAddress(facts: WithDefault): Defaulted<HostAndPort>;
export function listenAddress(facts: SettingFacts): Setting<HostAndPort>;
export function listenAddress(facts: SettingFacts): Setting<HostAndPort> {
  return build(
    {
      kind: 'listen address',
      schema: Type.String(),
      limits: 'host:port',
      misshapen: notHostAndPort,
      value: parseHostAndPort,
    },
    facts,
  );
}

const notHostAndPort = {
  message: 'is not host:port',
  fix: 'write for instance 127.0.0.1:8210 or "[::1]:8210"; for every interface 0.0.0.0:8210 or "[::]:8210"',
};

function parseHostAndPort(text: string): Parsed<HostAndPort> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/\s@]+)):([0-9]{1,5})$/.exec(text);
  const [, v6, name, digits] = match ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (v6 !== undefined && isIP(v6) !== 6)) {
    return { ok: false, ...notHostAndPort };
  }
  return accept({ host: host.toLowerCase(), port });
}

function textOf(raw: unknown): string {
  return Array.isArray(raw) ? raw.join(',') : String(raw);
}

function durationOf(written: string): number {
  const ms = parseDurationMs(written);
  if (ms === null) throw new Error('a limit is no duration');
  return ms;
}

function boundsText({ min, max, zero }: Bounds): string {
  const range = max === undefined ? `≥ ${min}` : `${min}–${max}`;
  return zero === undefined ? range : `0 (${zero}) or ${range}`;
}
