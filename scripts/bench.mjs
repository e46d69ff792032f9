// `npm run bench -- NAME`: bundles bench/NAME.ts in memory's stead (a file under node_modules/.cache) and runs it on this
// Node, so that what is measured is compiled as what is shipped.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const names = readdirSync(new URL('../bench/', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- NAME, one of: ${names.join(', ')}\n`);
  process.exit(2);
}

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
