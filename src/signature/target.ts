// The request target, cut by hand (RFC 9421 §2.2.2–2.2.7, RFC 9112 §3.2). Never through `new URL`, which decodes,
// removes dot segments and escapes: what is signed is the bytes that travel, and routing must use the same string.
// Refuses what cannot be in a request line (controls, space, non-ASCII), what no request carries (`#`, user
// information) and what parsers disagree about (`\`).

export interface Target {
  /** Lower case; undefined when only the origin-form is known. */
  readonly scheme: string | undefined;
  /** Host in lower case, default port left out; undefined when no usable `Host` is known. */
  readonly authority: string | undefined;
  /** Before any decoding; `/` when empty. */
  readonly path: string;
  /** With its `?`; the empty string when absent. */
  readonly query: string;
  /** The origin-form: path and query as they stand in a request line. */
  readonly origin: string;
}

/**
 * @param url absolute, or in origin-form (`/path?query`); then the authority comes from `hostLines`
 * @param hostLines the values of `Host`; more than one is no authority
 * @param scheme of the connection, where `url` does not say it: decides which port is the default one
 */
export function parseTarget(
  url: string,
  hostLines: readonly string[],
  scheme: string | undefined,
): Target | undefined {
  if (!targetText.test(url)) return undefined;
  if (url.startsWith('/')) {
    const host = hostLines.length === 1 ? hostLines[0] : undefined;
    const authority = host === undefined ? undefined : normalizeAuthority(host, scheme);
    return cut(scheme?.toLowerCase(), authority, url);
  }
  return parseAbsolute(url);
}

/**
 * Lower case, default port left out (RFC 9110 §4.2.3); undefined for anything but host and optional port.
 * A port's leading zeros are dropped; IPv6 addresses keep their spelling.
 */
export function normalizeAuthority(
  authority: string,
  scheme: string | undefined,
): string | undefined {
  const match = authorityText.exec(authority);
  if (match === null) return undefined;
  const host = (match[1] ?? '').toLowerCase();
  const portText = match[2];
  if (portText === undefined || portText === '') return host;
  const port = Number(portText);
  if (port > 65_535) return undefined;
  return port === defaultPort(scheme) ? host : `${host}:${port}`;
}

/** Absolute URL without what is never sent: the fragment. */
export function withoutFragment(url: string): string {
  const at = url.indexOf('#');
  return at < 0 ? url : url.slice(0, at);
}

const targetText = /^[\x21\x22\x24-\x5b\x5d-\x7e]+$/;
const absoluteUrl = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)/;
const authorityText = /^([A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]*))?$/;

function parseAbsolute(url: string): Target | undefined {
  const match = absoluteUrl.exec(url);
  if (match === null) return undefined;
  const scheme = (match[1] ?? '').toLowerCase();
  const authority = normalizeAuthority(match[2] ?? '', scheme);
  return authority === undefined ? undefined : cut(scheme, authority, url.slice(match[0].length));
}

function cut(
  scheme: string | undefined,
  authority: string | undefined,
  pathAndQuery: string,
): Target {
  const at = pathAndQuery.indexOf('?');
  const path = (at < 0 ? pathAndQuery : pathAndQuery.slice(0, at)) || '/';
  const query = at < 0 ? '' : pathAndQuery.slice(at);
  return { scheme, authority, path, query, origin: path + query };
}

function defaultPort(scheme: string | undefined): number | undefined {
  if (scheme === undefined) return undefined;
  const lower = scheme.toLowerCase();
  if (lower === 'http') return 80;
  return lower === 'https' ? 443 : undefined;
}
