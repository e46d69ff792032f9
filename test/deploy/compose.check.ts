// docs/deployment.md#compose followed as a new operator would: what deploy/compose.yaml says is started with processes in
// the place of containers, each with exactly its command, environment, user, mounts and ports; the page's terminal is pasted;
// the rotation is seen on /health and by every query of the dashboard. OpenBao is the `bao` on the path, else a dev Vault
// stands for it. Started by `npm run check:deploy`, in a network of its own.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { accessSync, constants } from 'node:fs';
import t from 'tap';
import { blocksOf, page } from '../docs/markdown.js';
import { buildFolder, eventually, Terminal } from '../docs/terminal.js';
import { assembleImage } from './image-tree.js';
import { ComposeProject, type ComposeService, type StartService } from './compose-project.js';
import { startOnMachine } from './machine-sandbox.js';
import { promqlOfDashboard } from './monitoring-dashboard.js';
import { alertNames } from './monitoring-files.js';
import { asOnBase, type Mount, startContainer } from './sandbox.js';

const FILE = 'deploy/compose.yaml';
const PROMETHEUS = 'http://127.0.0.1:9090';

const image = assembleImage({ files: { '/usr/bin/tini-static': '/usr/bin/tini-static' } });
asOnBase(image.path);
const folder = mkdtempSync(join(tmpdir(), 'kt-'));
chmodSync(folder, 0o755);
t.teardown(() => {
  image[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const realBao = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((place) => join(place, 'bao'))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Programs that stand in for those of images that are not here. */
function standIns(): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const put = (name: string, script: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const node = `exec "${process.execPath}"`;
  // a server in its development mode, and the client
  const server = `address=$(echo "$3" | sed 's/.*=0.0.0.0/127.0.0.1/'); ${node} "${resolve('dist/keytender.cjs')}" dev --vault-only --vault-address "$address" --root-token "\${4#*=}"`;
  const client = `${node} "${resolve('test/docs/vault-command.mjs')}" "$@"`;
  const dev = `if [ "$1" = server ]; then ${server}; else ${client}; fi`;
  put('bao', realBao === undefined ? dev : `exec "${realBao}" "$@"`);
  // only root can give files away; for anybody else the one user of this check is every user
  if (process.getuid?.() !== 0) put('chown', 'exit 0');
  return bin;
}

const programs = standIns();

/** Names of services are names of hosts; here all have one address. */
function nameHosts(names: readonly string[]): string {
  const line = `127.0.0.1 localhost ${names.join(' ')}\n`;
  appendFileSync(join(image.path, 'etc/hosts'), line);
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `${line}127.0.0.1 ${hostname()}\n`);
  return hosts;
}

/** A named volume: with what is in the image where it is mounted first, owner and mode included. */
function volume(name: string, path: string): string {
  const place = join(folder, 'volumes', name);
  try {
    statSync(place);
  } catch {
    mkdirSync(place, { recursive: true });
    chmodSync(place, 0o755);
    try {
      const { mode, uid, gid } = statSync(join(image.path, path));
      if (process.getuid?.() === 0) chownSync(place, uid, gid);
      chmodSync(place, mode & 0o7777);
    } catch {
      // not a folder of our image: root's
    }
  }
  return place;
}

function mountsOf({ volumes = [] }: ComposeService): readonly Mount[] {
  return volumes.map((text) => {
    const [source = '', path = '', flags = ''] = text.split(':');
    const isBind = source.startsWith('.');
    const place = isBind ? resolve(dirname(FILE), source) : volume(source, path);
    return { source: place, path, readOnly: flags === 'ro' };
  });
}

const imageConfig = image.config;
const nodeImage = { env: {}, entrypoint: ['/nodejs/bin/node'], cmd: [] as readonly string[] };

function starter(hosts: string): StartService {
  return async (name, service, healthcheck) => {
    const { image: from = '', build, user, group_add: groups = [], environment = {} } = service;
    const mounts = mountsOf(service);
    if (build !== undefined || from.includes('distroless/nodejs24')) {
      const base = build === undefined ? nodeImage : imageConfig;
      const [uid = 65_532, gid = 65_532] = (user ?? '65532:65532').split(':').map(Number);
      const container = await startContainer({
        tree: image.path,
        argv: healthcheck ?? [...base.entrypoint, ...(service.command ?? base.cmd)],
        env: { ...base.env, ...environment },
        user: uid,
        group: gid,
        groups: groups.map(Number),
        mounts,
      });
      return {
        ended: container.ended.then(({ code }) => code),
        get output() {
          return container.output;
        },
        kill: (signal) => {
          container.kill(signal);
        },
      };
    }
    // of these images the programs are known, their entry points hand on to them
    const program = /\/(openbao|prometheus):/.exec(from)?.[1];
    if (program === undefined) throw new Error(`${name}: an image that is not known here`);
    const entrypoint = service.entrypoint ?? [program === 'openbao' ? 'bao' : program];
    const argv = healthcheck ?? [...entrypoint, ...(service.command ?? [])];
    const places = realBao === undefined ? [] : [dirname(realBao)];
    return startOnMachine({ argv, env: environment, mounts, hosts, programs, places });
  };
}

async function prometheus(path: string): Promise<readonly Sample[]> {
  const response = await fetch(`${PROMETHEUS}/api/v1/${path}`);
  if (!response.ok) throw new Error(await response.text());
  const { data } = (await response.json()) as { readonly data: { readonly result: Sample[] } };
  return data.result;
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** As Grafana fills it in: everything chosen, a scrape each 15 s. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '75s').replaceAll(/"\$(?:cluster|namespace|token)"/g, '".*"');
const query = (expr: string): Promise<readonly Sample[]> =>
  prometheus(`query?query=${encodeURIComponent(filledIn(expr))}`);

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The terminal on the page: what is pasted, and what is shown. */
function stepsOf(text: string): readonly Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = '', ...output] = step.split('\n');
      return { command, output: output.join('\n').trim() };
    });
}

const section = page('docs/deployment.md')
  .split(/^## /m)
  .find((part) => part.startsWith('Compose\n'));
const terminalOnPage = blocksOf(section ?? '').find(({ language }) => language === 'console');

t.test(
  `from README to a rotation on the dashboard, with ${realBao === undefined ? 'a dev Vault' : 'OpenBao'}`,
  { timeout: 900_000 },
  async (t) => {
    t.match(page('README.md'), /\[Deployment\]\(docs\/deployment\.md\)/, 'README leads there');
    const project = new ComposeProject(FILE, (name, ...more) => start(name, ...more));
    const start = starter(nameHosts(Object.keys(project.services)));
    await using running = project;
    await running.up();
    const agent = running.running.get('keytender');
    t.match(running.running.get('setup')?.output, /\S/, 'it says what it did');
    await eventually(async () => {
      const samples = await query(
        'up{job="keytender"} == 1 and on () keytender_token_version == 1',
      );
      if (samples.length === 0) throw new Error('not scraped yet');
    }, 60_000);

    using home = buildFolder();
    await using operator = new Terminal({ folder: home });
    for (const { command, output } of stepsOf(terminalOnPage?.text ?? '')) {
      const shown = (await operator.paste(command)).trim();
      t.equal(shown, output, command);
    }
    // what is there stays: the script for a Vault of your own finds nothing to do in this one
    const setUp = await operator.paste('deploy/vault/setup.sh');
    t.match(setUp, /mount secret: is there\n[^]*token: is there/);

    const health: unknown = await (await fetch('http://127.0.0.1:8211/health')).json();
    t.match(health, {
      status: 'ok',
      last_refresh_ok: true,
      tokens: { default: { state: 'fresh', version: 2, superseded: [{ version: 1 }] } },
    });

    // every query of the dashboard; those about the rotation with the new version
    const version = promqlOfDashboard.find((expr) => /^keytender_token_version\{/.test(expr)) ?? '';
    await eventually(async () => {
      const values = (await query(version)).map(({ value }) => value[1]);
      if (values.join() !== '2') throw new Error(`it shows ${values.join()}`);
    }, 60_000);
    // a second scrape after it, for what counts within a window
    await eventually(async () => {
      const [sample] = await query('sum(increase(keytender_token_rotations_total[75s]))');
      if (!(Number(sample?.value[1]) > 0.9))
        throw new Error(`rotations: ${sample?.value[1] ?? ''}`);
    }, 60_000);
    const answers = new Map<string, readonly Sample[]>();
    for (const expr of promqlOfDashboard) answers.set(expr, await query(expr));
    const valueOf = (part: string): number | undefined => {
      const found = [...answers].find(([expr]) => expr.includes(part));
      const sample = found?.[1][0];
      return sample === undefined ? undefined : Number(sample.value[1]);
    };
    t.ok(
      (valueOf('max by (namespace, token) (changes(') ?? 0) >= 1,
      'the annotation of a rotation',
    );
    t.ok((valueOf('increase(keytender_token_rotations_total') ?? 0) > 0.9);
    t.equal(valueOf('keytender_token_superseded_generations'), 1);
    t.ok((valueOf('keytender_token_superseded_until') ?? 0) > 100, 'seconds of grace left');
    t.ok((valueOf('time() - keytender_token_created') ?? NaN) < 240, 'the age is of the new one');
    t.equal(valueOf('avg by (token) (keytender_token_usable{'), 1);
    const empty = [...answers].filter(([, samples]) => samples.length === 0).map(([expr]) => expr);
    // there are no sinks here, no reload was refused, and a periodic login may have no end to tell
    const mayBeEmpty = /sink|config_last_reload_successful|login_expiry/;
    t.strictSame(
      empty.filter((expr) => !mayBeEmpty.test(expr)),
      [],
      'each other query has an answer',
    );
    const loaded = await fetch(`${PROMETHEUS}/api/v1/rules?type=alert`);
    const names = JSON.stringify(await loaded.json());
    for (const alert of alertNames) t.ok(names.includes(`"${alert}"`), `${alert} is loaded`);
    t.strictSame(await query('ALERTS'), [], 'and none is even pending');

    const codes = await running.down();
    t.strictSame([codes.get('keytender'), codes.get('app')], [0, 0]);
    t.match(agent?.output, /"event":"agent_stopped"/);
    t.equal(
      execFileSync('find', [join(folder, 'volumes/login'), '-perm', '/o+rwx', '-type', 'f']).length,
      0,
    );
  },
);
