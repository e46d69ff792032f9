import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Semaphore } from 'async-mutex';
import t from 'tap';
import { type Disk, systemDisk } from '../../src/sink/disk.js';
import { FileSink, type FileSinkOptions } from '../../src/sink/file-sink.js';
import { strong } from '../fixtures/readings.js';
import {
  delivery,
  diskError,
  snapshotOf,
  steppedDisk,
  temporaryFolder,
  without,
} from './deliveries.js';

const never = new AbortController().signal;

function sinkAt(
  path: string,
  config: Partial<FileSinkOptions['config']> = {},
  options: Partial<Omit<FileSinkOptions, 'config'>> = {},
): FileSink {
  return new FileSink({
    config: {
      path,
      format: 'raw',
      template: null,
      mode: 0o600,
      owner: null,
      removeOnExit: false,
      ...config,
    },
    disk: systemDisk,
    isStrict: () => false,
    now: () => Date.now(),
    slots: new Semaphore(2),
    ...options,
  });
}

t.test('the file has the token, its mode, and nothing is left beside it', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  for (const mode of [0o600, 0o640, 0o444]) {
    const sink = sinkAt(path, { mode });
    await sink.deliver(delivery(1, `token-${mode}`), never);
    t.equal(await readFile(path, 'utf8'), strong(`token-${mode}`));
    t.equal((await stat(path)).mode & 0o7777, mode);
    t.ok(await sink.isIntact());
  }
  t.strictSame(await readdir(folder.path), ['token']);
});

t.test('owner and mode are set before the content is', async (t) => {
  await using folder = await temporaryFolder();
  const steps: string[] = [];
  const disk = steppedDisk((step) => steps.push(step));
  const { uid, gid } = await stat(folder.path);
  const sink = sinkAt(join(folder.path, 'token'), { owner: `${uid}:${gid}` }, { disk });
  await sink.deliver(delivery(1, 'a'), never);
  t.strictSame(steps, [
    'open',
    'handle.chown',
    'handle.chmod',
    'handle.write',
    'handle.sync',
    'handle.stat',
    'handle.close',
    'rename',
    'open',
    'handle.sync',
    'handle.close',
  ]);
});

t.test('a file that already holds the token is left alone', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  await sinkAt(path).deliver(delivery(1, 'a'), never);
  const before = await stat(path);
  const restarted = sinkAt(path);
  await restarted.deliver(delivery(1, 'a'), never);
  t.equal((await stat(path)).ino, before.ino);
  t.ok(await restarted.isIntact());
  await chmod(path, 0o644);
  await restarted.deliver(delivery(1, 'a'), never);
  t.equal((await stat(path)).mode & 0o777, 0o600, 'another mode is not what is meant');
});

t.test('a short write is finished', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  const disk = steppedDisk(() => undefined, { writeBytesMax: 1 });
  await sinkAt(path, {}, { disk }).deliver(delivery(1, 'a'), never);
  t.equal(await readFile(path, 'utf8'), strong('a'));
});

t.test('whatever step the disk refuses, the old file stays and nothing beside it', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  const refused: string[] = [];
  for (;;) {
    await sinkAt(path).deliver(delivery(1, 'old'), never);
    const at = refused.length;
    let count = 0;
    const disk = steppedDisk((step) => {
      if (count === at) refused.push(step);
      count += 1;
      if (count === at + 1) throw diskError('ENOSPC');
    });
    const attempt = sinkAt(path, {}, { disk }).deliver(delivery(2, 'new'), never);
    const error: unknown = await attempt.then(
      () => null,
      (reason: unknown) => reason,
    );
    const step = refused[at];
    if (step === undefined) break;
    t.match(error, { name: 'SinkError', message: 'the disk is full; make room (ENOSPC)' }, step);
    t.strictSame(await readdir(folder.path), ['token'], `${step}: nothing is left`);
    const isRenamed = refused.includes('rename') && step !== 'rename';
    t.equal(await readFile(path, 'utf8'), strong(isRenamed ? 'new' : 'old'), step);
  }
  t.strictSame(
    refused.filter((step) => step === 'handle.write' || step === 'rename'),
    ['handle.write', 'rename'],
  );
});

t.test('what could be turned against us is refused, and stays as it is', async (t) => {
  await using folder = await temporaryFolder();
  const refuses = async (path: string, message: RegExp): Promise<void> => {
    const sink = sinkAt(path);
    await t.rejects(sink.deliver(delivery(1, 'a'), never), { name: 'SinkError', message });
  };
  const target = join(folder.path, 'target');
  await writeFile(target, 'precious');
  await symlink(target, join(folder.path, 'link'));
  await refuses(join(folder.path, 'link'), /symbolic link/);
  t.equal(await readFile(target, 'utf8'), 'precious');

  execFileSync('mkfifo', [join(folder.path, 'pipe')]);
  await refuses(join(folder.path, 'pipe'), /no regular file/);
  await mkdir(join(folder.path, 'folder'));
  await refuses(join(folder.path, 'folder'), /no regular file/);
  await refuses(join(folder.path, 'not-there', 'token'), /does not exist; create it/);

  const open = join(folder.path, 'open');
  await mkdir(open);
  for (const mode of [0o777, 0o1777]) {
    await chmod(open, mode);
    await refuses(join(open, 'token'), /everybody may write/);
  }
  t.strictSame(await readdir(open), []);
});

t.test('the top of a volume that everybody may write to is taken, unless strict', async (t) => {
  await using folder = await temporaryFolder();
  const volume = join(folder.path, 'volume');
  await mkdir(volume);
  await chmod(volume, 0o777);
  const onAnotherDevice = async (path: string) => {
    const facts = await systemDisk.stat(path);
    if (path === volume) facts.dev += 1;
    return facts;
  };
  const disk = { ...systemDisk, stat: onAnotherDevice as Disk['stat'] };
  for (const [version, mode] of [0o777, 0o1777, 0o2777].entries()) {
    await chmod(volume, mode);
    const token = `token-${version}`;
    await sinkAt(join(volume, 'token'), {}, { disk }).deliver(delivery(version, token), never);
    t.equal(await readFile(join(volume, 'token'), 'utf8'), strong(token));
  }
  const strict = sinkAt(join(volume, 'token'), {}, { disk, isStrict: () => true });
  await t.rejects(strict.deliver(delivery(2, 'b'), never), /everybody may write/);
  for (const shared of ['/tmp', '/dev/shm', '/var/tmp']) {
    const sink = sinkAt(join(shared, `keytender-test-${process.pid}`));
    await t.rejects(sink.deliver(delivery(2, 'b'), never), /everybody may write/, shared);
  }
});

t.test('a directory behind a link is followed: /var/run is one', async (t) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'run'));
  await symlink(join(folder.path, 'run'), join(folder.path, 'var-run'));
  await sinkAt(join(folder.path, 'var-run', 'token')).deliver(delivery(1, 'a'), never);
  t.strictSame(await readdir(join(folder.path, 'run')), ['token']);
});

t.test('whatever happens to the file is seen', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  const sink = sinkAt(path);
  t.notOk(await sink.isIntact(), 'nothing was delivered');
  const harms: readonly (() => Promise<unknown>)[] = [
    () => writeFile(path, 'other'),
    () => chmod(path, 0o666),
    () => systemDisk.unlink(path),
    () => utimes(path, 1, 1),
  ];
  for (const harm of harms) {
    await sink.deliver(delivery(1, 'a'), never);
    t.ok(await sink.isIntact());
    await harm();
    t.notOk(await sink.isIntact(), String(harm));
  }
  await sink.deliver(delivery(1, 'a'), never);
  t.equal(await readFile(path, 'utf8'), strong('a'));
});

t.test('what a killed writer left is swept, what may be of another one is not', async (t) => {
  await using folder = await temporaryFolder();
  const old = join(folder.path, `.token.${'0'.repeat(16)}.keytender`);
  const young = join(folder.path, `.token.${'1'.repeat(16)}.keytender`);
  const others = join(folder.path, `.other.${'0'.repeat(16)}.keytender`);
  for (const path of [old, young, others]) await writeFile(path, 'half');
  for (const path of [old, others]) await utimes(path, 1, 1);
  await sinkAt(join(folder.path, 'token')).deliver(delivery(1, 'a'), never);
  t.strictSame((await readdir(folder.path)).sort(), [
    `.other.${'0'.repeat(16)}.keytender`,
    `.token.${'1'.repeat(16)}.keytender`,
    'token',
  ]);
});

t.test('the file goes with the token, and at the end where that is asked for', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  const sink = sinkAt(path, { removeOnExit: true });
  await sink.deliver(delivery(1, 'a'), never);
  await sink.withdraw();
  t.strictSame(await readdir(folder.path), []);
  await sink.withdraw();
  await sink.deliver(delivery(1, 'a'), never);
  await sink.close();
  t.strictSame(await readdir(folder.path), []);
  const kept = sinkAt(path);
  await kept.deliver(delivery(1, 'a'), never);
  await kept.close();
  t.strictSame(await readdir(folder.path), ['token']);
  await sink.deliver(delivery(1, 'a'), never);
  await writeFile(path, 'of another');
  await sink.close();
  t.equal(await readFile(path, 'utf8'), 'of another', 'what is not ours stays');
});

t.test('only another value is news; with json, also one that no longer verifies', async (t) => {
  const [first, patched] = [snapshotOf(1, 'a', ['z']), snapshotOf(2, 'a', ['z'])];
  for (const format of ['raw', 'json'] as const) {
    const sink = sinkAt('/x', { format });
    t.notOk(sink.isNews(first, patched), 'a patched version');
    t.ok(sink.isNews(first, snapshotOf(2, 'b', ['a'])));
    t.ok(sink.isNews(first, without('revoked')));
    t.equal(sink.isNews(first, snapshotOf(1, 'a')), format === 'json');
  }
});

t.test('an owner that is not there is told', async (t) => {
  await using folder = await temporaryFolder();
  const sink = sinkAt(join(folder.path, 'token'), { owner: 'nobody-of-this-name' });
  await t.rejects(sink.deliver(delivery(1, 'a'), never), /no user here/);
  t.strictSame(await readdir(folder.path), []);
});
