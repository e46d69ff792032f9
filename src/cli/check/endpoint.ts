// One address of Vault below HTTP: what its name resolves to, whether a connection is taken, what certificate it shows.
// Looks at the certificate also where it is not trusted, so that it can be said why. Sends nothing of ours on it.
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import {
  connect as connectTls,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { Clock } from '../../platform/clock.js';
import type { TlsSettings } from '../../vault/connector.js';
import { withDeadline } from '../../vault/deadline.js';

export interface EndpointOptions {
  readonly address: string;
  readonly tls: TlsSettings;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Default: the system's. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

export type Looked<T> =
  | { readonly ok: true; readonly value: T; readonly milliseconds: number }
  | { readonly ok: false; readonly error: unknown };

export interface Endpoint {
  /** null: the address has no name. */
  readonly names: Looked<readonly string[]> | null;
  /** null: not come to. What it is connected to, `host:port`. */
  readonly connection: Looked<string> | null;
  /** null: not come to, or plain HTTP. */
  readonly handshake: Looked<Handshake> | null;
}

export interface Handshake {
  readonly protocol: string;
  /** Why it is not trusted, as OpenSSL names it; null: it is. */
  readonly refusedBy: string | null;
  /** From the server's own up to the authority, as far as it is known. */
  readonly chain: readonly Certificate[];
}

export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** DNS names and IP addresses that it is for. */
  readonly names: readonly string[];
}

export async function lookAtEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const url = new URL(options.address);
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port === '' ? (isTls ? 443 : 80) : url.port);
  const resolve = options.resolve ?? resolveName;
  const names = isIP(host) === 0 ? await looked(options, () => resolve(host)) : null;
  if (names?.ok === false) return { names, connection: null, handshake: null };
  const opened = await looked(options, (signal) => openSocket(host, port, signal));
  if (!opened.ok) return { names, connection: opened, handshake: null };
  const socket = opened.value;
  const { remoteAddress = host, remotePort = port } = socket;
  const remote = `${isIP(remoteAddress) === 6 ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
  try {
    const handshake = isTls
      ? await looked(options, (signal) => shakeHands(socket, host, options.tls, signal))
      : null;
    return { names, connection: { ...opened, value: remote }, handshake };
  } finally {
    socket.destroy();
  }
}

async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

async function looked<T>(
  { clock, timeoutMs, signal }: EndpointOptions,
  look: (signal: AbortSignal) => Promise<T>,
): Promise<Looked<T>> {
  const startedMs = clock.monotonicMs();
  try {
    const value = await withDeadline(clock, timeoutMs, signal, (deadline) =>
      Promise.race([look(deadline), whenAborted(deadline)]),
    );
    return { ok: true, value, milliseconds: Math.round(clock.monotonicMs() - startedMs) };
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, error };
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

function openSocket(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, signal });
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

function shakeHands(
  socket: Socket,
  host: string,
  { ca, cert, key, serverName }: TlsSettings,
  signal: AbortSignal,
): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const name = serverName ?? (isIP(host) === 0 ? host : '');
    const secured = connectTls({
      socket,
      host,
      servername: name,
      // it is looked at, whoever signed it, and nothing is sent
      rejectUnauthorized: false,
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
    });
    signal.addEventListener('abort', () => secured.destroy());
    secured.once('error', reject);
    secured.once('secureConnect', () => {
      resolve({
        protocol: secured.getProtocol() ?? 'TLS',
        refusedBy: secured.authorized ? null : refusal(secured),
        chain: chainOf(secured.getPeerCertificate(true)),
      });
    });
  });
}

/** Declared as an error; it is the code of one. */
function refusal({ authorizationError }: TLSSocket): string {
  return String(authorizationError);
}

const CHAIN_MAX = 8;

function chainOf(leaf: DetailedPeerCertificate): readonly Certificate[] {
  const chain: Certificate[] = [];
  // empty where there is none, whatever its declaration says
  let next: Partial<DetailedPeerCertificate> | undefined = leaf;
  const seen = new Set<string>();
  while (next?.fingerprint256 !== undefined && chain.length < CHAIN_MAX) {
    if (seen.has(next.fingerprint256)) break;
    seen.add(next.fingerprint256);
    chain.push({
      subject: nameOf(next.subject),
      issuer: nameOf(next.issuer),
      validFrom: Date.parse(next.valid_from ?? ''),
      validTo: Date.parse(next.valid_to ?? ''),
      names: namesOf(next.subjectaltname),
    });
    next = next.issuerCertificate;
  }
  return chain;
}

/** Several of one kind come as a list. */
function nameOf(of: PeerCertificate['subject'] | undefined): string {
  const name: unknown = of?.CN ?? of?.O;
  const first: unknown = Array.isArray(name) ? name[0] : name;
  return typeof first === 'string' ? printable(first) : '(no name)';
}

function namesOf(alternatives: string | undefined): readonly string[] {
  return (alternatives ?? '')
    .split(', ')
    .flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? [])
    .map(printable);
}

/** Whoever answers wrote it. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
