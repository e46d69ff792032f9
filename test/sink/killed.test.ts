// SIGKILL at every step of a delivery, after every byte: a reader sees the whole old or the whole new token.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Semaphore } from 'async-mutex';
import { build } from 'esbuild';
import t from 'tap';
import { systemDisk } from '../../src/sink/disk.js';
import { FileSink } from '../../src/sink/file-sink.js';
import { strong } from '../fixtures/readings.js';
import { delivery, temporaryFolder } from './deliveries.js';

const run = promisify(execFile);
const KILLS = process.env['KEYTENDER_TEST_FULL'] === undefined ? 100 : 1_000;

t.test(`${KILLS} times`, async (t) => {
  await using folder = await temporaryFolder();
  await using program = await temporaryFolder();
  const writer = join(program.path, 'writer.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('killed-writer.ts', import.meta.url))],
    outfile: writer,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  const path = join(folder.path, 'token');
  // `env` takes away what tap puts into the environment of every child
  const deliver = (token: string, lastStep: number) =>
    run('env', ['-u', 'NODE_OPTIONS', process.execPath, writer, path, token, String(lastStep)]);

  await deliver('token', 0);
  const steps = Number((await deliver('token-0', 0)).stdout);
  t.ok(steps > 40, `${steps} steps`);
  let [held, kills, old] = [strong('token-0'), 0, 0];
  for (let at = 1; at <= KILLS; at += 1) {
    const error: unknown = await deliver(`token-${at}`, ((at - 1) % steps) + 1).catch(
      (reason: unknown) => reason,
    );
    if ((error as { signal?: string }).signal === 'SIGKILL') kills += 1;
    const found = await readFile(path, 'utf8');
    if (found !== held && found !== strong(`token-${at}`)) t.fail(`${at}: a torn token`);
    if (found === held) old += 1;
    held = found;
  }
  t.equal(kills, KILLS);
  t.ok(old > 0 && old < KILLS, `${old} times the old one, else the new one`);
  t.ok((await readdir(folder.path)).length > 1, 'killed writers left something');

  const sink = new FileSink({
    config: { path, format: 'raw', template: null, mode: 0o600, owner: null, removeOnExit: false },
    disk: systemDisk,
    isStrict: () => true,
    now: () => Date.now() + 61_000,
    slots: new Semaphore(1),
  });
  await sink.deliver(delivery(1, 'last'), new AbortController().signal);
  t.strictSame(await readdir(folder.path), ['token'], 'which the next delivery sweeps');
});
