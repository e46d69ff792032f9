// Builds what is shipped: dist/keytender.cjs (everything, one file), dist/healthcheck.cjs (node:net and nothing else)
// and dist/THIRD_PARTY_NOTICES.
//
//   node scripts/build.mjs [--out DIR] [--sourcemap]
import { createHash } from 'node:crypto';
import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle, BundleError } from './bundle.mjs';
import { notices } from './notices.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist') },
    sourcemap: { type: 'boolean', default: false },
  },
});

async function make(entry, name, version) {
  const outfile = join(options.out, name);
  const made = await bundle({ root, entry, outfile, version, sourcemap: options.sourcemap });
  for (const file of made.files) await writeFile(file.path, file.contents);
  // compiled code is kept under it (deploy/image/start.cjs): V8 itself compares no more than lengths
  const { contents } = made.files.find(({ path }) => path === outfile);
  const hash = createHash('sha256').update(contents).digest('hex');
  await appendFile(outfile, `//${hash}\n`);
  await chmod(outfile, 0o755);
  return made;
}

try {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await mkdir(options.out, { recursive: true });
  const main = await make('src/main.ts', 'keytender.cjs', version);
  const small = await make('src/healthcheck.ts', 'healthcheck.cjs', version);
  if (main.unused.length > 0) {
    // the list in omissions.mjs would be stale
    throw new BundleError(main.unused.map((name) => `nothing asks for '${name}' any more`));
  }
  const text = await notices(root, [main.metafile, small.metafile]);
  await writeFile(join(options.out, 'THIRD_PARTY_NOTICES'), text);
} catch (error) {
  if (!(error instanceof BundleError)) throw error;
  for (const line of error.message.split('\n')) console.error(`build: ${line}`);
  process.exitCode = 1;
}
