// docs/configuration.md says what the code does: tables compared both ways, the example loaded. Run with
// KEYTENDER_UPDATE_DOCS=1 to write the tables anew (then format).
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Check } from 'typebox/value';
import { parse } from 'yaml';
import { fileSchema } from '../../src/config/file-schema.js';
import { settingsTable, sinksTable, tokensTable } from '../../src/config/manual.js';
import { environment } from '../../src/config/names.js';
import { load, settingsOf, staticMode } from './loading.js';
import { MemoryFiles } from './memory-files.js';

const pageUrl = new URL('../../docs/configuration.md', import.meta.url);
const schemaUrl = new URL('../../docs/configuration.schema.json', import.meta.url);
const tables = { settings: settingsTable(), tokens: tokensTable(), sinks: sinksTable() };

if (process.env['KEYTENDER_UPDATE_DOCS'] === '1') {
  let page = readFileSync(pageUrl, 'utf8');
  for (const [name, table] of Object.entries(tables)) {
    page = page.replace(
      block(name),
      (_, open: string, __, close: string) => `${open}\n\n${table}\n\n${close}`,
    );
  }
  writeFileSync(pageUrl, page);
  writeFileSync(schemaUrl, `${JSON.stringify(fileSchema(), null, 2)}\n`);
}

const page = readFileSync(pageUrl, 'utf8');

function block(name: string): RegExp {
  return new RegExp(`(<!-- ${name}: [^\\n]*-->)([^]*?)(<!-- /${name} -->)`);
}

/** Rows without the padding that the formatter adds and the backslashes that Markdown needs. */
function rowsOf(table: string): string[] {
  return table
    .trim()
    .split('\n')
    .map((row) => row.replace(/-{3,}/g, '---').replaceAll('\\', '').replace(/\s+/g, ' ').trim());
}

t.test('the tables of the page are those of the code', async (t) => {
  for (const [name, table] of Object.entries(tables)) {
    t.same(rowsOf(block(name).exec(page)?.[2] ?? ''), rowsOf(table), name);
  }
});

t.test('the JSON Schema beside the page is that of the code', async (t) => {
  t.same(JSON.parse(readFileSync(schemaUrl, 'utf8')), JSON.parse(JSON.stringify(fileSchema())));
});

t.test('every environment name on the page exists', async (t) => {
  const notOurs = ['KEYTENDER_PORT', 'KEYTENDER_SERVICE_HOST', 'VAULT_SKIP_VERIFY'];
  for (const [name] of page.matchAll(/\b(?:KEYTENDER|VAULT|BAO|AGENT)_[A-Z_]*[A-Z]\b/g)) {
    t.ok(environment.has(name) || notOurs.includes(name), name);
  }
});

t.test('the example loads, and the JSON Schema accepts it', async (t) => {
  const yaml = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? '';
  const files = new MemoryFiles({
    '/etc/keytender/vault-ca.pem': 'PEM',
    '/run/secrets/secret-id': 'x',
  });
  const config = await settingsOf({ yaml, files });
  t.equal(config.vault?.addresses.length, 2);
  t.equal(config.tokens.length, 2);
  t.ok(Check(fileSchema(), parse(yaml)));
});

t.test('the JSON Schema refuses what the loader refuses for its shape', async (t) => {
  const bad = [
    { refresh: { intervall: '5s' } },
    { refresh: { interval: 'soon' } },
    { listen: { socket_mode: 660 } },
    { tokens: { client: {} } },
    { tokens: { default: { pth: 'x' } } },
    { sinks: [{ name: 'x', type: 'pipe' }] },
    { vault: [] },
  ];
  for (const one of bad) {
    t.notOk(Check(fileSchema(), one), JSON.stringify(one));
    t.notOk((await load({ env: staticMode, yaml: JSON.stringify(one) })).ok, JSON.stringify(one));
  }
});

t.test('the numbers in the text are right', async (t) => {
  const { refresh } = await settingsOf({ env: { ...staticMode, KEYTENDER_TOKEN_GRACE: '60s' } });
  t.match(
    page,
    `becomes ${(refresh.intervalMs / 1000).toFixed(1)} s and the jitter ${(refresh.jitterMs / 1000).toFixed(1)} s`,
  );
});
