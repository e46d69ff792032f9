// docs/architecture.md says which test shows each promise: those tests are there, and none of them is forgotten.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';

const page = readFileSync('docs/architecture.md', 'utf8');
const named = [...page.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(([, path = '']) => path);

t.test('each test that is said to show a promise is there', async (t) => {
  t.strictSame(
    named.filter((path) => !existsSync(path)),
    [],
  );
});

t.test('each integration test has its row', async (t) => {
  const there = readdirSync('test/integration').filter((name) => name.endsWith('.test.ts'));
  t.strictSame(
    there.filter((name) => !named.includes(`test/integration/${name}`)),
    [],
  );
});
