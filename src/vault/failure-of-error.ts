// From an error of the transport to what happened: by its code only, never by its text, and nothing of the error
// goes on: what it carries (requests, headers, sockets) may hold the Vault token.
import type { Failure } from '../health/failure.js';
import { isObject } from './vault-answer.js';

/** Total: every error has a class. The message names no address: `/health` shows it to those who may see it. */
export function failureOfError(error: unknown): Failure {
  const code = codeOf(error);
  const tls = tlsSentence(code);
  if (tls !== null) return { class: 'vault_tls', message: tls };
  if (timeoutCodes.has(code)) {
    const message =
      "no whole answer in time: check the network and vault's load, or raise vault.timeout";
    return { class: 'vault_timeout', message };
  }
  if (tooLargeCodes.has(code)) {
    const message =
      'the answer is larger than 1 MiB, or its headers than 16 KiB: check that vault.address is a Vault';
    return { class: 'vault_answer_too_large', message };
  }
  return { class: 'vault_unreachable', message: unreachableSentence(code) };
}

const timeoutCodes: ReadonlySet<string> = new Set([
  'DEADLINE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

const tooLargeCodes: ReadonlySet<string> = new Set([
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_HEADERS_OVERFLOW',
  'HPE_HEADER_OVERFLOW',
]);

function tlsSentence(code: string): string | null {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return "the certificate of vault is not valid now: renew it, or set this machine's clock";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return 'the certificate of vault is for another name: use that name in vault.address, or set vault.tls_server_name';
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_UNTRUSTED':
      return 'the certificate of vault is from an authority that is not trusted here: set vault.ca_cert';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'what answers at vault.address does not speak TLS: check the port, or write http:// if that is meant';
    case 'TLS_FILES':
      return 'vault.ca_cert, vault.client_cert or vault.client_key cannot be read or do not belong together';
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE':
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
      return 'vault wants a client certificate, or does not take this one: check vault.client_cert and vault.client_key';
    default:
      return tlsCodes.test(code)
        ? 'the TLS handshake with vault failed: check vault.ca_cert, vault.client_cert and vault.client_key'
        : null;
  }
}

const tlsCodes =
  /^(?:CERT_|CRL_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|UNABLE_TO_|ERROR_IN_C|EPROTO$|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$)/;

function unreachableSentence(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens at vault.address: start vault, or check host and port';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return 'the name in vault.address is not found: check it, and DNS';
    case 'PROXY_REFUSED':
      return 'the proxy does not let this agent through to vault: check vault.proxy and its rules';
    case 'EMFILE':
    case 'ENFILE':
      return 'no connection can be opened, the limit of open files is reached: raise it';
    default:
      return code.startsWith('HPE_')
        ? 'what answers at vault.address does not speak HTTP: check host and port'
        : 'the connection to vault failed or broke: check the network and vault.address';
  }
}

function codeOf(error: unknown): string {
  return ownCode(error) ?? ownCode(isObject(error) ? error['cause'] : null) ?? '';
}

function ownCode(error: unknown): string | null {
  const code = isObject(error) ? error['code'] : null;
  return typeof code === 'string' ? code : null;
}
