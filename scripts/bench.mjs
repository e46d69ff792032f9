// `npm run bench`: the series (bench/series.ts), with what follows as its arguments; `npm run bench -- NAME`: another one,
// bench/NAME.ts. Bundled into a file under node_modules/.cache, and run on this Node.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const names = readdirSync(new URL('../bench/', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));
const words = process.argv.slice(2);
const isNamed = names.includes(words[0]);
const name = isNamed ? words[0] : 'series';
const args = isNamed ? words.slice(1) : words;

const outfile = `node_modules/.cache/bench/${name}.mjs`;
await build({
  entryPoints: [`bench/${name}.ts`],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  outfile,
  logLevel: 'error',
});
const { status } = spawnSync(process.execPath, ['--expose-gc', outfile, ...args], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
