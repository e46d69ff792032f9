// The build: the same bytes each time, nothing foreign, the licences, and stubs that say what they are.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { fileSchema } from '../../src/config/file-schema.js';
import { probeSpecs } from '../../src/http/probe-routes.js';
import { signedSpecs } from '../../src/http/signed/signed-api.js';
import { statusPageSpecs } from '../../src/http/status-page/routes.js';

const root = join(import.meta.dirname, '../..');
const exec = promisify(execFile);

async function build(out: string): Promise<void> {
  await exec(process.execPath, [join(root, 'scripts/build.mjs'), '--out', out]);
}

t.test('two builds are the same files, byte for byte', async (t) => {
  const [first, second] = [t.testdir({ a: {} }) + '/a', join(t.testdirName, 'b')];
  await Promise.all([build(first), build(second)]);
  t.same(readdirSync(first).sort(), ['THIRD_PARTY_NOTICES', 'healthcheck.cjs', 'keytender.cjs']);
  for (const name of readdirSync(first)) {
    t.ok(readFileSync(join(first, name)).equals(readFileSync(join(second, name))), name);
  }
  const bundle = readFileSync(join(first, 'keytender.cjs'), 'utf8');
  t.ok(bundle.startsWith('#!/usr/bin/env node\n'));
  t.notMatch(bundle, root, 'no path of the machine it was built on');
  const notices = readFileSync(join(first, 'THIRD_PARTY_NOTICES'), 'utf8');
  for (const name of ['commander', 'fastify', 'node-vault', 'pino', 'undici']) {
    t.match(notices, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, 'm'));
  }
  for (const name of ['axios', 'ajv', 'light-my-request', 'esbuild']) {
    t.notMatch(notices, new RegExp(`^${name} `, 'm'), `${name} is not in it`);
  }
  t.match(notices, /Permission is hereby granted/);
});

interface Made {
  readonly files: readonly { readonly text: string }[];
}

/** The bundle of a program that is this text. */
async function bundleOf(contents: string): Promise<string> {
  const { bundle } = (await import(join(root, 'scripts/bundle.mjs'))) as {
    bundle: (options: unknown) => Promise<Made>;
  };
  const entry = { contents, resolveDir: root, sourcefile: 'entry.js' };
  const made = await bundle({ root, entry, outfile: join(root, 'dist/x.cjs'), version: '1' });
  return made.files[0]?.text ?? '';
}

t.test('a required module that is neither bundled nor of Node fails the build', async (t) => {
  await t.rejects(bundleOf("require('no-such-package')"), {
    name: 'BundleError',
    message: /no-such-package/,
  });
  await t.rejects(bundleOf("try { require('no-such-package') } catch {}"), {
    message: /'no-such-package' is neither bundled nor part of Node/,
  });
  await t.resolves(bundleOf("require('node:net'); require('fs')"));
});

t.test('entry points that load everything fail the build, with what to import', async (t) => {
  await t.rejects(bundleOf("require('undici')"), { message: /undici\/lib\/dispatcher\/pool\.js/ });
  await t.rejects(bundleOf("require('prom-client')"), {
    message: /prom-client\/lib\/registry\.js/,
  });
});

t.test('a part that was left out says so when it is called, at whatever depth', async (t) => {
  const text = await bundleOf(`
    const axios = require('axios');
    const { get } = axios;
    module.exports = { calls: [() => axios(), () => get(), () => axios.create.x, () => new axios.Axios()] };`);
  const file = join(t.testdir({ 'bundled.cjs': text }), 'bundled.cjs');
  const { calls } = createRequire(file)(file) as { calls: (() => unknown)[] };
  const [call, member, property, construct] = calls;
  for (const refused of [call, member, construct]) {
    t.throws(() => refused?.(), { message: /^axios is left out of this build/ });
  }
  t.doesNotThrow(() => property?.(), 'looking is allowed');
});

/** Runs a bundle and gives what it exports. */
async function exportsOf(t: Test, contents: string): Promise<Record<string, unknown>> {
  const file = join(t.testdir({ 'bundled.cjs': await bundleOf(contents) }), 'bundled.cjs');
  return createRequire(file)(file) as Record<string, unknown>;
}

t.test('schemas in the bundle are those that TypeBox makes of the sources', async (t) => {
  const made = await exportsOf(
    t,
    `import { fileSchema } from './src/config/file-schema.ts';
    import { probeSpecs } from './src/http/probe-routes.ts';
    import { statusPageSpecs } from './src/http/status-page/routes.ts';
    import { signedSpecs } from './src/http/signed/signed-api.ts';
    export const schemas = [fileSchema(), probeSpecs, statusPageSpecs({ rotate: () => null }), signedSpecs];`,
  );
  const rotate = () => Promise.reject(new Error('not called'));
  const schemas = [fileSchema(), probeSpecs, statusPageSpecs({ rotate }), signedSpecs];
  t.match(JSON.stringify(schemas), /"required":\["signature-input","signature"\]/);
  const [bundled, fromSources] = [made['schemas'], schemas].map(asJson);
  t.same(bundled, fromSources);
});

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

t.test('an assertion of a dependency that does not hold is one as ever', async (t) => {
  const made = await exportsOf(
    t,
    `const router = require('find-my-way')();
    exports.on = (path) => router.on('GET', path, () => 0);`,
  );
  const on = made['on'] as (path: unknown) => void;
  t.doesNotThrow(() => {
    on('/a');
  });
  t.throws(
    () => {
      on(1);
    },
    { code: 'ERR_ASSERTION', message: 'Path should be a string' },
  );
});
