// The part of HCL that Vault policies are written in: `path "x" { key = value }`, attributes with strings, numbers,
// booleans, lists and objects, heredocs not, comments of all three kinds. A JSON policy is read by the same door.
// Refuses everything else, naming the line. https://developer.hashicorp.com/vault/docs/concepts/policies
import { decodeJson, isJsonObject, JsonNumber, type Json, type JsonObject } from '../json-text.js';
import { emptyObject } from '../json-text.js';

/** A block with a label, or (without one) a top-level attribute. */
export interface HclItem {
  readonly key: string;
  readonly label: string | undefined;
  readonly value: Json;
}

export class HclError extends Error {}

/** The top-level items of a policy, in order. Throws `HclError`. */
export function parseHcl(text: string): HclItem[] {
  return text.trimStart().startsWith('{') ? jsonItems(text) : new HclReader(text).items();
}

function jsonItems(text: string): HclItem[] {
  const root = parseJsonRoot(text);
  return Object.keys(root).flatMap((key) => blocksOf(key, root[key] ?? null));
}

function parseJsonRoot(text: string): JsonObject {
  try {
    const root = decodeJson(text);
    if (isJsonObject(root)) return root;
  } catch (error) {
    throw new HclError(`error parsing: ${(error as Error).message}`);
  }
  throw new HclError('error parsing: not an object');
}

/** `"path": {"a": {…}}` and `"path": [{"a": {…}}]` are blocks with labels. */
function blocksOf(key: string, value: Json): HclItem[] {
  if (Array.isArray(value)) return value.flatMap((element) => blocksOf(key, element));
  if (!isJsonObject(value)) return [{ key, label: undefined, value }];
  return Object.keys(value).map((label) => ({ key, label, value: value[label] ?? null }));
}

const SPACE = /(?:\s|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_.-]*/y;
const NUMBER = /-?[0-9]+(?:\.[0-9]+)?/y;
const STRING = /"((?:[^"\\\n]|\\.)*)"/y;

class HclReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  items(): HclItem[] {
    const items: HclItem[] = [];
    for (;;) {
      this.#match(SPACE);
      if (this.#at >= this.#text.length) return items;
      items.push(this.#item());
    }
  }

  #item(): HclItem {
    const key = this.#key();
    this.#match(SPACE);
    if (this.#take('=')) return { key, label: undefined, value: this.#value() };
    if (this.#peek() === '{') return { key, label: undefined, value: this.#object() };
    const label = this.#key();
    this.#match(SPACE);
    return { key, label, value: this.#object() };
  }

  #key(): string {
    if (this.#peek() === '"') return this.#string();
    const word = this.#match(WORD);
    if (word === '') this.#fail('expected a key');
    return word;
  }

  #value(): Json {
    this.#match(SPACE);
    const next = this.#peek();
    if (next === '"') return this.#string();
    if (next === '[') return this.#list();
    if (next === '{') return this.#object();
    const word = this.#match(WORD);
    if (word === 'true' || word === 'false') return word === 'true';
    const number = word === '' ? this.#match(NUMBER) : '';
    if (number === '') this.#fail('expected a value');
    return new JsonNumber(number);
  }

  #list(): Json[] {
    const list: Json[] = [];
    this.#at += 1;
    for (;;) {
      this.#match(SPACE);
      if (this.#take(']')) return list;
      list.push(this.#value());
      this.#match(SPACE);
      if (!this.#take(',') && this.#peek() !== ']') this.#fail('expected a comma or ]');
    }
  }

  #object(): JsonObject {
    const object = emptyObject();
    if (!this.#take('{')) this.#fail('expected {');
    for (;;) {
      this.#match(SPACE);
      if (this.#take('}')) return object;
      const key = this.#key();
      this.#match(SPACE);
      if (!this.#take('=') && !this.#take(':') && this.#peek() !== '{') this.#fail('expected =');
      object[key] = this.#value();
      this.#match(SPACE);
      this.#take(',');
    }
  }

  #string(): string {
    const quoted = this.#match(STRING);
    if (quoted === '') this.#fail('string not terminated');
    return quoted
      .slice(1, -1)
      .replace(/\\(.)/g, (_, letter: string) => UNESCAPED[letter] ?? letter);
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #fail(reason: string): never {
    const lines = this.#text.slice(0, this.#at).split('\n');
    throw new HclError(
      `error parsing: At ${lines.length}:${(lines.at(-1) ?? '').length + 1}: ${reason}`,
    );
  }
}

const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
