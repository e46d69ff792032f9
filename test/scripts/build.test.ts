// The build: the same bytes each time, nothing foreign, the licences, and stubs that say what they are.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

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
