// Header and trailer fields in whatever shape the caller's HTTP library has them, read as RFC 9421 §2.1 reads them:
// by lower-case name, lines in order, outer white space stripped, obsolete folds one space, lines joined by `, `.
// Looks nothing up by case and drops no duplicate line, as parsed header objects of HTTP libraries do.

/**
 * Fields of a message: a record (`IncomingMessage.headersDistinct`; plain `headers` lose duplicate lines), raw
 * pairs, the flat list of `IncomingMessage.rawHeaders`, or anything that iterates over pairs, such as `Headers`.
 */
export type FieldsInput =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | Iterable<readonly [string, string]>
  | readonly string[];

/** Field lines by lower-case name. */
export class Fields {
  #lines = new Map<string, string | string[]>();

  constructor(input: FieldsInput | undefined) {
    if (input === undefined) return;
    if (isRawList(input)) {
      for (let at = 0; at + 1 < input.length; at += 2)
        this.#add(input[at] ?? '', input[at + 1] ?? '');
    } else if (isIterable(input)) this.#addIterable(input);
    else this.#addRecord(input);
  }

  /** These fields and one more line. */
  plus(name: string, line: string): Fields {
    const fields = new Fields(undefined);
    fields.#lines = new Map(this.#lines);
    const before = this.#lines.get(name.toLowerCase());
    // these fields keep theirs as it is
    if (Array.isArray(before)) fields.#lines.set(name.toLowerCase(), [...before]);
    fields.#add(name, line);
    return fields;
  }

  has(name: string): boolean {
    return this.#lines.has(name);
  }

  /** Lines in the order of the message, canonical; empty when the field is absent. */
  lines(name: string): readonly string[] {
    const lines = this.#lines.get(name);
    if (lines === undefined) return [];
    return typeof lines === 'string' ? [canonicalLine(lines)] : lines.map(canonicalLine);
  }

  /** The combined value (RFC 9110 §5.2), undefined when the field is absent. */
  value(name: string): string | undefined {
    const lines = this.#lines.get(name);
    if (lines === undefined) return undefined;
    return typeof lines === 'string' ? canonicalLine(lines) : lines.map(canonicalLine).join(', ');
  }

  #addIterable(input: Iterable<readonly [string, string] | string>): void {
    let pendingName: string | undefined;
    for (const entry of input) {
      if (typeof entry !== 'string') this.#add(entry[0], entry[1]);
      else if (pendingName === undefined) pendingName = entry;
      else {
        this.#add(pendingName, entry);
        pendingName = undefined;
      }
    }
  }

  #addRecord(input: Readonly<Record<string, string | readonly string[] | undefined>>): void {
    for (const name of Object.keys(input)) {
      const value = input[name];
      if (typeof value === 'string') this.#add(name, value);
      else if (value !== undefined) for (const line of value) this.#add(name, line);
    }
  }

  #add(rawName: string, line: string): void {
    const name = rawName.toLowerCase();
    const before = this.#lines.get(name);
    if (before === undefined) this.#lines.set(name, line);
    else if (typeof before === 'string') this.#lines.set(name, [before, line]);
    else before.push(line);
  }
}

/** What a field component may hold in a signature base (RFC 9421 §2.5): ASCII, no control character but HTAB. */
export function isFieldContent(value: string): boolean {
  return fieldContent.test(value);
}

const fieldContent = /^[\t\x20-\x7e]*$/;
// Not with the white space before it: looking for that from every space takes quadratic time.
const obsoleteFold = /\r\n(?=[ \t])/;
const SP = 0x20;
const TAB = 0x09;

function canonicalLine(line: string): string {
  if (!line.includes('\r')) return withoutOuterSpace(line);
  return withoutOuterSpace(line.split(obsoleteFold).map(withoutOuterSpace).join(' '));
}

function withoutOuterSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start += 1;
  while (end > start && isOws(text.charCodeAt(end - 1))) end -= 1;
  return end - start === text.length ? text : text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === SP || code === TAB;
}

function isRawList(input: FieldsInput): input is readonly string[] {
  return Array.isArray(input) && typeof input[0] === 'string';
}

function isIterable(
  input: FieldsInput,
): input is Iterable<readonly [string, string]> | readonly string[] {
  return Symbol.iterator in input;
}
