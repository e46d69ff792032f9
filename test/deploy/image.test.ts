// The image without a container engine: the Dockerfile's lines carried out here, and the program started from the tree
// they leave. The sandbox with the image's own user, root and init is in image.check.ts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { environment } from '../../src/config/names.js';
import { freePort } from '../docs/terminal.js';
import { lastOf, parseDockerfile, wholeStage } from './dockerfile.js';
import { assembleImage, root } from './image-tree.js';

const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
const stages = parseDockerfile(text);
const own = stages.at(-1)!;
const last = wholeStage(stages, own);
const image = assembleImage({ files: { '/usr/bin/tini-static': null } });
t.teardown(() => {
  image[Symbol.dispose]();
});

const packageFile = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
};

t.test(
  'the last stage has the program, its health check, an init, and no way to build',
  async (t) => {
    t.match(last.base, /distroless\/nodejs24/);
    t.notOk(
      last.instructions.some(({ name }) => name === 'RUN'),
      'there is no shell to run it',
    );
    t.strictSame([image.config.user, image.config.group], [65_532, 65_532]);
    t.strictSame(readdirSync(join(image.path, 'app')).sort(), [
      'LICENSE',
      'THIRD_PARTY_NOTICES',
      'compile-cache',
      'healthcheck.cjs',
      'keytender.cjs',
      'sbom.cdx.json',
      'start.cjs',
    ]);
    t.match(image.config.entrypoint[0], /tini-static$/);
    for (const path of [...image.config.entrypoint, ...image.config.healthcheck]) {
      if (path.startsWith('/app/')) t.ok(existsSync(join(image.path, path)), path);
    }
  },
);

t.test('its environment is of settings and of the C library, its labels are true', async (t) => {
  t.strictSame(image.config.env, {
    MALLOC_ARENA_MAX: '1',
    MALLOC_TRIM_THRESHOLD_: '65536',
    KEYTENDER_LISTEN_PROBE_ADDRESS: '[::]:8211',
  });
  for (const name of Object.keys(image.config.env)) {
    t.ok(environment.has(name) || name.startsWith('MALLOC_'), name);
  }
  const label = (name: string) => image.config.labels[`org.opencontainers.image.${name}`];
  t.equal(label('version'), packageFile.version);
  t.equal(label('licenses'), packageFile.license);
  t.equal(label('base.name'), last.base);
});

t.test('the list of what is in the image names every dependency', async (t) => {
  const bom = JSON.parse(readFileSync(join(image.path, 'app/sbom.cdx.json'), 'utf8')) as {
    readonly components: readonly { readonly name: string; readonly version: string }[];
  };
  t.match(bom, { bomFormat: 'CycloneDX', metadata: { component: { name: 'keytender' } } });
  for (const [name, version] of Object.entries(packageFile.dependencies)) {
    t.ok(
      bom.components.some((it) => it.name === name && it.version === version),
      name,
    );
  }
  t.notOk(
    bom.components.some(({ name }) => name === 'tap'),
    'and none that is for tests',
  );
});

t.test(
  'each instruction is carried out or looked at here, but for what comes from elsewhere',
  async (t) => {
    const carriedOut = new Set(['WORKDIR', 'COPY', 'RUN']);
    const lookedAt = new Set('ARG CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL USER'.split(' '));
    for (const { instructions } of stages) {
      for (const { name } of instructions) t.ok(carriedOut.has(name) || lookedAt.has(name), name);
    }
    const commands = stages.flatMap(({ name, instructions }) =>
      instructions.filter((it) => it.name === 'RUN').map(({ text }) => `${name}: ${text}`),
    );
    t.equal(commands.length, 4);
    t.match(commands[0], /^build: npm ci --ignore-scripts /, 'image-build.check.ts');
    t.match(commands[1], /^build: node scripts\/build\.mjs /);
    t.match(
      commands[2],
      /^init: apt-get update .*\btini=/,
      'the package of Debian that the check has',
    );
    t.match(commands[3], /^warm: \["\/nodejs\/bin\/node"/);
    const ports = Object.values(image.config.env).flatMap(
      (it) => /^\[::\]:(\d+)$/.exec(it)?.[1] ?? [],
    );
    t.strictSame(
      [lastOf(last, 'EXPOSE').text],
      ports.map((port) => `${port}/tcp`),
    );
    const { interval, timeout, retries } = lastOf(last, 'HEALTHCHECK').flags;
    t.ok(parseInt(timeout ?? '') < parseInt(interval ?? '') && Number(retries) > 1);
  },
);

t.test('the folder of the socket is for its owner and its group', async (t) => {
  t.equal(statSync(join(image.path, 'run/keytender')).mode & 0o7777, 0o2770);
});

t.test('it is warmed up as it is run: the same user, the same flags', async (t) => {
  const warm = stages.find(({ name }) => name === 'warm')!;
  const [, ...warmed] = lastOf(warm, 'RUN').words;
  const { entrypoint } = image.config;
  const started = entrypoint.slice(entrypoint.indexOf('/nodejs/bin/node') + 1);
  t.strictSame(warmed.slice(0, -1), started.slice(0, -1));
  t.strictSame(
    lastOf(wholeStage(stages, warm), 'USER').words,
    lastOf(last, 'USER').words,
    'what the one wrote the other reads',
  );
});

t.test('the build is given what it copies, and nothing else', async (t) => {
  const ignore = readFileSync(join(root, '.dockerignore'), 'utf8');
  const [everything, ...allowed] = ignore.split('\n').filter((line) => /^[^#]/.test(line));
  t.equal(everything, '*');
  const copied = stages
    .flatMap(({ instructions }) => instructions)
    .filter(({ name, flags }) => name === 'COPY' && flags['from'] === undefined)
    .flatMap(({ words }) => words.slice(0, -1));
  t.strictSame(
    allowed.map((line) => line.slice(1)).sort(),
    copied.map((path) => path.replace(/\/$/, '')).sort(),
  );
});

t.test('the tree starts, is healthy by its own health check, and stops', async (t) => {
  const env = {
    ...image.config.env,
    KEYTENDER_LISTEN_PROBE_ADDRESS: `127.0.0.1:${await freePort()}`,
    KEYTENDER_LISTEN_ADDRESS: '127.0.0.1:0',
    AGENT_TOKEN: 'a-static-token-of-enough-bytes!!!',
  };
  const node = (command: readonly string[], stdio: 'ignore' | 'pipe') => {
    const at = command.indexOf('/nodejs/bin/node');
    const args = command
      .slice(at + 1)
      .map((arg) => (arg.startsWith('/app/') ? image.path + arg : arg));
    return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], { env, stdio });
  };
  const agent = node([...image.config.entrypoint, ...image.config.cmd], 'pipe');
  const ended = once(agent, 'close');
  const check = node([...image.config.healthcheck, '--wait', '20s'], 'ignore');
  t.strictSame(await once(check, 'close'), [0, null]);
  agent.kill('SIGTERM');
  t.strictSame(await ended, [0, null]);
  const after = node(image.config.healthcheck, 'ignore');
  t.strictSame(await once(after, 'close'), [1, null], 'and is not healthy any more');
});
