// What `check` says of an address below HTTP: name, connection, certificate; each failure with what to do.
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { endpointFindings } from '../../../src/cli/check/endpoint-findings.js';
import {
  lookAtEndpoint,
  type Certificate,
  type Endpoint,
} from '../../../src/cli/check/endpoint.js';
import type { Finding } from '../../../src/cli/check/finding.js';
import { main } from '../../../src/cli/main.js';
import { devVault, type DevVaultTls } from '../../../src/dev-vault/index.js';
import { systemClock } from '../../../src/platform/clock.js';
import { testIo } from '../test-io.js';

const pem = (name: string): string => new URL(`../../vault/tls/${name}`, import.meta.url).pathname;
const tlsOf = (name: string, more: Partial<DevVaultTls> = {}): DevVaultTls => ({
  cert: readFileSync(pem(`${name}.pem`)),
  key: readFileSync(pem(`${name}.key`)),
  ...more,
});

async function check(
  t: Test,
  tls: DevVaultTls,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; tls: Finding[] }> {
  const vault = await devVault({ tls });
  t.teardown(() => vault.close());
  vault.kv.put('keytender/default/token', { token: 'x'.repeat(40) });
  const io = testIo({ env: { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken, ...env } });
  const code = await main(['check', '--json'], io);
  const { findings } = JSON.parse(io.out()) as { findings: Finding[] };
  return { code, tls: findings.filter(({ check: name }) => name === 'tls') };
}

const trusting = { VAULT_CACERT: pem('ca.pem') };

t.test('a good certificate: by whom, trusted by what, until when', async (t) => {
  const found = await check(t, tlsOf('server'), trusting);
  t.equal(found.code, 0);
  t.equal(found.tls.length, 1);
  t.match(found.tls[0], {
    verdict: 'ok',
    found:
      /^TLSv1\.3, certificate of "server" by "keytender test CA", trusted by vault\.ca_cert, valid until 2126-/,
  });
});

t.test('each certificate that is refused says why, and what to do', async (t) => {
  const unknown = await check(t, tlsOf('server'));
  t.equal(unknown.code, 1);
  t.match(unknown.tls, [
    {
      verdict: 'failed',
      found: /^vault_tls: .*vault\.ca_cert/,
      fix: /"keytender test CA" .*export VAULT_CACERT=.*openssl s_client -connect 127\.0\.0\.1:\d+/,
    },
  ]);
  const other = await check(t, tlsOf('other'), trusting);
  t.match(other.tls, [
    { verdict: 'failed', found: /for vault\.example/, fix: /VAULT_TLS_SERVER_NAME=vault\.example/ },
  ]);
  const named = { ...trusting, VAULT_TLS_SERVER_NAME: 'vault.example' };
  t.match((await check(t, tlsOf('other'), named)).tls, [{ verdict: 'ok' }]);
  const expired = await check(t, tlsOf('expired'), trusting);
  t.match(expired.tls, [
    { verdict: 'failed', found: /ended 2020-01-02 \(.* ago\)/, fix: /^renew expired, or set/ },
  ]);
  const asking = tlsOf('server', { ca: readFileSync(pem('ca.pem')), requestCert: true });
  const without = await check(t, asking, trusting);
  t.match(without.tls, [{ verdict: 'failed', fix: /VAULT_CLIENT_CERT/ }]);
});

const DAY = 86_400_000;
const nowMs = Date.parse('2026-01-01T00:00:00Z');
const context = { address: 'https://vault.example.com:8200', caCert: null, nowMs };

function endpointWith(...validTo: readonly number[]): Endpoint {
  const chain = validTo.map((at, index): Certificate => ({
    subject: `link ${index}`,
    issuer: `link ${index + 1}`,
    validFrom: 0,
    validTo: at,
    names: ['vault.example.com'],
  }));
  return {
    names: { ok: true, value: ['192.0.2.1', '192.0.2.2'], milliseconds: 1 },
    connection: { ok: true, value: '192.0.2.1:8200', milliseconds: 2 },
    handshake: {
      ok: true,
      value: { protocol: 'TLSv1.3', refusedBy: null, chain },
      milliseconds: 3,
    },
  };
}

t.test('a certificate anywhere in the chain that ends within 30 days is a warning', async (t) => {
  for (const [ends, verdict] of [
    [[31 * DAY, 90 * DAY], 'ok'],
    [[29 * DAY, 90 * DAY], 'warning'],
    [[90 * DAY, 90 * DAY, 10 * DAY], 'warning'],
  ] as const) {
    const findings = endpointFindings(context, endpointWith(...ends.map((ms) => nowMs + ms)));
    t.match(findings, [{ check: 'dns' }, { check: 'tcp' }, { check: 'tls', verdict }]);
  }
  const [, , tls] = endpointFindings(context, endpointWith(nowMs + 90 * DAY, nowMs + 10 * DAY));
  t.match(tls, { found: /link 1 ends in 10d/, fix: /renew it before/ });
});

t.test('a name that is not found, and a handshake that nobody answers', async (t) => {
  const signal = new AbortController().signal;
  const look = { clock: systemClock, signal, timeoutMs: 300 };
  const noTls = { ca: null, cert: null, key: null, serverName: null };
  const unresolved = await lookAtEndpoint({
    ...look,
    address: context.address,
    tls: noTls,
    resolve: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })),
  });
  const found = endpointFindings(context, unresolved);
  t.match(found, [
    {
      check: 'dns',
      verdict: 'failed',
      found: /^vault_unreachable: the name/,
      fix: 'getent hosts vault.example.com',
    },
  ]);
  t.equal(found.length, 1, 'nothing above it');

  const silent = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const address = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const hung = await lookAtEndpoint({ ...look, address, tls: noTls });
  t.match(endpointFindings({ ...context, address }, hung), [
    { check: 'dns', verdict: 'ok' },
    { check: 'tcp', verdict: 'ok' },
    { check: 'tls', verdict: 'failed', found: /^vault_timeout/, fix: /openssl s_client/ },
  ]);
});
