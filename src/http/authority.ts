// Which `Host` and `Origin` a listener answers to. A name that merely resolves to us is not ours: otherwise a page
// could rebind its own name to this machine and read the answers (RFC 9110 section 7.4, 421).

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

export type Scheme = 'http' | 'https';

const defaultPorts: Readonly<Record<Scheme, string>> = { http: '80', https: '443' };

// RFC 3986 section 3.2.2, without user information and percent-encoding, which no Host of ours needs.
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::[0-9]{0,5})?$/;

/**
 * The authority as it is compared: lower case, default port dropped. Null when it is not a host with an optional
 * port (RFC 9110 section 7.2).
 */
export function normaliseAuthority(authority: string, scheme: Scheme): string | null {
  const lower = authority.toLowerCase();
  if (!HOST.test(lower)) return null;
  const portAt = /:([0-9]*)$/.exec(lower);
  const isDefaultPort = portAt !== null && ['', defaultPorts[scheme]].includes(portAt[1] ?? '');
  return isDefaultPort ? lower.slice(0, portAt.index) : lower;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: BoundAddress): string {
  // no name has a colon
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The authorities of a listener: those that are configured, else the bound address and the names of loopback. */
export function authoritiesOf(
  configured: readonly string[],
  hosts: readonly string[],
  port: number,
  scheme: Scheme,
): ReadonlySet<string> {
  const names =
    configured.length > 0
      ? configured
      : [...hosts, 'localhost', '127.0.0.1', '::1'].map((host) => formatAddress({ host, port }));
  return new Set(names.flatMap((name) => normaliseAuthority(name, scheme) ?? []));
}
