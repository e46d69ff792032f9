// Where a running agent answers probes: from `--url`, else from the two address settings in the environment, else the
// default. Reads no configuration file. A wildcard address is what a server binds; a client asks loopback.
import { isWildcard } from '../../config/network.js';
import { UsageError } from '../usage-error.js';

export interface ProbeTarget {
  /** To be tried in order: a wildcard IPv6 socket usually takes IPv4 too, and `::1` does not exist everywhere. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** The `Host` header. */
  readonly authority: string;
  /** The path that was written, or null: the command's own. */
  readonly path: string | null;
  readonly tls: boolean;
}

export const defaultAddress = '127.0.0.1:8210';

/** Throws `UsageError` for an address or URL that is none. */
export function probeTarget(
  url: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ProbeTarget {
  if (url !== undefined) return fromUrl(url);
  const probe = env['KEYTENDER_LISTEN_PROBE_ADDRESS'];
  if (isSet(probe)) return fromAddress('KEYTENDER_LISTEN_PROBE_ADDRESS', probe);
  const listen = env['KEYTENDER_LISTEN_ADDRESS'];
  const target = isSet(listen)
    ? fromAddress('KEYTENDER_LISTEN_ADDRESS', listen)
    : fromAddress('the default', defaultAddress);
  // The signed API answers only to its own names; the probe listener to any.
  const authority = env['KEYTENDER_LISTEN_AUTHORITIES']?.split(',')[0]?.trim();
  return isSet(authority) ? { ...target, authority } : target;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function fromUrl(text: string): ProbeTarget {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new UsageError(`--url must look like http://${defaultAddress}`);
  }
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    hosts: hostsOf(host),
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    authority: url.host,
    path: url.pathname === '/' ? null : url.pathname + url.search,
    tls,
  };
}

function fromAddress(name: string, text: string): ProbeTarget {
  const match = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<host>[^[\]:/\s@]+)):(?<port>\d{1,5})$/i.exec(text);
  const host = match?.groups?.['v6'] ?? match?.groups?.['host'];
  const port = Number(match?.groups?.['port']);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new UsageError(`${name} must look like ${defaultAddress} or [::1]:8210`);
  }
  const hosts = hostsOf(host);
  return { hosts, port, authority: authorityOf(hosts[0] ?? host, port), path: null, tls: false };
}

function hostsOf(host: string): readonly string[] {
  if (!isWildcard(host)) return [host];
  return host.includes(':') ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
}

function authorityOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
