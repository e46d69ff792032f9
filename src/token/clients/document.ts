// What an operator writes about named clients: a field for each, holding an object or the JSON text of one. `unknown`
// in; out comes each client typed, or refused by itself with a named problem. Neither a problem nor anything else here
// ever quotes what was written: a key may stand in the wrong place (docs/api.md, named clients).
import { AgentToken } from '../agent-token.js';
import { STRONG_TOKEN_BYTES, tokenTextProblem } from '../document.js';

/** More clients in one secret than this are refused, all of them. */
export const CLIENTS_MAX = 1000;
const TOKENS_MAX = 256;
const REQUESTS_PER_MINUTE_MAX = 60_000;

export interface ClientEntry {
  readonly key: AgentToken;
  readonly scopes: readonly string[];
  /** The tokens it may do that with. */
  readonly tokens: readonly string[];
  /** null: what the settings allow everybody. */
  readonly requestsPerMinute: number | null;
}

export type ParsedEntry =
  | { readonly ok: true; readonly entry: ClientEntry }
  | { readonly ok: false; readonly problem: string };

export type ParsedClients =
  | {
      readonly ok: true;
      /** By id. */
      readonly entries: ReadonlyMap<string, ParsedEntry>;
      /** How many fields have a name that is no id: names are not repeated either. */
      readonly misnamed: number;
    }
  | { readonly ok: false; readonly problem: string };

/** `scopes`: the closed list. Never throws. */
export function parseClients(
  fields: Readonly<Record<string, unknown>>,
  scopes: readonly string[],
): ParsedClients {
  const all = Object.entries(fields);
  if (all.length > CLIENTS_MAX) {
    return { ok: false, problem: `the secret has more than ${CLIENTS_MAX} clients` };
  }
  const named = all.filter(([id]) => isClientName(id));
  return {
    ok: true,
    entries: new Map(named.map(([id, written]) => [id, parseEntry(written, scopes)])),
    misnamed: all.length - named.length,
  };
}

/** The same in everything that was written. */
export function isSameEntry(a: ClientEntry, b: ClientEntry): boolean {
  const isSameList = (one: readonly string[], other: readonly string[]): boolean =>
    one.length === other.length && one.every((item, at) => item === other[at]);
  return (
    a.requestsPerMinute === b.requestsPerMinute &&
    isSameList(a.scopes, b.scopes) &&
    isSameList(a.tokens, b.tokens) &&
    a.key.equals(b.key)
  );
}

/** What is unwise, though it is obeyed. */
export function clientWarnings(entries: ReadonlyMap<string, ParsedEntry>): string[] {
  const good = [...entries].flatMap(([id, parsed]) => (parsed.ok ? [{ id, ...parsed.entry }] : []));
  const weak = good.filter(({ key }) => key.bytes < STRONG_TOKEN_BYTES);
  return weak.map(
    ({ id, key }) =>
      `the key of client ${id} is weak: ${key.bytes} bytes, ${STRONG_TOKEN_BYTES} are advised (openssl rand -base64 32)`,
  );
}

function isClientName(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text);
}

const members = ['key', 'scopes', 'tokens', 'requests_per_minute'];

function parseEntry(written: unknown, scopes: readonly string[]): ParsedEntry {
  const entry = typeof written === 'string' ? parseText(written) : written;
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return refuse('it is neither an object nor the JSON text of one');
  }
  const given = new Map<string, unknown>(Object.entries(entry));
  if ([...given.keys()].some((name) => !members.includes(name))) {
    return refuse(`it has a member other than ${members.join(', ')}`);
  }
  const key = given.get('key');
  if (typeof key !== 'string') return refuse('"key" is not a string');
  const problem =
    tokenTextProblem(key, '"key"') ??
    listProblem(given.get('scopes'), 'scopes', scopes.length, (one) => scopes.includes(one)) ??
    listProblem(given.get('tokens'), 'tokens', TOKENS_MAX, isClientName) ??
    rateProblem(given.get('requests_per_minute'));
  if (problem !== null) return refuse(problem);
  return {
    ok: true,
    entry: {
      key: AgentToken.fromText(key),
      scopes: given.get('scopes') as readonly string[],
      tokens: given.get('tokens') as readonly string[],
      requestsPerMinute: (given.get('requests_per_minute') as number | undefined) ?? null,
    },
  };
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function listProblem(
  written: unknown,
  name: string,
  itemsMax: number,
  isItem: (one: string) => boolean,
): string | null {
  if (!Array.isArray(written)) return `"${name}" is not a list`;
  const items: readonly unknown[] = written;
  if (items.length > itemsMax) return `"${name}" has more than ${itemsMax} items`;
  const isGood = items.every((one) => typeof one === 'string' && isItem(one));
  return isGood ? null : `"${name}" has an item that is none of the allowed ones`;
}

function rateProblem(written: unknown): string | null {
  if (written === undefined) return null;
  const isGood =
    typeof written === 'number' &&
    Number.isInteger(written) &&
    written >= 1 &&
    written <= REQUESTS_PER_MINUTE_MAX;
  return isGood
    ? null
    : `"requests_per_minute" is not a whole number from 1 to ${REQUESTS_PER_MINUTE_MAX}`;
}

function refuse(problem: string): ParsedEntry {
  return { ok: false, problem };
}
