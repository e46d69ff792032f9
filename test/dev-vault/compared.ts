// Answers of a real OpenBao 2.5.5 to a few hundred odd requests, beyond the transcripts: compared-answers.json. What a
// server makes up (ids, times, tokens) is replaced by its kind before comparing; keys are compared without their order.
import { readFileSync } from 'node:fs';
import { exchange } from './http-exchange.js';

export interface Compared {
  readonly method: string;
  readonly target: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Status, content type, location and body of the real server. */
  readonly answer: string;
}

export const COMPARED = JSON.parse(
  readFileSync(new URL('compared-answers.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly Compared[]>>;

const MADE_UP: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID'],
  [/(?!0001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME'],
  [/\b(kv|cubbyhole|auth_[a-z]+|identity|system)_[0-9a-f]{8}/g, '$1_X'],
  [/"(s|b)\.[A-Za-z0-9_.-]{20,}"/g, '"$1.TOK"'],
  [/"[A-Za-z0-9]{24}"/g, '"ACC"'],
  [/"server_time_utc":\d+/g, ''],
  [/"creation_time":\d+/g, ''],
  [/"(?:cluster_name|cluster_id)":"[^"]*"/g, ''],
];

function comparable(text: string): string {
  const replaced = MADE_UP.reduce((so, [pattern, by]) => so.replace(pattern, by), text);
  try {
    return JSON.stringify(sorted(JSON.parse(replaced)));
  } catch {
    return replaced;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** What a server says to one of the requests, in the same form; the root token must be `root`. */
export async function answerTo(address: string, asked: Compared): Promise<string> {
  const headers: Record<string, string> = { 'x-vault-token': 'root', ...asked.headers };
  if (headers['x-vault-token'] === '') Reflect.deleteProperty(headers, 'x-vault-token');
  const target = asked.target.startsWith('/') ? asked.target : `/v1/${asked.target}`;
  const answer = await exchange(address, { ...asked, target, headers });
  const type = answer.headers['content-type'] ?? '-';
  return `${answer.status} ${type} ${answer.headers.location ?? ''} ${comparable(answer.text)}`;
}

/** The first request of the list that is answered otherwise than a real server did. */
export async function firstDifference(
  address: string,
  list: readonly Compared[],
): Promise<{ asked: Compared; got: string } | undefined> {
  for (const asked of list) {
    const got = await answerTo(address, asked);
    if (got !== asked.answer) return { asked, got };
  }
  return undefined;
}
