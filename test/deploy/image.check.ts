// The image's tree under bubblewrap: user 65532, a read-only root, the entry point as process 1. Started by
// `npm run check:deploy`, which installs bubblewrap and tini, and gives it a network of its own.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../docs/terminal.js';
import { assembleImage } from './image-tree.js';
import { asOnBase, type ContainerOptions, startContainer, zombiesOf } from './sandbox.js';

const image = assembleImage({ files: { '/usr/bin/tini-static': '/usr/bin/tini-static' } });
asOnBase(image.path);
const folder = mkdtempSync(join(tmpdir(), 'kt-'));
chmodSync(folder, 0o755);
t.teardown(() => {
  image[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const { user, group, entrypoint, cmd, healthcheck } = image.config;
const base: ContainerOptions = {
  tree: image.path,
  user,
  group,
  argv: [...entrypoint, ...cmd],
  env: { ...image.config.env, AGENT_TOKEN: 'a-static-token-of-enough-bytes!!!' },
};

const probe = 'http://[::1]:8211';
const ready = () =>
  eventually(async () => {
    const { ok } = await fetch(`${probe}/readyz`);
    if (!ok) throw new Error('not yet');
  });

/** Path, kind, size and time of change of everything in the tree. */
function listing(): string {
  return execFileSync('find', [image.path, '-printf', '%P %y %s %C@\n'], { encoding: 'utf8' });
}

for (const delayMs of [10, 50, 200]) {
  t.test(`SIGTERM ${delayMs} ms after its start ends it with 0`, async (t) => {
    for (let round = 0; round < 3; round += 1) {
      await using container = await startContainer(base);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      container.kill('SIGTERM');
      t.strictSame(await container.ended, { code: 0, signal: null }, container.output);
    }
  });
}

t.test('it runs as 65532, serves, is healthy, stops with 0, and writes nothing', async (t) => {
  const before = listing();
  {
    await using container = await startContainer(base);
    await ready();
    t.equal((await fetch(`${probe}/livez`)).status, 200);
    const status = execFileSync('grep', [
      '-E',
      '^(Uid|CapEff|NoNewPrivs)',
      `/proc/${container.pid}/status`,
    ]);
    if (process.getuid?.() === 0) t.match(String(status), /^Uid:\t65532\t65532\t65532\t65532$/m);
    t.match(String(status), /^CapEff:\t0+$/m);
    await using check = await startContainer({ ...base, argv: healthcheck });
    t.strictSame(await check.ended, { code: 0, signal: null });
    container.kill('SIGTERM');
    t.strictSame(await container.ended, { code: 0, signal: null });
    t.match(container.output, /"event":"agent_stopped"/);
  }
  t.equal(listing(), before);
});

t.test('there is no shell and nothing to install with', async (t) => {
  for (const program of ['/bin/sh', '/usr/bin/apt-get', '/nodejs/bin/npm']) {
    await using container = await startContainer({ ...base, argv: [program] });
    t.not((await container.ended).code, 0);
    t.match(container.output, /No such file/);
  }
});

t.test('what a command of a sink leaves behind is reaped', async (t) => {
  const volume = { source: folder, path: '/etc/keytender', readOnly: true };
  // ends at once, and leaves a child that ends a moment later
  const leave = `require('node:child_process').spawn('/nodejs/bin/node', ['-e', 'setTimeout(() => {}, 100)'], { detached: true, stdio: 'ignore' }).unref();`;
  const sinks = [{ name: 'left', type: 'exec', command: ['/nodejs/bin/node', '-e', leave] }];
  writeFileSync(join(folder, 'keytender.json'), JSON.stringify({ sinks }));
  const argv = [...base.argv, '--config', '/etc/keytender/keytender.json'];
  const untilLeft = (container: { readonly output: string }) =>
    eventually(async () => {
      if (!/"event":"token_delivered"/.test(container.output)) throw new Error(container.output);
    });
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1_500));

  await using container = await startContainer({ ...base, argv, mounts: [volume] });
  await untilLeft(container);
  await pause();
  t.strictSame(zombiesOf(container.pid), []);
  container.kill('SIGTERM');
  await container.ended;

  const withoutInit = argv.slice(argv.indexOf('/nodejs/bin/node'));
  await using bare = await startContainer({ ...base, argv: withoutInit, mounts: [volume] });
  await untilLeft(bare);
  await pause();
  t.equal(zombiesOf(bare.pid).length, 1, 'which Node.js as process 1 would not have done');
});
