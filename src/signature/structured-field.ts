// Structured fields (RFC 9651, which replaces RFC 8941): text in, typed values out, one pass, no exceptions.
// Owns the grammar alone. Stricter than the RFC in one point: a key that occurs twice in a dictionary or among the
// parameters of one item is refused, where the RFC lets the last one win; under a signature two readings of one
// field are one too many. Failure is `undefined`: what a stranger sends must not cost a stack trace.

/** A number with a fraction; kept apart from integers because `1.0` and `1` are different field text. */
export interface Decimal {
  readonly type: 'decimal';
  readonly value: number;
}
export interface Token {
  readonly type: 'token';
  readonly value: string;
}
export interface Bytes {
  readonly type: 'bytes';
  readonly value: Uint8Array;
}
/** Seconds since the Unix epoch. */
export interface DateItem {
  readonly type: 'date';
  readonly value: number;
}
/** A Unicode string, carried as percent-encoded UTF-8. */
export interface DisplayString {
  readonly type: 'display';
  readonly value: string;
}
/** Integers are numbers, strings are strings, booleans are booleans. */
export type BareItem =
  number | string | boolean | Decimal | Token | Bytes | DateItem | DisplayString;

export type Parameters = ReadonlyMap<string, BareItem>;

export interface Item {
  readonly kind: 'item';
  readonly value: BareItem;
  readonly parameters: Parameters;
}
export interface InnerList {
  readonly kind: 'inner-list';
  readonly items: readonly Item[];
  readonly parameters: Parameters;
  /** The text as received where it already was the strict serialisation (RFC 9651 §4.1), else undefined. */
  readonly text: string | undefined;
}
export type Member = Item | InnerList;
export type Dictionary = ReadonlyMap<string, Member>;

/** Parses a dictionary field, its lines already joined by `, `. The empty field is the empty dictionary. */
export function parseDictionary(field: string): Dictionary | undefined {
  return new Scanner(field).dictionary();
}

/** Parses a list field, its lines already joined by `, `. */
export function parseList(field: string): readonly Member[] | undefined {
  return new Scanner(field).list();
}

/** Parses an item field. */
export function parseItem(field: string): Item | undefined {
  return new Scanner(field).wholeItem();
}

const NO_PARAMETERS: Parameters = new Map();
const INTEGER_DIGITS_MAX = 15;
const DECIMAL_DIGITS_MAX = 12;
const FRACTION_DIGITS_MAX = 3;

const SP = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const PERCENT = 0x25;
const OPEN = 0x28;
const CLOSE = 0x29;
const STAR = 0x2a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUESTION = 0x3f;
const AT = 0x40;
const BACKSLASH = 0x5c;

/**
 * Inner lists in their strict text, without their parameters. The same text up to its first `)` is always the same list:
 * one with that sign in a string is kept under a text that ends behind it, and never found.
 */
const usualLists = new Map<string, readonly Item[]>();
const USUAL_LISTS_MAX = 64;
const USUAL_CHARS_MAX = 256;

/** A stranger who fills it up costs others what they would have cost without it. */
function rememberList(text: string, items: readonly Item[]): void {
  if (text.length > USUAL_CHARS_MAX) return;
  if (usualLists.size >= USUAL_LISTS_MAX) usualLists.clear();
  // copied: a part of a text keeps the whole of it
  usualLists.set(Buffer.from(text, 'latin1').toString('latin1'), items);
}

const KEY = 1;
const KEY_START = 2;
const TOKEN = 4;
const TOKEN_START = 8;
const classes = characterClasses();

class Scanner {
  readonly #text: string;
  #at = 0;
  /** False as soon as the text read so far is not what strict serialisation would give. */
  #strict = true;

  constructor(text: string) {
    this.#text = text;
  }

  dictionary(): Dictionary | undefined {
    const members = new Map<string, Member>();
    this.#skipSpaces();
    while (!this.#atEnd()) {
      const key = this.#key();
      if (key === undefined || members.has(key)) return undefined;
      const member = this.#take(EQUALS) ? this.#member() : this.#bareTrue();
      if (member === undefined) return undefined;
      members.set(key, member);
      if (!this.#separator()) return undefined;
    }
    return members;
  }

  list(): Member[] | undefined {
    const members: Member[] = [];
    this.#skipSpaces();
    while (!this.#atEnd()) {
      const member = this.#member();
      if (member === undefined) return undefined;
      members.push(member);
      if (!this.#separator()) return undefined;
    }
    return members;
  }

  wholeItem(): Item | undefined {
    this.#skipSpaces();
    const item = this.#item();
    this.#skipSpaces();
    return this.#atEnd() ? item : undefined;
  }

  #member(): Member | undefined {
    return this.#peek() === OPEN ? this.#innerList() : this.#item();
  }

  #bareTrue(): Item | undefined {
    const parameters = this.#parameters();
    return parameters && { kind: 'item', value: true, parameters };
  }

  /** The comma between members with its white space; false at a trailing comma or anything else. */
  #separator(): boolean {
    this.#skipOws();
    if (this.#atEnd()) return true;
    if (!this.#take(COMMA)) return false;
    this.#skipOws();
    return !this.#atEnd();
  }

  #innerList(): InnerList | undefined {
    const start = this.#at;
    const items = this.#usualItems() ?? this.#innerItems();
    if (items === undefined) return undefined;
    const parameters = this.#parameters();
    if (parameters === undefined) return undefined;
    const text = this.#strict ? this.#text.slice(start, this.#at) : undefined;
    return { kind: 'inner-list', items, parameters, text };
  }

  /** What stands in the parentheses here, where it was met before: callers cover the same from request to request. */
  #usualItems(): readonly Item[] | undefined {
    const end = this.#text.indexOf(')', this.#at);
    if (end < 0 || end - this.#at > USUAL_CHARS_MAX) return undefined;
    const items = usualLists.get(this.#text.slice(this.#at, end + 1));
    if (items === undefined) return undefined;
    this.#strict = true;
    this.#at = end + 1;
    return items;
  }

  #innerItems(): readonly Item[] | undefined {
    const start = this.#at;
    this.#strict = true;
    this.#at += 1;
    const items: Item[] = [];
    for (;;) {
      const spaces = this.#skipSpaces();
      if (this.#take(CLOSE)) {
        if (spaces > 0) this.#strict = false;
        break;
      }
      if (spaces !== (items.length === 0 ? 0 : 1)) this.#strict = false;
      const item = this.#item();
      if (item === undefined) return undefined;
      items.push(item);
      const next = this.#peek();
      if (next !== SP && next !== CLOSE) return undefined;
    }
    if (this.#strict) rememberList(this.#text.slice(start, this.#at), items);
    return items;
  }

  #item(): Item | undefined {
    const value = this.#bareItem();
    if (value === undefined) return undefined;
    const parameters = this.#parameters();
    return parameters && { kind: 'item', value, parameters };
  }

  #parameters(): Parameters | undefined {
    if (this.#peek() !== SEMICOLON) return NO_PARAMETERS;
    const parameters = new Map<string, BareItem>();
    while (this.#take(SEMICOLON)) {
      if (this.#skipSpaces() > 0) this.#strict = false;
      const key = this.#key();
      if (key === undefined || parameters.has(key)) return undefined;
      let value: BareItem | undefined = true;
      if (this.#take(EQUALS)) {
        value = this.#bareItem();
        if (value === undefined) return undefined;
        if (value === true) this.#strict = false;
      }
      parameters.set(key, value);
    }
    return parameters;
  }

  #key(): string | undefined {
    return this.#word(KEY_START, KEY);
  }

  #word(startClass: number, restClass: number): string | undefined {
    const start = this.#at;
    if (!hasClass(this.#peek(), startClass)) return undefined;
    do this.#at += 1;
    while (hasClass(this.#peek(), restClass));
    return this.#text.slice(start, this.#at);
  }

  #bareItem(): BareItem | undefined {
    const code = this.#peek();
    switch (code) {
      case QUOTE:
        return this.#string();
      case COLON:
        return this.#bytes();
      case QUESTION:
        return this.#boolean();
      case AT:
        return this.#date();
      case PERCENT:
        return this.#displayString();
      default:
        return hasClass(code, TOKEN_START) ? this.#token() : this.#number();
    }
  }

  #token(): Token | undefined {
    const value = this.#word(TOKEN_START, TOKEN);
    return value === undefined ? undefined : { type: 'token', value };
  }

  #string(): string | undefined {
    const text = this.#text;
    const start = this.#at + 1;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return text.slice(start, at);
      }
      if (code === BACKSLASH) return this.#escapedString(start, at);
      if (code < SP || code > 0x7e) return undefined;
    }
    return undefined;
  }

  /** The rest of a string that has a backslash at `escapeAt`. */
  #escapedString(start: number, escapeAt: number): string | undefined {
    const text = this.#text;
    let value = text.slice(start, escapeAt);
    for (let at = escapeAt; at < text.length; at += 1) {
      let code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return value;
      }
      if (code === BACKSLASH) {
        at += 1;
        code = text.charCodeAt(at);
        if (code !== QUOTE && code !== BACKSLASH) return undefined;
      } else if (code < SP || code > 0x7e) return undefined;
      value += String.fromCharCode(code);
    }
    return undefined;
  }

  /**
   * Base64 as §4.2.7 asks of a parser: missing padding and non-zero pad bits are forgiven, everything else is not.
   */
  #bytes(): Bytes | undefined {
    const start = this.#at + 1;
    const end = this.#text.indexOf(':', start);
    if (end < 0) return undefined;
    const base64 = this.#text.slice(start, end);
    const value = decodeBase64(base64);
    if (value === undefined) return undefined;
    this.#strict = false;
    this.#at = end + 1;
    return { type: 'bytes', value };
  }

  #boolean(): boolean | undefined {
    const code = this.#text.charCodeAt(this.#at + 1);
    this.#at += 2;
    if (code === ZERO + 1) return true;
    return code === ZERO ? false : undefined;
  }

  #date(): DateItem | undefined {
    this.#at += 1;
    const value = this.#number();
    return typeof value === 'number' ? { type: 'date', value } : undefined;
  }

  #number(): number | Decimal | undefined {
    const start = this.#at;
    const negative = this.#take(MINUS);
    const digitsAt = this.#at;
    const digits = this.#skipDigits();
    if (digits === 0) return undefined;
    if (this.#peek() === DOT) return this.#decimal(start, digits);
    if (digits > INTEGER_DIGITS_MAX) return undefined;
    const value = Number(this.#text.slice(start, this.#at));
    const leadingZero = digits > 1 && this.#text.charCodeAt(digitsAt) === ZERO;
    if (leadingZero || (negative && value === 0)) this.#strict = false;
    return value === 0 ? 0 : value;
  }

  #decimal(start: number, integerDigits: number): Decimal | undefined {
    this.#at += 1;
    const fractionDigits = this.#skipDigits();
    if (integerDigits > DECIMAL_DIGITS_MAX) return undefined;
    if (fractionDigits === 0 || fractionDigits > FRACTION_DIGITS_MAX) return undefined;
    // Rare under a signature: leave the strict text to the serialiser.
    this.#strict = false;
    return { type: 'decimal', value: Number(this.#text.slice(start, this.#at)) };
  }

  #displayString(): DisplayString | undefined {
    const text = this.#text;
    if (text.charCodeAt(this.#at + 1) !== QUOTE) return undefined;
    const bytes: number[] = [];
    for (let at = this.#at + 2; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code < SP || code > 0x7e) return undefined;
      if (code === QUOTE) {
        this.#at = at + 1;
        const value = decodeUtf8(bytes);
        this.#strict = false;
        return value === undefined ? undefined : { type: 'display', value };
      }
      if (code !== PERCENT) {
        bytes.push(code);
        continue;
      }
      const hex = text.slice(at + 1, at + 3);
      if (!/^[0-9a-f]{2}$/.test(hex)) return undefined;
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    }
    return undefined;
  }

  #skipDigits(): number {
    const start = this.#at;
    for (;;) {
      const code = this.#peek();
      if (!(code >= ZERO && code <= ZERO + 9)) return this.#at - start;
      this.#at += 1;
    }
  }

  #skipSpaces(): number {
    const start = this.#at;
    while (this.#peek() === SP) this.#at += 1;
    return this.#at - start;
  }

  #skipOws(): void {
    for (;;) {
      const code = this.#peek();
      if (code !== SP && code !== TAB) return;
      this.#at += 1;
    }
  }

  #take(code: number): boolean {
    if (this.#peek() !== code) return false;
    this.#at += 1;
    return true;
  }

  /** The next character code; -1 at the end, which equals nothing and is in no class. */
  #peek(): number {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at) : -1;
  }

  #atEnd(): boolean {
    return this.#at >= this.#text.length;
  }
}

function hasClass(code: number, wanted: number): boolean {
  return code >= 0 && code < classes.length && ((classes[code] ?? 0) & wanted) !== 0;
}

function characterClasses(): Uint8Array {
  const table = new Uint8Array(128);
  const mark = (characters: string, bits: number): void => {
    for (const character of characters) {
      const code = character.charCodeAt(0);
      table[code] = (table[code] ?? 0) | bits;
    }
  };
  const lower = 'abcdefghijklmnopqrstuvwxyz';
  mark(lower, KEY | KEY_START | TOKEN | TOKEN_START);
  mark(lower.toUpperCase(), TOKEN | TOKEN_START);
  mark('0123456789', KEY | TOKEN);
  mark('_-.', KEY | TOKEN);
  mark(String.fromCharCode(STAR), KEY | KEY_START | TOKEN | TOKEN_START);
  mark(":/!#$%&'+^`|~", TOKEN);
  return table;
}

const base64Text = /^[A-Za-z0-9+/]*={0,2}$/;

function decodeBase64(text: string): Buffer | undefined {
  if (!base64Text.test(text)) return undefined;
  const padded = text.endsWith('=');
  if (padded ? text.length % 4 !== 0 : text.length % 4 === 1) return undefined;
  return Buffer.from(text, 'base64');
}

function decodeUtf8(bytes: readonly number[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(bytes),
    );
  } catch {
    return undefined;
  }
}
