// What a dev Vault can be told at its start, and which of it is refused.
import type { TlsOptions } from 'node:tls';

export interface DevVaultTls {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Certificate authorities of clients; with `requestCert` a client without a certificate is refused. */
  readonly ca?: string | Buffer;
  readonly requestCert?: boolean;
  readonly minVersion?: TlsOptions['minVersion'];
}

export interface DevVaultOptions {
  /** `host:port`, port 0 for a free one. Default `127.0.0.1:0`. Anything but loopback is refused. */
  readonly address?: string;
  /** Listen elsewhere than on loopback all the same. */
  readonly allowNonLoopback?: boolean;
  /** Default: random, starting with `dev-`. */
  readonly rootToken?: string;
  /** The KV v2 mount that is there from the start. Default `secret`. */
  readonly mount?: string;
  readonly tls?: DevVaultTls;
  /** The server's clock, milliseconds since the epoch. Default: the system's. */
  readonly now?: () => number;
  /** Of the faults that happen with a probability. Default 1. */
  readonly seed?: number;
  /** Namespaces there from the start. */
  readonly namespaces?: readonly string[];
  /** Requests remembered in `requests`, the newest. Default 1,000. */
  readonly requestsKept?: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/;

/** Throws `TypeError` for what is no `host:port`, and for anything but loopback unless forced. */
export function readAddress(address: string, allowNonLoopback: boolean): ListenAddress {
  const found = ADDRESS.exec(address);
  const host = found?.[1] ?? found?.[2] ?? '';
  const port = Number(found?.[3]);
  if (found === null || host === '' || port > 65_535) {
    throw new TypeError(`dev Vault address must be host:port, got "${address}"`);
  }
  if (!allowNonLoopback && !isLoopback(host)) {
    throw new TypeError(
      `a dev Vault listens on loopback only, not on "${host}" (allowNonLoopback forces it): it is not a Vault for production`,
    );
  }
  return { host, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}
