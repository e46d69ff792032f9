// Whatever `check` finds wrong between a name and a version's history, there is a command to paste with it, for this
// address, mount and path. What the commands do is tried in fixes.test.ts.
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { endpointFindings } from '../../../src/cli/check/endpoint-findings.js';
import type { CheckName, Finding } from '../../../src/cli/check/finding.js';
import { nodeFindings } from '../../../src/cli/check/node-findings.js';
import { main } from '../../../src/cli/main.js';
import { devVault, type DevVault, type DevVaultOptions } from '../../../src/dev-vault/index.js';
import { freePort } from '../fake-agent.js';
import { testIo } from '../test-io.js';

const pem = (name: string): string => new URL(`../../vault/tls/${name}`, import.meta.url).pathname;
const path = 'keytender/default/token';
const good = { token: 'x'.repeat(40) };

/** Something to paste: a program that everybody has who runs Vault, with what to give it. */
const COMMAND =
  /(?:^|[:;] |\(|&& )(?:vault|export|openssl|getent|nc|curl|timedatectl|echo) [-\w'"./$]+/;

const seen = new Map<CheckName, number>();

function hold(t: Test, what: string, findings: readonly Finding[], check: CheckName): void {
  const wrong = findings.filter(({ verdict }) => verdict === 'failed' || verdict === 'warning');
  t.ok(
    wrong.some((finding) => finding.check === check),
    `${what}: ${check} tells it`,
  );
  for (const finding of wrong) {
    if (finding.check === 'settings') continue;
    t.match(finding.fix, COMMAND, `${what}: ${finding.check}`);
    seen.set(finding.check, (seen.get(finding.check) ?? 0) + 1);
  }
}

interface Row {
  readonly what: string;
  readonly check: CheckName;
  readonly options?: DevVaultOptions;
  readonly spoil?: Spoil;
  readonly env?: (vault: DevVault) => Record<string, string> | Promise<Record<string, string>>;
}

const tlsOf = (name: string): DevVaultOptions => ({
  tls: { cert: readFileSync(pem(`${name}.pem`)), key: readFileSync(pem(`${name}.key`)) },
});

type Spoil = (vault: DevVault) => void;

function answering(status: number, at = `secret/data/${path}`): Spoil {
  return (vault) => {
    vault.faults.add({ kind: 'status', path: at, status });
  };
}

function newest(data: Readonly<Record<string, unknown>>): Spoil {
  return (vault) => {
    vault.kv.put(path, data);
  };
}

const rows: readonly Row[] = [
  {
    what: 'nobody listens',
    check: 'tcp',
    env: async () => ({ VAULT_ADDR: `http://127.0.0.1:${await freePort()}` }),
  },
  { what: 'an unknown authority', check: 'tls', options: tlsOf('server') },
  {
    what: 'another name',
    check: 'tls',
    options: tlsOf('other'),
    env: () => ({ VAULT_CACERT: pem('ca.pem') }),
  },
  {
    what: 'an expired certificate',
    check: 'tls',
    options: tlsOf('expired'),
    env: () => ({ VAULT_CACERT: pem('ca.pem') }),
  },
  {
    what: 'TLS files that cannot be used',
    check: 'credentials',
    env: () => ({ VAULT_CACERT: new URL(import.meta.url).pathname }),
  },
  {
    what: 'a proxy that answers nothing of Vault',
    check: 'seal',
    spoil: answering(418, 'sys/health'),
  },
  {
    what: 'a seal',
    check: 'seal',
    spoil: (vault) => {
      vault.seal();
    },
  },
  { what: 'no Vault token', check: 'login', env: () => ({ VAULT_TOKEN: '' }) },
  { what: 'a dead Vault token', check: 'login', env: () => ({ VAULT_TOKEN: 'dead' }) },
  {
    what: 'a use-limited Vault token',
    check: 'login',
    env: (vault) => ({ VAULT_TOKEN: vault.token({ numUses: 9 }).token }),
  },
  {
    what: 'a Vault token that ends soon',
    check: 'login',
    env: (vault) => ({ VAULT_TOKEN: vault.token({ renewable: false, ttlSeconds: 60 }).token }),
  },
  {
    what: 'a Vault token without the default policy',
    check: 'login',
    env: (vault) => ({ VAULT_TOKEN: vault.token({ noDefaultPolicy: true }).token }),
  },
  { what: 'a Vault token that may write', check: 'capabilities' },
  {
    what: 'a Vault token that may not read',
    check: 'capabilities',
    env: (vault) => ({ VAULT_TOKEN: vault.token({ policies: [] }).token }),
  },
  { what: '500', check: 'read', spoil: answering(500) },
  { what: '404 of nobody', check: 'read', spoil: answering(404) },
  { what: '429', check: 'read', spoil: answering(429) },
  {
    what: 'deleted',
    check: 'read',
    spoil: (vault) => {
      vault.kv.delete(path);
    },
  },
  {
    what: 'destroyed',
    check: 'read',
    spoil: (vault) => {
      vault.kv.destroy(path, [1]);
    },
  },
  {
    what: 'no secret',
    check: 'read',
    spoil: (vault) => {
      vault.kv.deleteMetadata(path);
    },
  },
  { what: 'no field', check: 'document', spoil: newest({ tokn: 'x' }) },
  {
    what: 'a short token',
    check: 'document',
    spoil: newest({ token: 'x' }),
  },
  {
    what: 'another clock',
    check: 'clock',
    options: { now: () => Date.now() - 3_600_000 },
  },
];

for (const { what, check, options = {}, spoil, env } of rows) {
  t.test(`${what}: with a command to paste`, async (t) => {
    await using vault = await devVault(options);
    vault.kv.put(path, good);
    spoil?.(vault);
    const io = testIo({
      env: { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken, ...(await env?.(vault)) },
    });
    await main(['check', '--json'], io);
    hold(t, what, (JSON.parse(io.out()) as { findings: Finding[] }).findings, check);
  });
}

t.test('what no dev Vault says: nodes of a cluster, names, chains', async (t) => {
  const address = 'https://vault.example.com:8200';
  for (const status of [474, 500, 501, 503, 530]) {
    const headers = { date: null, retryAfter: null, location: null };
    const answer = { status, headers, bodyText: '{}' };
    hold(t, String(status), nodeFindings(address, { ok: true, answer, milliseconds: 1 }), 'seal');
  }
  for (const failureClass of ['vault_unreachable', 'vault_timeout'] as const) {
    const failure = { class: failureClass, message: 'x' };
    hold(t, failureClass, nodeFindings(address, { ok: false, failure }), 'reachability');
  }
  const gone = { ok: false as const, error: { code: 'ENOTFOUND' } };
  const names = { ok: true as const, value: ['192.0.2.1'], milliseconds: 1 };
  const connection = { ok: true as const, value: '192.0.2.1:8200', milliseconds: 1 };
  const context = { address, caCert: null, nowMs: 0 };
  const nothing = { connection: null, handshake: null };
  hold(t, 'a name', endpointFindings(context, { names: gone, ...nothing }), 'dns');
  for (const refusedBy of [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'CERT_REVOKED',
  ]) {
    const value = { protocol: 'TLSv1.3', refusedBy, chain: [] };
    const handshake = { ok: true as const, value, milliseconds: 1 };
    const found = endpointFindings(context, { names, connection, handshake });
    hold(t, refusedBy, found, 'tls');
  }
});

t.test('every check that can fail was seen to', async (t) => {
  const names = ['dns', 'tcp', 'tls', 'reachability', 'seal', 'login', 'capabilities', 'read'];
  t.same([...seen.keys()].sort(), [...names, 'clock', 'credentials', 'document'].sort());
});
