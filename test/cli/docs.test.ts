// docs/cli.md against the program, both ways; and its examples, run.
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkNames } from '../../src/cli/check/finding.js';
import { exitCode } from '../../src/cli/exit-code.js';
import { parseHealthcheck } from '../../src/cli/healthcheck/options.js';
import { buildProgram } from '../../src/cli/program.js';
import { bundle, start } from './program.js';
import { testIo } from './test-io.js';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const program = buildProgram(testIo(), () => undefined);

/** The first cells of the first table under a heading, without their quotes. */
function table(heading: string, header: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const [, rows = ''] = section.split(new RegExp(`^\\| ${header} +\\|.*\\n\\|.*\\n`, 'm'));
  return (rows.split('\n\n')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => (line.split('|')[1] ?? '').trim().replaceAll('`', ''));
}

t.test('the commands are listed, each with a section of its own', async (t) => {
  const names = program.commands.map((command) => command.name());
  t.same(table('Commands', 'command'), names);
  for (const name of names) t.match(page, new RegExp(`^## ${name}$`, 'm'));
});

t.test('the options of each command are listed, and no others', async (t) => {
  for (const command of program.commands) {
    const flags = command.options.map((option) => option.flags);
    t.same(table(command.name(), 'option'), flags, command.name());
  }
  const shared = program.options
    .map((option) => option.flags)
    .filter((flags) => !/version/.test(flags));
  t.same(table('Options of every command', 'option'), [...shared, '-V, --version', '-h, --help']);
});

t.test(
  'the health check, which reads its options by hand, knows those that are listed',
  async (t) => {
    for (const flags of table('healthcheck', 'option')) {
      const [option = '', value] = flags.split(' ');
      const words = value === '<duration>' ? ['1s'] : value === '<url>' ? ['http://a'] : [];
      t.doesNotThrow(() => parseHealthcheck([option, ...words]), flags);
    }
  },
);

t.test('the exit codes are listed', async (t) => {
  t.same(table('Exit codes', 'code').map(Number), Object.values(exitCode));
});

t.test('what check looks at is listed', async (t) => {
  t.same(table('check', 'check').sort(), [...checkNames].sort());
});

t.test('the examples that can be run do what they say', async (t) => {
  const folder = t.testdir({
    keytender: `#!/bin/sh\nexec env -u NODE_OPTIONS '${process.execPath}' '${bundle}' "$@"\n`,
  });
  chmodSync(join(folder, 'keytender'), 0o755);
  const dev = start(['dev', '--vault-address', '127.0.0.1:0'], {
    KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
  });
  t.teardown(() => dev[Symbol.asyncDispose]());
  const [, agent = ''] = await dev.untilOut(/agent {6}http:\/\/(\S+)/);
  const [, vault = ''] = await dev.untilOut(/dev Vault {2}(http:\S+)/);
  const [, socket = ''] = await dev.untilOut(/socket {5}(\S+)/);
  const env = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    KEYTENDER_LISTEN_ADDRESS: agent,
    KEYTENDER_LISTEN_SOCKET: socket,
    VAULT_ADDR: vault,
    VAULT_TOKEN: 'root',
  };
  await dev.untilOut(/token_loaded/);
  const examples = [...page.matchAll(/^```console\n(.*?)^```/gms)]
    .flatMap(([, block = '']) => block.split('\n'))
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.slice(2));
  t.ok(examples.length >= 8);
  for (const example of examples) {
    const code = await new Promise((resolve) => {
      execFile('sh', ['-c', example], { env }, (error, _stdout, stderr) => {
        resolve(error === null ? 0 : stderr);
      });
    });
    t.equal(code, 0, example);
  }
});
