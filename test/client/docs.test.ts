// docs/library.md against the code, both ways; and its examples, run against the built agent.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { libraryErrorCodes } from '../../src/client/index.js';
import { codeSpansOf, page, tableUnder } from '../docs/markdown.js';
import { agentOf, vaultWithToken } from '../fixtures/scene.js';

const text = page('docs/library.md');

function block(name: string): string {
  const at = text.indexOf(`<!-- run: ${name} -->`);
  return /^```js\n([^]*?)^```$/m.exec(text.slice(at))?.[1] ?? '';
}

/** What `index.ts` of the library exports, types too. */
async function exportedNames(): Promise<string[]> {
  const source = await readFile('src/client/index.ts', 'utf8');
  return [...source.matchAll(/export (?:type )?\{([^}]*)\}/g)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

t.test('every exported name is there', async (t) => {
  const words = new Set(
    codeSpansOf(text).flatMap((code) => [...code.matchAll(/[A-Za-z]\w+/g)].map(([word]) => word)),
  );
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title);
  const names = await exportedNames();
  t.ok(names.length > 50);
  t.strictSame(
    names.filter((name) => !words.has(name) && !headings.some((title) => title.startsWith(name))),
    [],
  );
});

t.test('the types that are named are exported, each', async (t) => {
  const names = await exportedNames();
  const ofSubpaths = ['SignedExpressRequest', 'SignedFastifyRequest'];
  const ofNode = /^(?:Request|Response|Date|AbortSignal|KeyObject|Symbol|JSON|Uint8Array)$/;
  const named = codeSpansOf(text).filter((code) => /^[A-Z][a-z]+(?:[A-Z][a-z]+)*$/.test(code));
  t.strictSame(
    [...new Set(named)].filter(
      (name) => !names.includes(name) && !ofSubpaths.includes(name) && !ofNode.test(name),
    ),
    [],
  );
});

t.test('the codes are those of the library, each and no other', async (t) => {
  const listed = tableUnder(text, 'KeytenderError').map(([code = '']) => code.replaceAll('`', ''));
  t.strictSame(listed, [...libraryErrorCodes]);
});

t.test(
  'the errors that the library makes have codes that the page has, or the agent',
  async (t) => {
    const { readdirSync } = await import('node:fs');
    const api = page('docs/api.md');
    const made = readdirSync('src/client')
      .map((name) => page(join('src/client', name)))
      .flatMap((source) => [
        ...source.matchAll(/new KeytenderError\(\s*'([a-z_]+)'|: '([a-z]+_[a-z_]+)',$/gm),
      ])
      .map(([, code, other]) => code ?? other ?? '');
    t.ok(made.length > 20);
    const known: readonly string[] = libraryErrorCodes;
    t.strictSame(
      [...new Set(made)].filter((code) => !known.includes(code) && !api.includes(`\`${code}\``)),
      [],
    );
  },
);

t.test('the examples do what their comments say', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'kt-'));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  const socket = join(home, 'agent.sock');
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_LISTEN_SOCKET: socket } });
  await agent.untilHealth(({ status }) => status === 'ok');
  for (const name of ['service', 'subpaths']) {
    const code = block(name);
    const wanted = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
      ([, out]) => out ?? '',
    );
    t.equal(wanted.length, 1, name);
    // a guard refuses what was signed in the second of its start
    const started = /(const service = agent\.service\([^;]*;)/;
    const waiting = '$1\nawait new Promise((resolve) => setTimeout(resolve, 1005));';
    const ports = { 3001: await freePort(), 3002: await freePort() };
    const program = code
      .replace('/run/keytender/agent.sock', socket)
      .replace(started, waiting)
      .replaceAll(/\b300[12]\b/g, (port) => String(ports[port as unknown as keyof typeof ports]));
    // inside the package, where its own name leads to it
    const file = join('test/client', `.example-${name}-${process.pid}.mjs`);
    await writeFile(file, program);
    const out = await new Promise<string>((resolve) => {
      execFile(
        'env',
        ['-u', 'NODE_OPTIONS', process.execPath, file],
        { timeout: 30_000 },
        (error, stdout, stderr) => {
          resolve(error === null ? stdout : stderr);
        },
      );
    }).finally(() => rm(file, { force: true }));
    t.strictSame(new Set(out.trimEnd().split('\n')), new Set(wanted), name);
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
