// The numbers of docs/performance.md and README.md are those of the committed run, made by the same code.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { readResults, tables, withMeasured, withTable } from '../../bench/parts/results.js';
import { targets } from '../../bench/parts/targets.js';

const results = readResults();

t.test('every table is that of the committed run', async (t) => {
  const made = tables(results);
  t.ok(made.length >= 3);
  for (const [page, table] of made) {
    const text = readFileSync(page, 'utf8');
    t.equal(withTable(text, table), text, `${page}: ${table.name} (npm run bench renews it)`);
    t.ok(table.lines.length > 3, 'and says something');
  }
});

t.test('a number that somebody changed by hand is found', async (t) => {
  const table = tables(results)[0]![1];
  const text = `<!-- bench:${table.name} -->\n\n${table.lines.join('\n')}\n\n<!-- /bench:${table.name} -->`;
  t.equal(withTable(text, table), text);
  const changed = text.replace('1.45', '1.44');
  t.not(changed, text);
  t.not(withTable(changed, table), changed);
  t.throws(() => withTable('', table), { message: /no <!-- bench:targets/ });
});

t.test(
  'each target is of a figure that the run measured, but for those of a long one',
  async (t) => {
    const measured = new Set(results.figures.map(({ id }) => id));
    const missing = targets.filter(({ figure }) => !measured.has(figure));
    t.same(
      missing.map(({ figure }) => figure).filter((figure) => !figure.startsWith('soak.')),
      [],
    );
  },
);

t.test('a part that is measured again takes the place of what it measured before', async (t) => {
  const before = { ...results, node: process.version };
  const [first] = before.figures;
  const again = { ...first!, text: 'again' };
  const other = { ...first!, id: 'other.part' };
  const { figures } = withMeasured(before, [other, again]);
  t.same(figures, [again, ...before.figures.slice(1), other]);
  t.throws(() => withMeasured({ ...before, node: 'v0.0.0' }, [again]), /on v0\.0\.0: run them all/);
});
