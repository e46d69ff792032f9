// What importing the library costs: its own files and parts of Node, no daemon, no dependency. And a program that is done
// may end while the library watches.
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { importsOfSource } from '../architecture/imports.js';
import { FakeAgent } from './fake-agent.js';

const imports = importsOfSource();
const entries = ['index', 'undici', 'fastify', 'express'].map((name) => `src/client/${name}.ts`);

function reachedFrom(entry: string): { files: Set<string>; others: Set<string> } {
  const files = new Set([entry]);
  const others = new Set<string>();
  for (const file of files) {
    for (const { from, to } of imports) {
      if (from !== file) continue;
      (to.startsWith('src/') ? files : others).add(to);
    }
  }
  return { files, others };
}

t.test(
  'the library imports its own folder, signatures, three files of platform, and Node',
  async (t) => {
    for (const entry of entries) {
      const { files, others } = reachedFrom(entry);
      t.strictSame(
        [...others].filter((name) => !name.startsWith('node:')),
        [],
        entry,
      );
      const foreign = [...files].filter((file) => !/^src\/(?:client|signature)\//.test(file));
      const allowed = ['clock', 'files', 'random', 'socket-path'].map(
        (name) => `src/platform/${name}.ts`,
      );
      t.strictSame(
        foreign.filter((file) => !allowed.includes(file)),
        [],
        entry,
      );
    }
    t.ok(reachedFrom('src/cli/main.ts').others.has('commander'), 'another one would be found');
  },
);

t.test('a program ends while the library watches in the background', async (t) => {
  await using fake = await FakeAgent.onSocket();
  const library = pathToFileURL('dist/lib/client/index.js').href;
  const program = `
    import { connect } from ${JSON.stringify(library)};
    const agent = connect({ socket: ${JSON.stringify(fake.socket)} });
    agent.on('rotated', () => {});
    const service = agent.service({ audience: 'a' });
    await service.sign({ method: 'GET', url: 'http://a/' });
    console.log('signed');
  `;
  const out = await new Promise((resolve) => {
    const args = ['-u', 'NODE_OPTIONS', process.execPath, '--input-type=module', '-e', program];
    execFile('env', args, { timeout: 20_000 }, (error, stdout) => {
      resolve(error === null ? stdout : error);
    });
  });
  t.equal(out, 'signed\n');
});
