// Drives the status page in a real browser: the tests of test/page/, with a Chromium of this system. They stand apart
// from `npm test`, which needs nothing but `npm ci`.
//
//   npm run test:page                    the tests
//   npm run test:page -- --screenshots   the pictures of README.md anew
//   CHROMIUM=/path/to/chromium           which browser; default: the first on PATH
//
// In CI and as root, a missing one is installed with apt-get.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const { values: options } = parseArgs({
  options: { screenshots: { type: 'boolean', default: false } },
});

/** Ends this program when the other failed. */
function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function onPath() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function install() {
  if (process.env.CI === undefined || process.getuid?.() !== 0) return undefined;
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium']);
  return onPath();
}

const chromium = process.env.CHROMIUM ?? onPath() ?? install();
if (chromium === undefined) {
  console.error(
    'test-page: no Chromium on PATH: apt-get install chromium, or name one in CHROMIUM',
  );
  process.exit(1);
}
const files = options.screenshots ? ['screenshots'] : ['alive', 'readable'];
run(process.execPath, ['scripts/build.mjs']);
run(
  process.execPath,
  [
    'node_modules/tap/dist/esm/run.mjs',
    '--disable-coverage',
    ...files.map((name) => `test/page/${name}.page.ts`),
  ],
  { CHROMIUM: chromium },
);
