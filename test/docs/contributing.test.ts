// The commands of CONTRIBUTING.md. They run the whole suite, so they are not run from within it: what they name is
// looked up instead, and CI runs them.
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { blocksOf, page } from './markdown.js';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const blocks = blocksOf(page('CONTRIBUTING.md'));

function isThere(command: string): boolean {
  const [program, first, second = ''] = command.split(' ');
  if (program === 'npx') return first === 'tap' && existsSync(second);
  if (program !== 'npm') return false;
  return first === 'ci' || scripts[first === 'run' ? second : (first ?? '')] !== undefined;
}

t.test('every command names a script or a test that is there', async (t) => {
  const commands = blocks.flatMap(({ text }) => text.trim().split('\n'));
  t.ok(commands.length > 0);
  for (const command of commands) t.ok(isThere(command), command);
  t.notOk(isThere('npm run nothing') || isThere('npx tap test/nothing.test.ts'), 'and no others');
});

t.test('npm test builds first, npm run check has every check', async (t) => {
  t.match(scripts['pretest'], /build/);
  // which installs tools from outside: it is run by itself
  const apart = 'check:deploy';
  for (const name of Object.keys(scripts).filter((it) => it.startsWith('check:'))) {
    if (name !== apart) t.match(scripts['check'], name);
  }
});

t.test('SECURITY.md and CHANGELOG.md have no commands that nobody runs', async (t) => {
  t.strictSame(blocksOf(page('SECURITY.md')), []);
  t.strictSame(blocksOf(page('CHANGELOG.md')), []);
});
