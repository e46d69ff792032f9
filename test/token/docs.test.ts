// docs/token.md says what the code does: the table of fields, and the numbers.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { parseDocument, STRONG_TOKEN_BYTES } from '../../src/token/document.js';

const page = await readFile(new URL('../../docs/token.md', import.meta.url), 'utf8');
const source = await readFile(new URL('../../src/token/document.ts', import.meta.url), 'utf8');
const good = 'k'.repeat(STRONG_TOKEN_BYTES);

/** Name and cells of each row of the table of fields. */
const rows = [...page.matchAll(/^\| `([a-z_]+)` +\|(.+)\|$/gm)].map(
  ([, name = '', cells = '']) => ({
    name,
    allowed: cells.split('|')[1]?.trim() ?? '',
  }),
);

t.test('the table of fields names each field that is read, and no other', async (t) => {
  const read = new Set([
    'token',
    ...[...source.matchAll(/'([a-z]+_[a-z]+)'/g)].map(([, name]) => name),
  ]);
  t.strictSame(rows.map(({ name }) => name).sort(), [...read].sort());
});

t.test('what the table allows is allowed, and what is beyond it is refused', async (t) => {
  const allowed = (name: string): string => rows.find((row) => row.name === name)?.allowed ?? '';
  const isTaken = (fields: Readonly<Record<string, unknown>>): boolean =>
    parseDocument({ token: good, ...fields }, 'token').ok;
  const [, least = '', most = ''] = /(\d+) to (\d+) bytes/.exec(allowed('token')) ?? [];
  t.ok(
    isTaken({ token: 'k'.repeat(Number(least)) }) && isTaken({ token: 'k'.repeat(Number(most)) }),
  );
  t.notOk(isTaken({ token: 'k'.repeat(Number(least) - 1) }));
  t.notOk(isTaken({ token: 'k'.repeat(Number(most) + 1) }));
  t.match(allowed('token'), `under ${STRONG_TOKEN_BYTES} bytes a warning`);
  const [, low = '', high = ''] = /(\d+) to (\d+)/.exec(allowed('grace_seconds')) ?? [];
  t.ok(isTaken({ grace_seconds: low }) && isTaken({ grace_seconds: Number(high) }));
  t.notOk(isTaken({ grace_seconds: Number(low) - 1 }));
  t.notOk(isTaken({ grace_seconds: Number(high) + 1 }));
  for (const name of ['not_before', 'expires_at']) {
    t.match(allowed(name), /^RFC 3339 time/);
    t.ok(isTaken({ [name]: '2026-01-01T00:00:00Z' }));
    t.notOk(isTaken({ [name]: 'Thu, 01 Jan 2026 00:00:00 GMT' }));
  }
});
