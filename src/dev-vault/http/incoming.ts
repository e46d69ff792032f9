// A request as the handlers get it: path decoded once, query read, token found. Refuses what the server in front of
// Vault's handlers refuses: escapes that are none, characters that cannot be printed.
import type { IncomingHttpHeaders } from 'node:http';

export interface Incoming {
  readonly method: string;
  /** Decoded, with its leading slash. */
  readonly path: string;
  /** As it was sent. */
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type TargetRead =
  { readonly path: string; readonly rawPath: string; readonly rawQuery: string } | undefined;

const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/** The request target; undefined when it is none. */
export function readTarget(target: string): TargetRead {
  const origin = target.replace(ABSOLUTE, '');
  const question = origin.indexOf('?');
  const rawPath = question === -1 ? origin : origin.slice(0, question);
  const rawQuery = question === -1 ? '' : origin.slice(question + 1);
  if (!rawPath.includes('%')) return { path: rawPath || '/', rawPath: rawPath || '/', rawQuery };
  const path = decodePath(rawPath);
  return path === undefined ? undefined : { path, rawPath, rawQuery };
}

function decodePath(rawPath: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(rawPath)) return undefined;
  const bytes = rawPath.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const PLAIN = /^[\u0020-\u007e]*$/;

export function isPrintable(path: string): boolean {
  return PLAIN.test(path) || !UNPRINTABLE.test(path);
}

/** Where a request for an unclean path (`//`, `.`, `..` in the path as sent) is sent to; undefined for a clean one. */
export function cleanedPath(rawPath: string): string | undefined {
  if (!/\/\/|\/\.{1,2}(?:\/|$)/.test(rawPath)) return undefined;
  const kept: string[] = [];
  for (const segment of rawPath.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const trailing = rawPath.endsWith('/') && kept.length > 0 ? '/' : '';
  return `/${kept.join('/')}${trailing}`;
}

/** The token of `X-Vault-Token` or of a bearer `Authorization`. */
export function clientTokenOf(headers: IncomingHttpHeaders): string {
  const own = headers['x-vault-token'];
  if (typeof own === 'string' && own !== '') return own;
  const authorization = headers.authorization ?? '';
  return authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length).trim() : '';
}
