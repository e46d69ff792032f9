// JSON as a Go server reads and writes it: numbers keep the digits they were written with, keys come out sorted,
// `<`, `>` and `&` are escaped, lone surrogates become U+FFFD, and only the first value counts.
// Refuses nesting deeper than `DEPTH_MAX`. (RFC 8259; Go's encoding/json with `UseNumber`.)

/** A number as it was written: 1.0 stays 1.0 and twenty digits stay twenty digits. */
export class JsonNumber {
  readonly literal: string;
  constructor(literal: string) {
    this.literal = literal;
  }
}

/** Text that is JSON already and goes out as it is. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export interface JsonObject {
  [key: string]: Json;
}
export type Json = null | boolean | number | string | JsonNumber | RawJson | Json[] | JsonObject;

export const DEPTH_MAX = 512;

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof JsonNumber) &&
    !(value instanceof RawJson)
  );
}

/** An object without a prototype, so that `__proto__` and `constructor` are keys like any other. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** A plain JavaScript value (what `JSON.stringify` accepts) as `Json`. Throws where `JSON.stringify` does. */
export function toJson(value: unknown): Json {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? null : (decodeJson(text) ?? null);
}

/**
 * The first JSON value of the text; undefined when there is none (only white space). What follows must be JSON too, or
 * the beginning of it. Throws `SyntaxError`.
 */
export function decodeJson(text: string): Json | undefined {
  const reader = new Reader(text);
  reader.skipSpace();
  if (reader.atEnd) return undefined;
  const first = reader.value(0);
  skipRest(reader);
  return first;
}

function skipRest(reader: Reader): void {
  try {
    reader.skipSpace();
    while (!reader.atEnd) {
      reader.value(0);
      reader.skipSpace();
    }
  } catch (error) {
    if (!reader.atEnd) throw error;
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  value(depth: number): Json {
    if (depth > DEPTH_MAX) throw new SyntaxError('nested too deeply');
    this.skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #number(): JsonNumber {
    const literal = this.#match(NUMBER) || this.#fail();
    if (!Number.isFinite(Number(literal))) this.#fail();
    return new JsonNumber(literal);
  }

  #object(depth: number): JsonObject {
    const object = emptyObject();
    this.#at += 1;
    this.skipSpace();
    if (this.#take('}')) return object;
    do {
      this.skipSpace();
      if (this.#text[this.#at] !== '"') this.#fail();
      const key = this.#string();
      this.skipSpace();
      if (!this.#take(':')) this.#fail();
      object[key] = this.value(depth + 1);
      this.skipSpace();
    } while (this.#take(','));
    if (!this.#take('}')) this.#fail();
    return object;
  }

  #array(depth: number): Json[] {
    const array: Json[] = [];
    this.#at += 1;
    this.skipSpace();
    if (this.#take(']')) return array;
    do {
      array.push(this.value(depth + 1));
      this.skipSpace();
    } while (this.#take(','));
    if (!this.#take(']')) this.#fail();
    return array;
  }

  #string(): string {
    let out = '';
    this.#at += 1;
    for (;;) {
      out += this.#match(PLAIN);
      if (this.#take('"')) return out.replace(LONE_SURROGATE, '\ufffd');
      if (!this.#take('\\')) this.#fail();
      out += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? this.#fail();
    this.#at += 1;
    if (letter !== 'u') return ESCAPES[letter] ?? this.#fail();
    const hex = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail();
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail();
    this.#at += word.length;
    return value;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #fail(): never {
    throw new SyntaxError(`unexpected character at ${this.#at}`);
  }
}

const ESCAPED = /[\u0000-\u001f"\\<>&\u2028\u2029]/;
const ESCAPED_BEYOND_JSON = /[<>&\u2028\u2029]/g;

/** A JSON string as Go's encoder writes it. */
export function encodeString(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    ESCAPED_BEYOND_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** JSON text, keys sorted, without a line end. */
export function encodeJson(value: Json): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof JsonNumber) return value.literal;
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(',')}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${encodeString(key)}:${encodeJson(value[key] ?? null)}`).join(',')}}`;
}

/** JSON text with the keys in the order given: what Go writes for a struct. */
export function encodeInOrder(fields: JsonObject): RawJson {
  const members = Object.entries(fields).map(
    ([key, value]) => `${encodeString(key)}:${encodeJson(value)}`,
  );
  return new RawJson(`{${members.join(',')}}`);
}
