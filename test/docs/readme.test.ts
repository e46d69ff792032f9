// README.md followed as a new user would: by copy and paste, up to times, ports and names of the machine.
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import { blocksOf, page } from './markdown.js';
import { buildFolder, eventually, freePort, Terminal } from './terminal.js';

const text = page('README.md');
const blocks = blocksOf(text);
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

t.test('the blocks are those that are looked at here', async (t) => {
  t.strictSame(
    blocks.map(({ language }) => language),
    ['sh', 'console', 'sh', 'sh', 'text'],
  );
  t.equal(blocks[0]?.text, 'npm ci && npm start\n');
  t.equal(blocks[2]?.text, 'npm cit\n', 'which is npm ci and npm test');
  t.equal(scripts['start'], 'node dist/keytender.cjs dev');
  t.equal(scripts['test'], 'tap');
  t.match(page('.ci/run'), /^step npm cit$/m, 'and what CI runs');
});

t.test('the terminal looks as it is shown', { timeout: 60_000 }, async (t) => {
  using folder = buildFolder();
  const [vaultPort, agentPort] = [await freePort(), await freePort()];
  const replace = { ':8200': `:${vaultPort}`, ':8210': `:${agentPort}` };
  const env = { KEYTENDER_LISTEN_ADDRESS: `127.0.0.1:${agentPort}` };
  await using first = new Terminal({ folder, env, replace });
  await using second = new Terminal({ folder, env, replace });
  await first.paste(`${scripts['start'] ?? ''} --vault-address 127.0.0.1:8200`);
  await eventually(async () => {
    const { ok } = await fetch(`http://127.0.0.1:${agentPort}/readyz`);
    if (!ok) throw new Error(first.output);
  });
  for (const { command, output } of stepsOf(blocks[1]?.text ?? '')) {
    const wanted = masked(output, {});
    let shown = masked(await second.paste(command), replace);
    if (command.endsWith(' status')) {
      // a busy machine may be a moment late
      shown = await eventually(async () => {
        const again = masked(await second.paste(command.replace(/^sleep \d+; /, '')), replace);
        if (again !== wanted) throw new Error(again);
        return again;
      }).catch((error: unknown) => (error as Error).message);
    }
    t.equal(shown, wanted, command);
  }
  t.match(first.output, /dev: for trying out, not for production/);
});

t.test('three lines are enough for a Vault of your own', { timeout: 60_000 }, async (t) => {
  await using vault = await devVault();
  vault.kv.put('keytender/default/token', { token: 'x'.repeat(32) });
  vault.policy('keytender', page('deploy/vault/policy.hcl'));
  using folder = buildFolder();
  const file = join(folder.path, 'vault-token');
  writeFileSync(file, vault.token({ policies: ['keytender'] }).token, { mode: 0o600 });
  const listen = `127.0.0.1:${await freePort()}`;
  await using terminal = new Terminal({
    folder,
    env: { KEYTENDER_LISTEN_ADDRESS: listen },
    replace: { 'https://vault.example.com:8200': vault.address, '/run/secrets/vault-token': file },
  });
  const out = await terminal.paste(blocks[3]?.text ?? '');
  t.notMatch(out, /^(?:failed|warning)/m, 'check finds nothing to say');
  await eventually(async () => {
    const { ok } = await fetch(`http://${listen}/readyz`);
    if (!ok) throw new Error(terminal.output);
  });
  t.equal(await terminal.stop(), 0);
});

interface Step {
  readonly command: string;
  readonly output: string;
}

function stepsOf(console: string): Step[] {
  return console
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = '', ...output] = step.split('\n');
      return { command, output: output.join('\n').trim() };
    });
}

/** Without what differs from run to run. */
function masked(output: string, replace: Readonly<Record<string, string>>): string {
  return Object.entries(replace)
    .reduce((text, [from, to]) => text.replaceAll(to, from), output)
    .replaceAll(hostname(), 'laptop')
    .replaceAll(/\bnow\b/g, '0s ago')
    .replaceAll(/\b(?:\d+[dhm] )?\d+[hms]\b/g, '0s')
    .replaceAll(/ +/g, ' ')
    .trim();
}
