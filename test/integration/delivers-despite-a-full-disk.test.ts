// A small tmpfs, mounted as Compose does, that is full: the old file stays whole, `/health` says what to do, and room heals it.
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { temporaryFolder } from '../sink/deliveries.js';

const programs = { mount: 'mount', umount: 'umount' };

/** null: this user may not mount (test/sink/file-sink.test.ts has a disk that refuses at each step, for everybody). */
function smallDisk(path: string): Disposable | null {
  try {
    const options = ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path];
    execFileSync(programs.mount, options, { stdio: 'ignore' });
  } catch {
    return null;
  }
  return {
    [Symbol.dispose]: () => {
      execFileSync(programs.umount, ['--lazy', path]);
    },
  };
}

t.test('a full disk keeps the old token, and is told', async (t) => {
  await using folder = await temporaryFolder();
  const volume = join(folder.path, 'volume');
  await mkdir(volume);
  using disk = smallDisk(volume);
  if (disk === null) {
    t.pass('may not mount here');
    return;
  }
  const path = join(volume, 'token');
  const config = join(folder.path, 'settings.yaml');
  await writeFile(config, `sinks: [{ name: app, type: file, path: ${path} }]\n`);
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { args: ['agent', '--config', config] });
  await agent.untilHealth(({ sinks }) => sinks?.['app']?.version === 1);

  const ballast = join(volume, 'ballast');
  await writeFile(ballast, Buffer.alloc(1_000_000)).catch(() => undefined);
  putToken(vault, 'token-2');
  const { status, tokens, sinks } = await agent.untilHealth(
    (health) => health.sinks?.['app']?.ok === false,
  );
  t.match(sinks, { app: { version: 1, error: 'the disk is full; make room (ENOSPC)' } });
  t.match([status, tokens['default']?.version], ['ok', 2], 'the rotation is there all the same');
  t.equal(await readFile(path, 'utf8'), strong('token-1'));
  t.strictSame((await readdir(volume)).sort(), ['ballast', 'token']);
  t.match((await agent.get('/metrics')).body, /sink_writes_total\{.*"failed"\} [1-9]/);

  await unlink(ballast);
  await agent.untilHealth((health) => health.sinks?.['app']?.ok === true, 40_000);
  t.equal(await readFile(path, 'utf8'), strong('token-2'));
});
