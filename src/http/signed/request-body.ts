// The members of a JSON body: `unknown` in, typed out, or 400. A member that is not in the list is refused: nobody
// shall believe that something was obeyed which was not even read.
import { Problem } from '../problems.js';

export type Members = Readonly<Record<string, unknown>>;

export function membersOf(body: unknown, allowed: readonly string[]): Members {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw malformed();
  if (Object.keys(body).some((name) => !allowed.includes(name))) throw malformed();
  return body as Members;
}

export function textOf(members: Members, name: string): string {
  const value = optionalText(members, name);
  if (value === undefined) throw malformed();
  return value;
}

export function optionalText(members: Members, name: string): string | undefined {
  const value = members[name];
  if (value !== undefined && typeof value !== 'string') throw malformed();
  return value;
}

export function optionalFlag(members: Members, name: string): boolean | undefined {
  const value = members[name];
  if (value !== undefined && typeof value !== 'boolean') throw malformed();
  return value;
}

/** Content in base64 (RFC 4648 section 4), padded. */
export function optionalBytes(members: Members, name: string): Buffer | undefined {
  const text = optionalText(members, name);
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // `Buffer.from` skips what is no base64
  if (bytes.toString('base64') !== text) throw malformed();
  return bytes;
}

/** Field names with a value or several. */
export function headersOf(members: Members, name: string): Record<string, string | string[]> {
  const value = members[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw malformed();
  const isField = (field: unknown): boolean =>
    typeof field === 'string' ||
    (Array.isArray(field) && field.every((line) => typeof line === 'string'));
  if (!Object.values(value).every(isField)) throw malformed();
  return value as Record<string, string | string[]>;
}

export function malformed(): Problem {
  return new Problem('malformed_request');
}
