import { readFileSync } from 'node:fs';
import t from 'tap';
import { Agent, request } from 'undici';
import { devVault } from '../../src/dev-vault/index.js';

const pem = (name: string) =>
  readFileSync(new URL(`../vault/tls/${name}`, import.meta.url), 'utf8');
const certificate = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });

/** The status of `sys/health` over TLS, or the code of the error that the connection ended with. */
async function health(address: string, connect: object): Promise<number | string> {
  const dispatcher = new Agent({ connect });
  try {
    const { statusCode, body } = await request(`${address}/v1/sys/health`, { dispatcher });
    await body.dump();
    return statusCode;
  } catch (error) {
    return String((error as { code?: unknown }).code);
  } finally {
    await dispatcher.destroy();
  }
}

t.test('it serves TLS with the certificate it is given', async (t) => {
  await using vault = await devVault({ tls: certificate('server') });
  t.match(vault.address, /^https:/);
  t.equal(await health(vault.address, { ca: pem('ca.pem') }), 200);
  t.match(await health(vault.address, {}), /CERT|SIGNATURE|ISSUER/, 'which nobody knows by itself');
});

t.test('certificates can be chosen while it runs: expired, of another authority', async (t) => {
  await using vault = await devVault({ tls: certificate('server') });
  vault.setTls(certificate('expired'));
  t.equal(await health(vault.address, { ca: pem('ca.pem') }), 'CERT_HAS_EXPIRED');
  vault.setTls(certificate('other'));
  t.match(await health(vault.address, { ca: pem('ca.pem') }), /CERT|ALTNAME|SIGNATURE|ISSUER/);
  vault.setTls(certificate('server'));
  t.equal(await health(vault.address, { ca: pem('ca.pem') }), 200);
});

t.test('it can demand a client certificate', async (t) => {
  const tls = { ...certificate('server'), ca: pem('ca.pem'), requestCert: true };
  await using vault = await devVault({ tls });
  t.equal(await health(vault.address, { ca: pem('ca.pem'), ...certificate('client') }), 200);
  t.type(await health(vault.address, { ca: pem('ca.pem') }), 'string', 'and refuses who has none');
});

t.test('plain HTTP has no certificates to change', async (t) => {
  await using vault = await devVault();
  t.throws(() => {
    vault.setTls(certificate('server'));
  }, TypeError);
});
