// What an operator writes: `token` and its optional fields. `unknown` in, a typed document or one named problem out.
// Nothing of the value is ever quoted in a problem.
import { AgentToken } from './agent-token.js';
import { parseInstantMs } from './instant.js';

const TOKEN_BYTES_MIN = 16;
const TOKEN_BYTES_MAX = 8192;
/** Under this a token is weak: accepted with a warning, refused by `keytender check`. RFC 2104 §3: the hash's length. */
export const STRONG_TOKEN_BYTES = 32;
const GRACE_SECONDS_MAX = 2_592_000;

export interface TokenDocument {
  readonly value: AgentToken;
  readonly notBeforeAt: number | null;
  readonly expiresAt: number | null;
  readonly graceMs: number | null;
}

export type ParsedDocument =
  | { readonly ok: true; readonly document: TokenDocument }
  | { readonly ok: false; readonly problem: string };

type Fields = Readonly<Record<string, unknown>>;
type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** `field` is the name of the field that holds the token; the others have fixed names. */
export function parseDocument(fields: Fields, field: string): ParsedDocument {
  const problem = tokenProblem(fields, field);
  if (problem !== null) return { ok: false, problem };
  const notBefore = parseTime(fields, 'not_before');
  if ('problem' in notBefore) return { ok: false, problem: notBefore.problem };
  const expires = parseTime(fields, 'expires_at');
  if ('problem' in expires) return { ok: false, problem: expires.problem };
  const grace = parseGraceSeconds(fields['grace_seconds']);
  if ('problem' in grace) return { ok: false, problem: grace.problem };
  return {
    ok: true,
    document: {
      value: AgentToken.fromText(fields[field] as string),
      notBeforeAt: notBefore.value,
      expiresAt: expires.value,
      graceMs: grace.value,
    },
  };
}

function tokenProblem(fields: Fields, field: string): string | null {
  if (!Object.hasOwn(fields, field)) return `the secret has no field "${field}"`;
  const text = fields[field];
  if (typeof text !== 'string') return `field "${field}" is not a string`;
  return tokenTextProblem(text, `field "${field}"`);
}

/** What is wrong with a token's text, or null. `what` names it in the sentence. */
export function tokenTextProblem(text: string, what: string): string | null {
  if (text === '') return `${what} is empty`;
  if (/[\r\n]$/.test(text)) {
    return `${what} ends in a line break; write it without one (printf %s, not echo)`;
  }
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return `${what} contains control characters`;
  if (text.trim() !== text) return `${what} begins or ends with white space`;
  if (!text.isWellFormed()) return `${what} is not well-formed Unicode`;
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes < TOKEN_BYTES_MIN) {
    return `${what} is too short: ${bytes} bytes, at least ${TOKEN_BYTES_MIN} are needed`;
  }
  if (bytes > TOKEN_BYTES_MAX) {
    return `${what} is too long: ${bytes} bytes, at most ${TOKEN_BYTES_MAX} are allowed`;
  }
  return null;
}

function parseTime(fields: Fields, name: string): Parsed<number | null> {
  const text = fields[name];
  if (text === undefined || text === null) return { value: null };
  const at = typeof text === 'string' ? parseInstantMs(text) : null;
  if (at === null) return { problem: `field "${name}" is not an RFC 3339 time` };
  return { value: at };
}

/** `grace_seconds` of a document or of custom metadata: a number or a decimal string. Milliseconds out. */
export function parseGraceSeconds(raw: unknown): Parsed<number | null> {
  if (raw === undefined || raw === null) return { value: null };
  const seconds = typeof raw === 'string' && /^\d{1,7}(\.\d{1,3})?$/.test(raw) ? Number(raw) : raw;
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= GRACE_SECONDS_MAX)) {
    return { problem: `field "grace_seconds" is not a number from 0 to ${GRACE_SECONDS_MAX}` };
  }
  return { value: Math.round(seconds * 1000) };
}
