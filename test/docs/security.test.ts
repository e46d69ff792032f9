// SECURITY.md: each threat names the defence and the tests that show it, and those are there.
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { codeSpansOf, page, tableUnder } from './markdown.js';

const text = page('SECURITY.md');
const rows = tableUnder(text, 'Threats');

t.test('each threat has a defence, and tests that are there and are run', async (t) => {
  t.ok(rows.length >= 13);
  for (const [who = '', defence = '', tests = ''] of rows) {
    t.ok(defence.length > 20, who);
    const files = codeSpansOf(tests);
    t.ok(files.length > 0, `${who}: shown by a test`);
    for (const file of files) {
      t.match(file, /^test\/.+\.test\.ts$/, who);
      t.ok(existsSync(file) && /\bt\.test\(/.test(readFileSync(file, 'utf8')), file);
    }
  }
});

t.test('the tests that the page names in its prose are there too', async (t) => {
  const named = codeSpansOf(text).filter((code) => code.startsWith('test/'));
  t.ok(named.length > 0);
  for (const file of named) t.ok(existsSync(file), file);
});
