import t from 'tap';
import type { FailureClass } from '../../src/health/failure.js';
import { failureOfError } from '../../src/vault/failure-of-error.js';

const rows: readonly (readonly [string, FailureClass, RegExp])[] = [
  ['ECONNREFUSED', 'vault_unreachable', /nothing listens/],
  ['ECONNRESET', 'vault_unreachable', /broke/],
  ['EPIPE', 'vault_unreachable', /broke/],
  ['EHOSTUNREACH', 'vault_unreachable', /network/],
  ['UND_ERR_SOCKET', 'vault_unreachable', /broke/],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'vault_unreachable', /broke/],
  ['ENOTFOUND', 'vault_unreachable', /DNS/],
  ['EAI_AGAIN', 'vault_unreachable', /DNS/],
  ['EMFILE', 'vault_unreachable', /open files/],
  ['HPE_INVALID_CONSTANT', 'vault_unreachable', /does not speak HTTP/],
  ['CERT_HAS_EXPIRED', 'vault_tls', /renew/],
  ['CERT_NOT_YET_VALID', 'vault_tls', /clock/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'vault_tls', /vault\.tls_server_name/],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'vault_tls', /vault\.ca_cert/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'vault_tls', /vault\.ca_cert/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'vault_tls', /vault\.ca_cert/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'vault_tls', /vault\.ca_cert/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'vault_tls', /does not speak TLS/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'vault_tls', /vault\.client_cert/],
  ['EPROTO', 'vault_tls', /handshake/],
  ['CERT_REVOKED', 'vault_tls', /handshake/],
  ['TLS_FILES', 'vault_tls', /cannot be read/],
  ['DEADLINE', 'vault_timeout', /vault\.timeout/],
  ['UND_ERR_CONNECT_TIMEOUT', 'vault_timeout', /vault\.timeout/],
  ['UND_ERR_HEADERS_TIMEOUT', 'vault_timeout', /vault\.timeout/],
  ['UND_ERR_BODY_TIMEOUT', 'vault_timeout', /vault\.timeout/],
  ['ETIMEDOUT', 'vault_timeout', /vault\.timeout/],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'vault_answer_too_large', /1 MiB/],
  ['UND_ERR_HEADERS_OVERFLOW', 'vault_answer_too_large', /16 KiB/],
];

for (const [code, failureClass, message] of rows) {
  t.test(`${code} is ${failureClass} and says what to do`, async (t) => {
    t.match(failureOfError(Object.assign(new Error('x'), { code })), {
      class: failureClass,
      message,
    });
    const cause = Object.assign(new Error('x'), { code });
    t.equal(failureOfError(new Error('y', { cause })).class, failureClass, 'as a cause, too');
  });
}

t.test('what has no code is a broken connection, and its text goes nowhere', async (t) => {
  const secret = 'hvs.canary';
  for (const error of [
    new Error(secret),
    secret,
    null,
    undefined,
    7,
    { code: 7, message: secret },
  ]) {
    const failure = failureOfError(error);
    t.equal(failure.class, 'vault_unreachable');
    t.notMatch(JSON.stringify(failure), secret);
  }
});
