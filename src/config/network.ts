// Rules for addresses in settings: which hosts are this machine, which mean every interface, how a server's URL, an
// authority (RFC 9110 §7.2) and a network are written. Refuses credentials in URLs: they would be printed everywhere.
import { isIP } from 'node:net';
import type { Parsed } from './setting.js';

/** By name or address, without resolving: `localhost`, 127.0.0.0/8, ::1 and its IPv4-mapped forms. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost') return true;
  if (isIP(bare) === 4) return bare.startsWith('127.');
  if (isIP(bare) !== 6) return false;
  const canonical = new URL(`http://[${bare}]`).hostname;
  return canonical === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(canonical);
}

/** An address that binds every interface. */
export function isWildcard(host: string): boolean {
  if (isIP(host) === 6)
    return ['[::]', '[::ffff:0:0]'].includes(new URL(`http://[${host}]`).hostname);
  return /^[0.]+$/.test(host);
}

const urlFix = 'write a URL like https://vault.example.com:8200';

/** The base URL of a server, lower case, without a slash at the end. */
export function parseServerUrl(text: string): Parsed<string> {
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (url === null) return { ok: false, message: 'is not an http or https URL', fix: urlFix };
  if (url.username !== '' || url.password !== '') {
    return {
      ok: false,
      message: 'has credentials in it',
      fix: 'leave out what stands before the @',
    };
  }
  if (url.search !== '' || url.hash !== '') {
    return { ok: false, message: 'has a query or a fragment', fix: urlFix };
  }
  const base = url.origin + url.pathname.replace(/\/+$/, '');
  if (/\/v1(\/|$)/.test(url.pathname)) {
    return {
      ok: false,
      message: 'contains /v1',
      fix: 'leave out /v1 and what follows: it is added',
    };
  }
  return { ok: true, value: base };
}

/** `host` or `host:port`, lower case. The scheme's default port is dropped later, when the scheme is known. */
export function parseAuthority(text: string): Parsed<string> {
  const lower = text.toLowerCase();
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?$/.exec(lower);
  const host = match?.[1];
  const isHost = host !== undefined && (!host.startsWith('[') || isIP(host.slice(1, -1)) === 6);
  if (!isHost || Number(match?.[2] ?? 0) > 65_535) {
    return {
      ok: false,
      message: 'has an item that is not host or host:port',
      fix: 'write what callers put into the Host header, for instance app-0.example.com:8210; no scheme, no path, no *',
    };
  }
  return { ok: true, value: lower };
}

/** An IP address, or a network in CIDR notation. */
export function parseNetwork(text: string): Parsed<string> {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  const isBits =
    bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
  if (version === 0 || !isBits || rest.length > 0) {
    return {
      ok: false,
      message: 'has an item that is neither an IP address nor a network',
      fix: 'write addresses like 10.1.2.3 or networks like 10.1.0.0/16',
    };
  }
  return { ok: true, value: text.toLowerCase() };
}
