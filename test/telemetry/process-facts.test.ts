import { openSync, closeSync } from 'node:fs';
import t from 'tap';
import { buildProcessFacts, parseMaxFds } from '../../src/telemetry/process-facts.js';

t.test('the soft limit of open files is read from its line', async (t) => {
  const limits = (value: string) =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${value}                 4096                 files\n`;
  t.equal(parseMaxFds(limits('1024')), 1024);
  t.equal(parseMaxFds(limits('unlimited')), Number.POSITIVE_INFINITY);
  t.equal(parseMaxFds('Max cpu time  unlimited  unlimited  seconds'), null);
});

t.test('opened files are counted', async (t) => {
  const read = buildProcessFacts();
  const before = (await read()).openFds ?? 0;
  // the runner opens and closes some of its own meanwhile
  const fds = Array.from({ length: 100 }, () => openSync('/proc/self/limits', 'r'));
  const after = (await read()).openFds ?? 0;
  for (const fd of fds) closeSync(fd);
  t.ok(after > before + 90 && after < before + 110, `${before}, then ${after}`);
  t.ok(((await read()).maxFds ?? 0) > 0);
});
