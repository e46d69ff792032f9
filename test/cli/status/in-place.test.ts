import t from 'tap';
import { inPlace } from '../../../src/cli/status/in-place.js';

const screen = { columns: 20, rows: 10 };

t.test('the first view is written as it is, the next takes its place', async (t) => {
  const first = inPlace('a\nb\n', 0, screen);
  t.same(first, { text: 'a\nb\n', rows: 2 });
  t.equal(inPlace('c\n', first.rows, screen).text, '\u001b[2A\r\u001b[0Jc\n');
});

t.test('a line that the terminal breaks counts as its rows, colour not at all', async (t) => {
  t.equal(inPlace(`${'x'.repeat(20)}\n`, 0, screen).rows, 1);
  t.equal(inPlace(`${'x'.repeat(21)}\n\ny\n`, 0, screen).rows, 4);
  t.equal(inPlace(`\u001b[31m${'x'.repeat(20)}\u001b[0m\n`, 0, screen).rows, 1);
});

t.test('no more is shown than the terminal can take back', async (t) => {
  const many = Array.from({ length: 30 }, (_, at) => `line ${at}\n`).join('');
  const placed = inPlace(many, 0, screen);
  t.equal(placed.rows, 9);
  t.match(placed.text, /line 8\n$/);
  t.equal(inPlace(many, 0, { columns: undefined, rows: undefined }).rows, 30, 'size not known');
});
