// What is checked on the raw request before the router sees it: HTTP version, `Host`, request target, authority,
// origin. The router forgives several of these and would take `#x=1` for a query. Pure.
import { normaliseAuthority, type Scheme } from './authority.js';
import type { ProblemCode } from './problems.js';

export interface RawRequest {
  readonly httpVersion: string;
  /** The request target exactly as it was sent. */
  readonly url?: string | undefined;
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
  const { rawHeaders } = request;
  const url = request.url ?? '';
  if (rawHeaders.length / 2 > policy.headersMax) return 'headers_too_large';
  if (request.httpVersion !== '1.1') return 'malformed_request';
  if (!originForm.test(url)) return 'malformed_request';
  const { authorities } = policy;
  const { hosts, origins, sites } = decisiveFields(rawHeaders);
  const [host] = hosts;
  if (host === undefined || hosts.length > 1) return 'malformed_request';
  // nearly always one of ours as it stands, and ours are normal
  const isOurs = authorities?.has(host) === true;
  const authority = isOurs ? host : normaliseAuthority(host, policy.scheme);
  if (authority === null) return 'malformed_request';
  if (authorities !== null && !authorities.has(authority)) return 'misdirected_request';
  // Fetch metadata is sent by browsers only; a client that sends neither field is not a page.
  const isOwn = (origin: string): boolean =>
    isOriginOf(origin, authorities ?? new Set([authority]), policy.scheme);
  if (!origins.every(isOwn) || sites.some((site) => foreignSite.test(site))) return 'cross_site';
  // No path of ours needs percent-encoding, and the router would decode it.
  if (pathOf(url).includes('%')) return 'not_found';
  return null;
}

/** The target up to the first `?`: never decoded, never normalised (RFC 9421 section 2.2.6). */
export function pathOf(url: string): string {
  const queryAt = url.indexOf('?');
  return queryAt < 0 ? url : url.slice(0, queryAt);
}

/** Origin-form (RFC 9112 section 3.2.1) in visible ASCII, without `#` and `\`, which parsers disagree about. */
const originForm = /^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/;
const foreignSite = /cross-site|same-site/i;

interface DecisiveFields {
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  readonly sites: readonly string[];
}

/** The values of `Host`, `Origin` and `Sec-Fetch-Site`, found in one pass: most requests have the first alone. */
function decisiveFields(rawHeaders: readonly string[]): DecisiveFields {
  const hosts: string[] = [];
  const origins: string[] = [];
  const sites: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const value = rawHeaders[at + 1] ?? '';
    switch (rawHeaders[at]?.toLowerCase()) {
      case 'host':
        hosts.push(value);
        break;
      case 'origin':
        origins.push(value);
        break;
      case 'sec-fetch-site':
        sites.push(value);
        break;
      default:
    }
  }
  return { hosts, origins, sites };
}

function isOriginOf(origin: string, authorities: ReadonlySet<string>, scheme: Scheme): boolean {
  const prefix = `${scheme}://`;
  if (!origin.toLowerCase().startsWith(prefix)) return false;
  const authority = normaliseAuthority(origin.slice(prefix.length), scheme);
  return authority !== null && authorities.has(authority);
}
