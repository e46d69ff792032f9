// What is told of an address below HTTP: name, connection, certificate. A certificate that ends within 30 days is a
// warning, one that is not valid, of another name or of an unknown authority a failure, each with what to do.
import { failureOfError } from '../../vault/failure-of-error.js';
import { ageOf } from '../status/relative-time.js';
import { word } from './commands.js';
import type { Certificate, Endpoint, Handshake } from './endpoint.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';

export interface EndpointContext {
  readonly address: string;
  /** Where `vault.ca_cert` is; null: the system's authorities. */
  readonly caCert: string | null;
  /** By our clock. Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** In the order they are told. */
export function endpointFindings(context: EndpointContext, endpoint: Endpoint): readonly Finding[] {
  const found = [
    dnsFinding(context, endpoint.names),
    tcpFinding(context, endpoint.connection),
    tlsFinding(context, endpoint),
  ];
  return found.filter((finding) => finding !== null);
}

/** Behind a proxy there is nothing of this to look at from here. */
export function proxiedFindings(address: string): readonly Finding[] {
  return [
    skipped('dns', address, 'the proxy (vault.proxy) looks it up'),
    skipped('tcp', address, 'the proxy (vault.proxy) connects'),
  ];
}

function dnsFinding({ address }: EndpointContext, names: Endpoint['names']): Finding {
  if (names === null) return ok('dns', address, 'an address, no name to look up');
  const { hostname } = new URL(address);
  if (!names.ok) {
    const { class: failureClass, message } = failureOfError(names.error);
    return failed('dns', address, `${failureClass}: ${message}`, `getent hosts ${word(hostname)}`);
  }
  const shown = names.value.slice(0, NAMES_SHOWN).join(', ');
  const more = names.value.length - NAMES_SHOWN;
  return ok('dns', address, `${hostname} is ${shown}${more > 0 ? ` and ${more} more` : ''}`);
}

const NAMES_SHOWN = 4;

function tcpFinding(
  { address }: EndpointContext,
  connection: Endpoint['connection'],
): Finding | null {
  if (connection === null) return null;
  if (connection.ok) {
    return ok(
      'tcp',
      address,
      `connected to ${connection.value} after ${connection.milliseconds} ms`,
    );
  }
  const { class: failureClass, message } = failureOfError(connection.error);
  const { hostname, port, protocol } = new URL(address);
  const host = hostname.replace(/^\[|\]$/g, '');
  const fix = `nc -vz ${word(host)} ${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
  return failed('tcp', address, `${failureClass}: ${message}`, fix);
}

function tlsFinding(context: EndpointContext, { connection, handshake }: Endpoint): Finding | null {
  const { address } = context;
  if (handshake === null) {
    const isPlain = connection?.ok === true && address.startsWith('http:');
    return isPlain ? ok('tls', address, 'plain HTTP, as configured') : null;
  }
  if (!handshake.ok) {
    const { class: failureClass, message } = failureOfError(handshake.error);
    return failed('tls', address, `${failureClass}: ${message}`, chainCommand(address));
  }
  return handshakeFinding(context, handshake.value);
}

const SOON_MS = 30 * 86_400_000;

function handshakeFinding(context: EndpointContext, handshake: Handshake): Finding {
  const { address, nowMs } = context;
  const { refusedBy, chain } = handshake;
  if (refusedBy !== null) return refusedFinding(context, handshake, refusedBy);
  const facts = factsOf(context, handshake);
  const first = chain.reduce<Certificate | null>(
    (least, one) => (least === null || one.validTo < least.validTo ? one : least),
    null,
  );
  if (first === null || first.validTo - nowMs > SOON_MS) return ok('tls', address, facts);
  const found = `${facts}; ${first.subject} ends ${daysOf(first, nowMs)}`;
  return warning('tls', address, found, `renew it before; see it: ${chainCommand(address)}`);
}

function refusedFinding(
  context: EndpointContext,
  handshake: Handshake,
  refusedBy: string,
): Finding {
  const { address, nowMs } = context;
  const { message } = failureOfError({ code: refusedBy });
  const found = `vault_tls: ${message}; ${factsOf(context, handshake)}`;
  return failed('tls', address, found, fixOf(context, handshake, refusedBy, nowMs));
}

function fixOf(
  { address, caCert }: EndpointContext,
  { chain }: Handshake,
  refusedBy: string,
  nowMs: number,
): string {
  const [leaf] = chain;
  if (/EXPIRED|NOT_YET_VALID/.test(refusedBy)) {
    const outdated = chain.find(({ validFrom, validTo }) => nowMs > validTo || nowMs < validFrom);
    const whose = outdated?.subject ?? 'the certificate';
    return `renew ${whose}, or set this machine's clock (timedatectl set-ntp true)`;
  }
  if (/ALTNAME|HOSTNAME/.test(refusedBy)) {
    const name = leaf?.names.find((one) => !one.includes('*'));
    return name === undefined
      ? `give it a certificate for the name in vault.address; see it: ${chainCommand(address)}`
      : `write that name into vault.address, or: export VAULT_TLS_SERVER_NAME=${word(name)}`;
  }
  const authority = chain.at(-1)?.issuer ?? 'the authority that signed it';
  const put = caCert === null ? 'export VAULT_CACERT=ca.pem' : `put it into ${word(caCert)}`;
  return `get the certificate of "${authority}" from who runs Vault, then: ${put}; see it: ${chainCommand(address)}`;
}

function factsOf(
  { caCert, nowMs }: EndpointContext,
  { protocol, chain, refusedBy }: Handshake,
): string {
  const [leaf] = chain;
  if (leaf === undefined) return `${protocol}, no certificate`;
  const root = chain.at(-1);
  const above = chain.length > 2 && root !== undefined ? ` below "${root.subject}"` : '';
  const trust = caCert === null ? "the system's authorities" : 'vault.ca_cert';
  return [
    protocol,
    `certificate of "${leaf.subject}" by "${leaf.issuer}"${above}`,
    refusedBy === null
      ? `trusted by ${trust}`
      : `for ${leaf.names.slice(0, NAMES_SHOWN).join(', ') || 'no name'}`,
    `${leaf.validTo < nowMs ? 'ended' : 'valid until'} ${dateOf(leaf.validTo)} (${daysOf(leaf, nowMs)})`,
  ].join(', ');
}

function daysOf({ validTo }: Certificate, nowMs: number): string {
  const seconds = (validTo - nowMs) / 1_000;
  return seconds >= 0 ? `in ${ageOf(seconds)}` : `${ageOf(-seconds)} ago`;
}

function dateOf(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString().slice(0, 10) : 'an unreadable time';
}

function chainCommand(address: string): string {
  const { hostname, port } = new URL(address);
  const host = `${hostname}:${port === '' ? '443' : port}`;
  return `openssl s_client -connect ${word(host)} -showcerts </dev/null`;
}
