// docs/dependencies.md against package.json, both ways, and package.json against the imports.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { importsOfSource } from '../architecture/imports.js';
import { page, tableUnder } from './markdown.js';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const text = page('docs/dependencies.md');

function namesUnder(heading: string): string[] {
  const rows = tableUnder(text, heading);
  t.ok(
    rows.every((row) => row.every((cell) => cell !== '')),
    `no empty cell under ${heading}`,
  );
  return rows.map(([name = '']) => name.replaceAll('`', ''));
}

t.test('each dependency has its row, and each row its dependency', async (t) => {
  t.strictSame(namesUnder('At run time'), Object.keys(manifest.dependencies).sort());
  t.strictSame(namesUnder('For development'), Object.keys(manifest.devDependencies).sort());
});

t.test('each dependency is imported, and each import is a dependency', async (t) => {
  const imported = importsOfSource()
    .map(({ to }) => to)
    .filter((name) => !name.startsWith('src/') && !name.startsWith('node:'))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
  t.strictSame([...new Set(imported)].sort(), Object.keys(manifest.dependencies).sort());
});

t.test('versions are exact', async (t) => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(all)) t.match(version, /^\d+\.\d+\.\d+$/, name);
});
