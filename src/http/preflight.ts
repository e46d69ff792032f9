// What is checked on the raw request before the router sees it: HTTP version, `Host`, request target, authority,
// origin. The router forgives several of these and would take `#x=1` for a query. Pure.
import { normaliseAuthority, type Scheme } from './authority.js';
import type { ProblemCode } from './problems.js';

export interface RawRequest {
  readonly httpVersion: string;
  /** The request target exactly as it was sent. */
  readonly url: string;
  /** Names and values alternating, as they were sent. */
  readonly rawHeaders: readonly string[];
}

export interface PreflightPolicy {
  /** null: any (the probe listener). */
  readonly authorities: ReadonlySet<string> | null;
  readonly scheme: Scheme;
  readonly headersMax: number;
}

/** The refusal, or null when the request may be routed. Every check is on what was sent, never on a parsed form. */
export function preflight(request: RawRequest, policy: PreflightPolicy): ProblemCode | null {
  if (request.rawHeaders.length / 2 > policy.headersMax) return 'headers_too_large';
  if (request.httpVersion !== '1.1') return 'malformed_request';
  if (!isOriginForm(request.url)) return 'malformed_request';
  const host = theOnly(valuesOf(request.rawHeaders, 'host'));
  const authority = host === null ? null : normaliseAuthority(host, policy.scheme);
  if (authority === null) return 'malformed_request';
  if (policy.authorities !== null && !policy.authorities.has(authority)) {
    return 'misdirected_request';
  }
  const own = policy.authorities ?? new Set([authority]);
  if (isFromAnotherSite(request.rawHeaders, own, policy.scheme)) return 'cross_site';
  // No path of ours needs percent-encoding, and the router would decode it.
  if (pathOf(request.url).includes('%')) return 'not_found';
  return null;
}

/** The target up to the first `?`: never decoded, never normalised (RFC 9421 section 2.2.6). */
export function pathOf(url: string): string {
  const queryAt = url.indexOf('?');
  return queryAt < 0 ? url : url.slice(0, queryAt);
}

/** Origin-form (RFC 9112 section 3.2.1) in visible ASCII, without `#` and `\`, which parsers disagree about. */
function isOriginForm(url: string): boolean {
  return /^\/[\x21-\x7e]*$/.test(url) && !/[#\\]/.test(url);
}

/** Fetch metadata is sent by browsers only; a client that sends neither field is not a page. */
function isFromAnotherSite(
  rawHeaders: readonly string[],
  authorities: ReadonlySet<string>,
  scheme: Scheme,
): boolean {
  const isForeignOrigin = valuesOf(rawHeaders, 'origin').some(
    (origin) => !isOwnOrigin(origin, authorities, scheme),
  );
  const isForeignSite = valuesOf(rawHeaders, 'sec-fetch-site').some((site) =>
    /cross-site|same-site/i.test(site),
  );
  return isForeignOrigin || isForeignSite;
}

function isOwnOrigin(origin: string, authorities: ReadonlySet<string>, scheme: Scheme): boolean {
  const prefix = `${scheme}://`;
  if (!origin.toLowerCase().startsWith(prefix)) return false;
  const authority = normaliseAuthority(origin.slice(prefix.length), scheme);
  return authority !== null && authorities.has(authority);
}

function valuesOf(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter(
    (_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  );
}

function theOnly(values: readonly string[]): string | null {
  return values.length === 1 ? (values[0] ?? null) : null;
}
