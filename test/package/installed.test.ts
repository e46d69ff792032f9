// What `npm pack` makes, installed into an empty directory as a user would: the program follows a rotation from there,
// and the library and the dev Vault are imported by their names.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { AgentProcess } from '../fixtures/agent-process.js';
import { putToken, vaultWithToken } from '../fixtures/scene.js';

const execute = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Of a user's own shell: nothing that tap, npm or the .npmrc of this checkout tell the programs they start. */
function ownEnvironment(): Record<string, string | undefined> {
  const foreign =
    /^(NODE_OPTIONS|_?TAP_|npm_(lifecycle|package)_|npm_config_(engine_strict|local_prefix|global_prefix)$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

const folder = await mkdtemp(join(tmpdir(), 'kt-installed-'));
t.teardown(() => rm(folder, { recursive: true, force: true }));
const inFolder = { cwd: folder, env: ownEnvironment() };
const packing = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
await execute('npm', packing, { ...inFolder, cwd: ROOT });
const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
await execute(
  'npm',
  [
    ...['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'],
    ...['--prefix', folder, `./${tarball}`],
  ],
  inFolder,
);
const command = join(folder, 'node_modules', '.bin', 'keytender');

t.test('the command says its version and its help', async (t) => {
  t.match((await execute(command, ['--version'], inFolder)).stdout, /^\d+\.\d+\.\d+\n$/);
  t.match((await execute(command, ['--help'], inFolder)).stdout, 'healthcheck');
});

t.test('the agent follows a rotation', async (t) => {
  await using vault = await vaultWithToken();
  const env = {
    VAULT_ADDR: vault.address,
    VAULT_TOKEN: vault.rootToken,
    KEYTENDER_REFRESH_INTERVAL: '1s',
  };
  await using agent = new AgentProcess({ program: command, cwd: folder, env });
  await agent.untilHealth(({ status }) => status === 'ok');
  putToken(vault, 'token-2');
  const health = await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  t.match(health, { status: 'ok', last_refresh_ok: true });
  const asking = ['healthcheck', '--url', await agent.url()];
  await t.resolves(execute(command, asking, inFolder), 'the health check too');
  agent.kill('SIGTERM');
  t.same(await agent.ended, { code: 0, signal: null });
});

const app = `
import { sign, verify, Keyring, connect } from 'keytender';
import { devVault } from 'keytender/dev-vault';
import { signing } from 'keytender/undici';
import { requireSignature as forFastify } from 'keytender/fastify';
import { requireSignature as forExpress } from 'keytender/express';

const vault = await devVault();
const answer = await fetch(vault.address + '/v1/sys/health');
console.log(answer.status, ...[sign, verify, Keyring, connect, signing, forFastify, forExpress].map((one) => typeof one));
await vault.close();
`;

t.test('what is imported by name is there', async (t) => {
  await writeFile(join(folder, 'app.mjs'), app);
  const { stdout } = await execute(process.execPath, ['app.mjs'], inFolder);
  t.equal(stdout, `200${' function'.repeat(7)}\n`);
});
