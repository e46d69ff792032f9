import { mkdtemp, readFile, rename, rm, stat, mkdir, truncate } from 'node:fs/promises';
import { openSync, readSync, closeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/platform/clock.js';
import { buildLineWriter, type LineWriter } from '../../src/telemetry/line-writer.js';

interface Dropped {
  readonly lines: string[];
  readonly reasons: Set<string>;
}

async function temporary(t: Tap): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lines-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

type Tap = { teardown(end: () => Promise<void>): unknown };

function into(file: string): { writer: LineWriter; dropped: Dropped } {
  const dropped: Dropped = { lines: [], reasons: new Set() };
  const writer = buildLineWriter({
    target: { file },
    clock: systemClock,
    onDropped: (lines, reason) => {
      dropped.lines.push(...lines);
      dropped.reasons.add(reason);
    },
  });
  return { writer, dropped };
}

t.test('lines are appended in order, to a file that only its owner may read', async (t) => {
  const file = join(await temporary(t), 'audit.log');
  const { writer, dropped } = into(file);
  writer.write('one');
  writer.write('two');
  await writer.flush(1000);
  writer.write('three');
  await writer.flush(1000);
  t.equal(await readFile(file, 'utf8'), 'one\ntwo\nthree\n');
  t.equal((await stat(file)).mode & 0o777, 0o600);

  const again = into(file).writer;
  again.write('four');
  await again.flush(1000);
  t.equal(await readFile(file, 'utf8'), 'one\ntwo\nthree\nfour\n');
  t.equal(dropped.lines.length, 0);
});

t.test('after a reopen lines go to the file that has the name now', async (t) => {
  const file = join(await temporary(t), 'audit.log');
  const { writer } = into(file);
  writer.write('old');
  await writer.flush(1000);
  await rename(file, `${file}.1`);
  writer.write('still old');
  await writer.flush(1000);
  writer.reopen();
  writer.write('new');
  await writer.flush(1000);
  t.equal(await readFile(`${file}.1`, 'utf8'), 'old\nstill old\n');
  t.equal(await readFile(file, 'utf8'), 'new\n');
});

t.test('a directory that is missing costs the lines, until it is there', async (t) => {
  const directory = join(await temporary(t), 'later');
  const { writer, dropped } = into(join(directory, 'audit.log'));
  writer.write('lost');
  await writer.flush(1000);
  t.same(dropped, { lines: ['lost'], reasons: new Set(['ENOENT']) });
  await mkdir(directory);
  writer.write('kept');
  await writer.flush(1000);
  t.equal(await readFile(join(directory, 'audit.log'), 'utf8'), 'kept\n');
});

t.test('a full disk costs the lines and nothing else', async (t) => {
  const { writer, dropped } = into('/dev/full');
  for (let at = 0; at < 10; at += 1) {
    writer.write(`line ${at}`);
    await writer.flush(1000);
  }
  t.equal(dropped.lines.length, 10);
  t.same(dropped.reasons, new Set(['ENOSPC']));
});

t.test(
  'a reader that stalls costs no memory beyond the limit, no time, and never the process',
  async (t) => {
    const pipe = join(await temporary(t), 'pipe');
    execFileSync('mkfifo', [pipe]);
    // Opened for both so that neither end waits for the other; nobody reads.
    const fd = openSync(pipe, 'r+');
    const dropped: Dropped = { lines: [], reasons: new Set() };
    const writer = buildLineWriter({
      target: { fd },
      clock: systemClock,
      onDropped: (lines, reason) => {
        dropped.lines.push(...lines);
        dropped.reasons.add(reason);
      },
    });
    const line = 'x'.repeat(999);
    const startedMs = performance.now();
    for (let at = 0; at < 5000; at += 1) writer.write(line);
    t.ok(performance.now() - startedMs < 1000, 'writing does not wait');
    await writer.flush(100);
    t.ok(performance.now() - startedMs < 2000, 'flushing ends at its deadline');
    t.ok(dropped.lines.length > 3500, `${dropped.lines.length} of 5000 dropped`);
    t.same(dropped.reasons, new Set(['backlog']));

    // The reader comes back: what was taken arrives whole.
    const taken = (5000 - dropped.lines.length) * 1000;
    const buffer = Buffer.alloc(65_536);
    for (let read = 0; read < taken;) {
      read += await new Promise<number>((resolve) =>
        setImmediate(() => {
          resolve(readSync(fd, buffer, 0, Math.min(buffer.length, taken - read), null));
        }),
      );
    }
    await writer.flush(1000);
    closeSync(fd);
    t.pass('everything that was taken was read');
  },
);

t.test('what waits is written at the last moment of a crash', async (t) => {
  const file = join(await temporary(t), 'audit.log');
  const { writer } = into(file);
  writer.write('first');
  await writer.flush(1000);
  await truncate(file);
  writer.write('in flight');
  writer.write('waiting');
  writer.flushSync();
  t.match(await readFile(file, 'utf8'), /waiting\n/);
  await writer.flush(1000);
  t.equal((await readFile(file, 'utf8')).match(/waiting/g)?.length, 1);
});

t.test('a crash before the first line was written still leaves it', async (t) => {
  const file = join(await temporary(t), 'audit.log');
  const { writer } = into(file);
  writer.write('in flight');
  writer.write('waiting');
  writer.flushSync();
  t.match(await readFile(file, 'utf8'), /waiting\n/);
});
