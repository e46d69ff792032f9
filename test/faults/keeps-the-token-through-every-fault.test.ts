// Every fault at every moment, on the built program, before a dev Vault or the server that TEST_VAULT_ADDR names. A
// sample in CI, one moment a fault; everything with KEYTENDER_TEST_FULL=1. KEYTENDER_WRITE_FAULTS=1 writes docs/faults.md.
import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { faults } from './faults.js';
import { happens, moments, stage, type Moment, type Row } from './moments.js';
import { faultsPage } from './page.js';

const isFull = process.env['KEYTENDER_TEST_FULL'] === '1';
const LANES = 4;
/** Its requests a minute with an interval of 1 s: the budget that the agent gives itself. */
const BUDGET_PER_SECOND = 15;

t.jobs = LANES;

const rows: Row[] = [];
const cases = faults.flatMap((fault, index) => {
  const own = moments.filter((moment) => fault.not?.includes(moment) !== true);
  return own
    .filter((_, at) => isFull || at === index % own.length)
    .map((moment: Moment) => ({ fault, moment }));
});

for (let lane = 0; lane < LANES; lane += 1) {
  const own = cases.filter((_, index) => index % LANES === lane);
  t.test(
    `faults, lane ${lane + 1}: each is named, loses nothing, and heals by itself`,
    async (t) => {
      for (const { fault, moment } of own) {
        await using at = await stage();
        const row = await happens(fault, moment, at);
        rows.push(row);
        const what = `${fault.name}, ${moment}`;
        t.equal(row.class, fault.class, `${what}: its class`);
        t.not(row.isKept, false, `${what}: the token is kept`);
        const perSecond = row.requests / (row.lastedMs / 1_000);
        t.ok(perSecond <= BUDGET_PER_SECOND, `${what}: ${perSecond.toFixed(1)} requests a second`);
      }
    },
  );
}

t.teardown(async () => {
  if (process.env['KEYTENDER_WRITE_FAULTS'] !== '1') return;
  const page = new URL('../../docs/faults.md', import.meta.url);
  await writeFile(page, await faultsPage(rows));
});
