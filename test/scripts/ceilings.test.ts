// What is shipped does not grow unseen: raising a number here is a decision, and docs/dependencies.md and
// docs/performance.md say what it costs.
import { readFileSync, statSync } from 'node:fs';
import t from 'tap';

const KILOBYTE = 1024;
const ceilings = { 'keytender.cjs': 1300 * KILOBYTE, 'healthcheck.cjs': 8 * KILOBYTE };
const DEPENDENCIES_MAX = 10;
/** Those of dependencies too: what an installation from the registry downloads. */
const INSTALLED_MAX = 111;

t.test('the bundle stays below its ceiling', async (t) => {
  for (const [file, bytesMax] of Object.entries(ceilings)) {
    const { size } = statSync(`dist/${file}`);
    t.ok(size <= bytesMax, `${file}: ${size} bytes of at most ${bytesMax}`);
  }
});

t.test('and so does the number of dependencies', async (t) => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  t.ok(Object.keys(dependencies).length <= DEPENDENCIES_MAX);
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  t.ok(shipped.length <= INSTALLED_MAX, `${shipped.length} packages of at most ${INSTALLED_MAX}`);
});
