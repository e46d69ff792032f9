// A token as a service sees it, read from the agent's answer (docs/api.md) or from a file. Values are not enumerable:
// `console.log`, `JSON.stringify` and a spread do not carry them along by accident.
import { isMembers, malformedAnswer, type Members } from './agent-answer.js';
import type { FileKey } from './key-file.js';

export interface SupersededToken {
  /** Undefined where the caller may not read it. Not enumerable. */
  readonly value: string | undefined;
  readonly version: number | null;
  /** It verifies until then. */
  readonly usableUntil: Date;
}

export interface PendingToken {
  /** Undefined where the caller may not read it. Not enumerable. */
  readonly value: string | undefined;
  readonly version: number;
  /** It becomes current then. */
  readonly notBefore: Date;
}

export interface Token {
  readonly name: string;
  /** Undefined where the caller may not read it, or the token is not usable. Not enumerable. */
  readonly value: string | undefined;
  /** Of Vault; null for a token that is not from there, or read from a file. */
  readonly version: number | null;
  /** Opaque; another one whenever anything here but the age changes. */
  readonly revision: string;
  readonly createdAt: Date | null;
  readonly ageSeconds: number | null;
  /** `fresh`, `stale`, `initial`, `static`, `expired`, `revoked`, `absent`; of a file `file`. */
  readonly state: string;
  readonly superseded: readonly SupersededToken[];
  readonly pending: PendingToken | null;
}

/** @throws KeytenderError `malformed_answer` */
export function tokenOf(body: Members): Token {
  const { name, version, revision, created_at, age_seconds, state } = body;
  const { superseded, pending } = body;
  const isWhole =
    typeof name === 'string' &&
    typeof revision === 'string' &&
    typeof state === 'string' &&
    isVersion(version) &&
    (age_seconds === null || typeof age_seconds === 'number') &&
    Array.isArray(superseded);
  if (!isWhole) throw malformedAnswer();
  const facts = {
    name,
    version,
    revision,
    createdAt: created_at === null ? null : dateOf(created_at),
    ageSeconds: age_seconds,
    state,
    superseded: superseded.map(supersededOf),
    pending: pending === null ? null : pendingOf(pending),
  };
  return withValue(facts, body['value']);
}

/** What a file says of the token: its value, and since when it is there. */
export function tokenOfFile(name: string, file: FileKey, nowMs: number): Token {
  const facts = {
    name,
    version: null,
    revision: `file-${file.revision}`,
    createdAt: new Date(file.modifiedAtMs),
    ageSeconds: Math.max(0, (nowMs - file.modifiedAtMs) / 1000),
    state: 'file',
    superseded: [],
    pending: null,
  };
  return withValue(facts, file.text);
}

const unusableStates: ReadonlySet<string> = new Set(['expired', 'revoked', 'absent']);

/** Whether it may sign; superseded ones may verify nevertheless. */
export function isUsable({ state }: Pick<Token, 'state'>): boolean {
  return !unusableStates.has(state);
}

function supersededOf(value: unknown): SupersededToken {
  if (!isMembers(value) || !isVersion(value['version'])) throw malformedAnswer();
  const facts = { version: value['version'], usableUntil: dateOf(value['usable_until']) };
  return withValue(facts, value['value']);
}

function pendingOf(value: unknown): PendingToken {
  if (!isMembers(value) || typeof value['version'] !== 'number') throw malformedAnswer();
  const facts = { version: value['version'], notBefore: dateOf(value['not_before']) };
  return withValue(facts, value['value']);
}

function withValue<T extends object>(
  facts: T,
  value: unknown,
): T & { readonly value: string | undefined } {
  const isText = typeof value === 'string' && value !== '';
  if (value !== undefined && !isText) throw malformedAnswer();
  const made = Object.defineProperty(facts, 'value', { value, enumerable: false });
  return Object.freeze(made) as T & { readonly value: string | undefined };
}

function isVersion(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isInteger(value));
}

function dateOf(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime())) throw malformedAnswer();
  return date;
}
