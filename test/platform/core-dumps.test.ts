import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { coreProblem, dumpAsBefore, withholdMemory } from '../../src/platform/core-dumps.js';

t.test('what is written into a core: nothing, and how it was is known', async (t) => {
  const path = join(t.testdir(), 'coredump_filter');
  t.equal(coreProblem(), 'was not asked for');
  // before anything was withheld there is nothing to give back
  t.doesNotThrow(() => {
    dumpAsBefore(process.pid);
  });
  writeFileSync(path, '00000033\n');
  withholdMemory(path);
  t.equal(readFileSync(path, 'utf8'), '0x0');
  t.equal(coreProblem(), null);
});

t.test('a system without such a filter, or one that may not be written, is said', async (t) => {
  withholdMemory(join(t.testdir(), 'not-there'));
  t.equal(coreProblem(), 'ENOENT');
  withholdMemory(t.testdir());
  t.equal(coreProblem(), 'EISDIR');
});

t.test('a program that has ended, or never was, is no failure', async (t) => {
  for (const pid of [undefined, 2 ** 30]) {
    t.doesNotThrow(() => {
      dumpAsBefore(pid);
    });
  }
});
