// Every fault at every moment, on the built program, before a dev Vault or the server that TEST_VAULT_ADDR names. In CI
// one moment a fault; everything with KEYTENDER_TEST_FULL=1. With KEYTENDER_UPDATE_DOCS=1 as well, docs/faults.md is
// written. A file a fault in `faults/`, and one test that runs them: a fault waits for seconds and computes nothing, so
// many run beside each other in one process, where a process each would spend longer on starting than on its fault.
import { readdir, writeFile } from 'node:fs/promises';
import t from 'tap';
import { moments } from './fault.js';
import { faults } from './list.js';
import { happens, type Row } from './moments.js';
import { faultsPage } from './page.js';

const isFull = process.env['KEYTENDER_TEST_FULL'] === '1';
const isPageWanted = isFull && process.env['KEYTENDER_UPDATE_DOCS'] === '1';
const only = process.env['KEYTENDER_TEST_FAULT'];

t.jobs = 6;
t.setTimeout(900_000);

t.test('the list is the directory', async (t) => {
  const files = await readdir(new URL('faults/', import.meta.url));
  const names = files.map((file) => file.replace(/\.[jt]s$/, ''));
  t.strictSame(names.sort(), Object.keys(faults).sort());
  const rows = Object.values(faults).map(({ name }) => name);
  t.equal(new Set(rows).size, rows.length, 'and every row has a name of its own');
});

const rows: Row[] = [];
for (const [index, [file, fault]] of Object.entries(faults).entries()) {
  if (only !== undefined && !file.includes(only)) continue;
  t.test(`${file}: ${fault.promise}`, async (t) => {
    if (fault.isPossible?.() === false) {
      t.pass('cannot be made to happen here');
      return;
    }
    for (const moment of isFull ? moments : moments.slice(index % 4, (index % 4) + 1)) {
      const row = await happens(fault, moment);
      rows.push(row);
      t.strictSame(row.broken, [], `${fault.name}, ${moment}`);
    }
  });
}

t.teardown(async () => {
  if (!isPageWanted) return;
  await writeFile(new URL('../../docs/faults.md', import.meta.url), await faultsPage(rows));
});
