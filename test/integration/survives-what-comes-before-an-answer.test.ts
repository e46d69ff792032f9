// The rows of the failure table that end before Vault could answer: names that do not resolve, certificates that are
// not to be trusted, logins that are refused. On the built program.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { pause } from '../fixtures/agent-process.js';
import { agentOf, emptyVault, putToken, vaultWithToken } from '../fixtures/scene.js';

t.jobs = 3;
const tlsFile = (name: string) => new URL(`../vault/tls/${name}`, import.meta.url).pathname;
const certificate = (name: string) => ({
  cert: readFileSync(tlsFile(`${name}.pem`), 'utf8'),
  key: readFileSync(tlsFile(`${name}.key`), 'utf8'),
});

t.test('a certificate that expired keeps the token and is named, a good one heals', async (t) => {
  await using vault = await emptyVault({ tls: certificate('server') });
  putToken(vault, 'token-1');
  await using agent = agentOf(vault, { env: { VAULT_CACERT: tlsFile('ca.pem') } });
  await agent.untilHealth(({ status }) => status === 'ok');
  vault.setTls(certificate('expired'));
  const refusal = vault.faults.add({ kind: 'refuse' });
  await pause(100);
  refusal.remove();
  const health = await agent.untilHealth(
    ({ tokens }) => tokens['default']?.error?.class === 'vault_tls',
  );
  t.match(health.tokens['default'], { state: 'stale', usable: true, version: 1 });
  vault.setTls(certificate('server'));
  await agent.untilHealth(({ status }) => status === 'ok');
});

t.test('a name that does not resolve is no reason to end', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: { VAULT_ADDR: 'https://no-such-name.invalid:8200', KEYTENDER_VAULT_TIMEOUT: '5s' },
  });
  const health = await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
  t.match(health.tokens['default']?.error?.class, /^vault_(unreachable|timeout)$/);
  t.equal((await agent.get('/livez')).status, 200);
});

t.test('a login that is refused is named, and never a storm', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: { VAULT_TOKEN: undefined, VAULT_ROLE_ID: 'no-such-role', VAULT_SECRET_ID: 'none' },
  });
  const health = await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
  t.equal(health.tokens['default']?.error?.class, 'vault_login_failed');
  vault.clearRequests();
  await pause(3_000);
  t.ok(vault.requests.length <= 8, `${vault.requests.length} requests in 3 s`);
});
