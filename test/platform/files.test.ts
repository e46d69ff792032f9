import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemEnvironment } from '../../src/platform/environment.js';
import { systemFiles } from '../../src/platform/files.js';

t.test('a file is read through links, with its mode and time', async (t) => {
  const dir = t.testdir({ real: 'content' });
  chmodSync(join(dir, 'real'), 0o640);
  symlinkSync('real', join(dir, 'link'));
  const reading = await systemFiles.read(join(dir, 'link'), 100);
  t.equal(Buffer.from(reading.bytes).toString(), 'content');
  t.equal(reading.mode & 0o777, 0o640);
  t.equal(reading.realPath.endsWith('/real'), true);
  t.ok(reading.modifiedAtMs > 0);
});

t.test('what is no file, or too long, is refused by a reason that names no path', async (t) => {
  const dir = t.testdir({ long: 'x'.repeat(11), just: 'x'.repeat(10) });
  mkdirSync(join(dir, 'dir'));
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  const cases = {
    absent: 'absent',
    dir: 'not_a_file',
    pipe: 'not_a_file',
    long: 'too_large',
    'just/x': 'absent',
  };
  for (const [name, reason] of Object.entries(cases)) {
    const path = join(dir, name);
    const error: unknown = await systemFiles.read(path, 10).catch((e: unknown) => e);
    t.match(error, { name: 'FileRefusal', reason }, name);
    t.notMatch(String(error), dir);
  }
  t.equal((await systemFiles.read(join(dir, 'just'), 10)).bytes.length, 10);
  t.match(await systemFiles.read('a\0b', 10).catch((e: unknown) => e), { reason: 'unreadable' });
});

t.test('a file of unknown length is read to its end', async (t) => {
  t.ok((await systemFiles.read('/proc/self/status', 100_000)).bytes.length > 100);
  t.match(await systemFiles.mountTable(), / - /);
});

t.test('the environment is a copy', async (t) => {
  const { env, argv, hostname } = systemEnvironment();
  t.not(env, process.env);
  t.same(argv, process.argv.slice(2));
  t.ok(hostname.length > 0);
});
