// Builds what is shipped: dist/keytender.cjs (everything, one file), dist/healthcheck.cjs (node:net and nothing else)
// and dist/THIRD_PARTY_NOTICES. The same sources give the same bytes. Fails on a warning, on a required module that
// is neither bundled nor part of Node, and on an omitted part that is no longer there to be omitted.
//
//   node scripts/build.mjs [--out DIR] [--sourcemap]
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { isBuiltin, omit } from './omissions.mjs';
import { notices } from './notices.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist') },
    sourcemap: { type: 'boolean', default: false },
  },
});
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // not the identifiers: readable stack frames, and measured no slower to start and smaller in memory than short ones
  minifyWhitespace: true,
  minifySyntax: true,
  // the notices file holds the licences whole; and one character beyond ASCII in the file would double it in memory
  legalComments: 'none',
  charset: 'ascii',
  metafile: true,
  logLevel: 'silent',
  write: false,
  define: { KEYTENDER_VERSION: JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
  banner: { js: '#!/usr/bin/env node\n"use strict";' },
};

async function bundle(entry, name, plugins = []) {
  const outfile = join(options.out, name);
  const result = await build({
    ...shared,
    entryPoints: [entry],
    outfile,
    plugins,
    sourcemap: options.sourcemap ? 'external' : false,
  });
  refuse(result.warnings.map(({ text, location }) => `${location?.file ?? ''}: ${text}`));
  refuse(strangers(result.metafile).map((path) => `require of '${path}', which is not bundled`));
  await mkdir(options.out, { recursive: true });
  for (const file of result.outputFiles) await writeFile(file.path, file.contents);
  await chmod(outfile, 0o755);
  return result.metafile;
}

function strangers(metafile) {
  return Object.values(metafile.outputs)
    .flatMap((output) => output.imports)
    .filter(({ path, external }) => external && !isBuiltin(path))
    .map(({ path }) => path);
}

function refuse(problems) {
  if (problems.length === 0) return;
  for (const problem of problems) console.error(`build: ${problem}`);
  process.exit(1);
}

const omitted = omit();
const main = await bundle('src/main.ts', 'keytender.cjs', [omitted.plugin]);
const small = await bundle('src/healthcheck.ts', 'healthcheck.cjs');
refuse(omitted.unused().map((name) => `'${name}' is to be left out, but nothing asks for it`));
await writeFile(join(options.out, 'THIRD_PARTY_NOTICES'), await notices(root, [main, small]));
