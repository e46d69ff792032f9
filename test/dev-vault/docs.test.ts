// docs/dev-vault.md against the code, both ways, and its example as a test of its own.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import t from 'tap';
import { FAULT_KINDS } from '../../src/dev-vault/index.js';
import { listRoutes } from '../../src/dev-vault/routes.js';

const page = readFileSync(new URL('../../docs/dev-vault.md', import.meta.url), 'utf8');

/** The rows of the table under a heading of columns, as cells. */
function table(heading: string): string[][] {
  const [, after = ''] = page.split(new RegExp(`^\\| *${heading} *\\|.*\\n\\|[-| ]+\\n`, 'm'));
  const rows = after.split('\n').slice(
    0,
    after.split('\n').findIndex((line) => !line.startsWith('|')),
  );
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

t.test('the table of routes lists exactly what is answered', async (t) => {
  const documented = table('route').map(([path, methods]) => `${path} ${methods}`);
  const answered = listRoutes().map(({ path, methods }) => `${path} ${methods.join(', ')}`);
  t.ok(documented.length > 50);
  t.strictSame(documented.sort(), answered.sort());
});

t.test('the table of faults lists exactly the kinds there are', async (t) => {
  const documented = table('kind').map(([kind]) => kind);
  t.strictSame(documented.sort(), [...FAULT_KINDS]);
});

t.test('every option of the table is one, and the other way', async (t) => {
  const source = readFileSync(new URL('../../src/dev-vault/options.ts', import.meta.url), 'utf8');
  const [, body = ''] = /interface DevVaultOptions \{([^]*?)\n\}/.exec(source) ?? [];
  const options = [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
  t.strictSame(
    table('option')
      .map(([name]) => name)
      .sort(),
    options.sort(),
  );
});

t.test('the example of the page passes as it stands', async (t) => {
  const [, example = ''] = /```ts\n([^]*?)```/.exec(page) ?? [];
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const file = `${folder}documented-example.mjs`;
  await build({
    stdin: { contents: example, resolveDir: folder, loader: 'ts' },
    alias: {
      'keytender/dev-vault': fileURLToPath(
        new URL('../../src/dev-vault/index.ts', import.meta.url),
      ),
    },
    external: ['tap'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    outfile: file,
    logLevel: 'silent',
  });
  t.teardown(() => {
    rmSync(file, { force: true });
  });
  // As a program of its own, without the loader that tap gives to children.
  const env = { PATH: process.env['PATH'] };
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 60_000 });
  t.match(stdout, /ok 1 - the service keeps its secret/);
  t.notMatch(stdout, /not ok/);
});
