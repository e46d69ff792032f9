// Who may import whom: the table below is the architecture; docs/architecture.md draws it and this test compares both
// with the import lines.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { cyclesOf, folderOf, importsOfSource, sourceFiles, type Import } from './imports.js';

const pure = ['token', 'health', 'signature'];
const parts = ['http', 'refresh', 'vault', 'sink'];

/** Folder or entry → the folders it may import besides itself and the foundation. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  main: ['cli'],
  cli: ['daemon', 'vault', 'client', 'dev-vault', ...pure],
  daemon: [...parts, ...pure],
  ...Object.fromEntries(parts.map((part) => [part, pure])),
  ...Object.fromEntries(pure.map((folder) => [folder, []])),
  client: ['signature'],
  'dev-vault': [],
};

/** What they may import of each other. All but the pure folders may import them. */
const foundation: Readonly<Record<string, readonly string[]>> = {
  config: ['platform'],
  telemetry: ['config', 'platform'],
  platform: [],
};

/** Programs of their own: `main.ts` and the small one of `healthcheck`. */
const entries: Readonly<Record<string, string>> = { healthcheck: 'main' };

function mayImport(from: string, to: string): boolean {
  const folder = entries[from] ?? from;
  const own = allowed[folder] ?? foundation[folder];
  if (own === undefined) return false;
  if (folder === to || own.includes(to)) return true;
  if (folder in foundation || pure.includes(folder)) return false;
  return folder === 'dev-vault' ? to === 'platform' : to in foundation;
}

const imports = importsOfSource();
const internal = imports.filter(({ to }) => to.startsWith('src/'));

t.test('every folder of src has a place in the table', async (t) => {
  const folders = [...new Set(sourceFiles().map(folderOf))];
  const known = { ...allowed, ...foundation, ...entries };
  t.strictSame(
    folders.filter((folder) => !(folder in known)),
    [],
  );
});

t.test(
  'imports go in the direction of the table, and peers do not import each other',
  async (t) => {
    const wrong = internal.filter(({ from, to }) => !mayImport(folderOf(from), folderOf(to)));
    t.strictSame(wrong.map(show), []);
  },
);

t.test('an import against the direction is refused', async (t) => {
  const wrong: readonly (readonly [string, string])[] = [
    ['token', 'config'],
    ['health', 'platform'],
    ['http', 'vault'],
    ['refresh', 'vault'],
    ['platform', 'config'],
    ['config', 'telemetry'],
    ['daemon', 'cli'],
    ['dev-vault', 'config'],
    ['client', 'token'],
    ['cli', 'http'],
    ['main', 'daemon'],
    ['utils', 'platform'],
  ];
  t.strictSame(
    wrong.filter(([from, to]) => mayImport(from, to)),
    [],
  );
});

t.test('every relative import names a file that is there', async (t) => {
  t.strictSame(internal.filter(({ to }) => !existsSync(to)).map(show), []);
});

t.test('no file needs itself by way of others, types apart', async (t) => {
  t.strictSame(cyclesOf(internal.filter(({ isType }) => !isType)), []);
  t.strictSame(
    cyclesOf([
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'c', to: 'b' },
    ]),
    [['b', 'c', 'b']],
    'and one would be found',
  );
});

t.test('the pure folders reach neither disk nor network nor process', async (t) => {
  const harmless = new Set(['node:crypto', 'node:util', 'node:buffer', 'structured-headers']);
  const reach = imports.filter(
    ({ from, to }) => pure.includes(folderOf(from)) && !to.startsWith('src/') && !harmless.has(to),
  );
  t.strictSame(reach.map(show), []);
});

t.test('docs/architecture.md draws the same table', async (t) => {
  const page = readFileSync('docs/architecture.md', 'utf8');
  const drawn = edgesDrawn(page);
  const meant = Object.entries(allowed).flatMap(([from, targets]) =>
    targets.map((to) => `${from} --> ${to}`),
  );
  t.strictSame([...drawn].sort(), [...new Set(meant)].sort());
});

t.test('docs/architecture.md lists the folders of src, and only those', async (t) => {
  const page = readFileSync('docs/architecture.md', 'utf8');
  const rows = [...page.matchAll(/^\| `src\/([a-z-]+)\/` +\| (.*) \|$/gm)];
  const listed = rows.map(([, folder]) => folder ?? '');
  const there = readdirSync('src', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const planned = rows
    .filter(([, , what]) => what?.startsWith('(to come)'))
    .map(([, name]) => name);
  t.strictSame(
    there.filter((folder) => !listed.includes(folder)),
    [],
    'each has its row',
  );
  t.strictSame(
    listed.filter((folder) => !there.includes(folder) && !planned.includes(folder)),
    [],
    'each row has its folder',
  );
  t.strictSame(
    planned.filter((folder) => folder !== undefined && there.includes(folder)),
    [],
    'what has come is not said to come',
  );
});

/** The arrows of the diagram, a brace (subgraph) taken apart into its members. */
function edgesDrawn(page: string): Set<string> {
  const diagram = /```mermaid\n([^`]*)```/.exec(page)?.[1] ?? '';
  const members = new Map(
    [...diagram.matchAll(/subgraph ([a-z]+).*\n([^]*?)\bend\b/g)].map(
      ([, name = '', body = '']) => [name, body.match(/[a-z-]+/g) ?? []],
    ),
  );
  const expand = (name: string): readonly string[] => members.get(name) ?? [name];
  const arrows = [...diagram.matchAll(/^ *([a-z-]+) --> ([a-z &-]+)$/gm)];
  return new Set(
    arrows.flatMap(([, from = '', to = '']) =>
      expand(from).flatMap((a) =>
        to.split(' & ').flatMap((name) => expand(name).map((b) => `${a} --> ${b}`)),
      ),
    ),
  );
}

function show({ from, to }: Import): string {
  return `${from} imports ${to}`;
}
