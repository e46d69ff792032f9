// One entry, one file, in memory: bundled, minified, and refused when it would not stand alone. The same sources give
// the same bytes.
import { build } from 'esbuild';
import { defer } from './deferrals.mjs';
import { isBuiltin, omit } from './omissions.mjs';
import { statusPageAssets } from './status-page-assets.mjs';

/** What is wrong with a bundle, a line each. */
export class BundleError extends Error {
  constructor(problems) {
    super(problems.join('\n'));
    this.name = 'BundleError';
  }
}

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  // one character beyond ASCII in the file would double it in memory
  charset: 'ascii',
  // the notices file holds the licences whole
  legalComments: 'none',
  metafile: true,
  logLevel: 'silent',
  write: false,
  banner: { js: '#!/usr/bin/env node\n"use strict";' },
};

/**
 * `entry`: as esbuild takes an entry point or `stdin`. Resolves with the files and esbuild's metafile. Throws
 * `BundleError` for warnings, and for required modules that are neither bundled nor part of Node.
 */
export async function bundle({ root, entry, outfile, version, sourcemap = false }) {
  const omitted = omit();
  const result = await build({
    ...shared,
    ...(typeof entry === 'string' ? { entryPoints: [entry] } : { stdin: entry }),
    absWorkingDir: root,
    outfile,
    plugins: [omitted.plugin, defer(), statusPageAssets()],
    sourcemap: sourcemap ? 'external' : false,
    define: { KEYTENDER_VERSION: JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
  }).catch((error) => {
    throw new BundleError(error.errors?.map(describe) ?? [String(error)]);
  });
  const problems = [...result.warnings.map(describe), ...strangers(result.metafile)];
  if (problems.length > 0) throw new BundleError(problems);
  return { files: result.outputFiles, metafile: result.metafile, unused: omitted.unused() };
}

function describe({ text, location }) {
  return location ? `${location.file}:${location.line}: ${text}` : text;
}

function strangers(metafile) {
  return Object.values(metafile.outputs)
    .flatMap((output) => output.imports)
    .filter(({ path, external }) => external && !isBuiltin(path))
    .map(({ path }) => `'${path}' is neither bundled nor part of Node`);
}
