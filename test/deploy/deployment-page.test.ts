// docs/deployment.md, pasted: what can run here runs, against a dev Vault and with the agent as a process; what only an
// engine, a cluster or systemd can run is taken apart, and what it names is looked up in the files and in the code.
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { environment } from '../../src/config/names.js';
import { devVault } from '../../src/dev-vault/index.js';
import { blocksOf, codeSpansOf, page, tableUnder, type Block } from '../docs/markdown.js';
import { buildFolder, eventually, freePort, Terminal } from '../docs/terminal.js';
import { AgentProcess } from '../fixtures/agent-process.js';
import { agentOf as agentOfVault, vaultWithToken } from '../fixtures/scene.js';
import { lastOf, parseDockerfile, wholeStage } from './dockerfile.js';
import { buildKustomization } from './kustomization.js';
import { ruleFile } from './monitoring-files.js';
import { agentOf, podOf } from './pod.js';
import { image } from './pod-processes.js';
import { type Call, parseCommand, type Parsed, recordCommands } from './recorded-commands.js';
import { programOf, readUnit } from './systemd-unit.js';

t.jobs = 3;

const text = page('docs/deployment.md');
const manifest = JSON.parse(page('package.json')) as {
  readonly version: string;
  readonly repository: { readonly url: string };
};
const ADDRESS = 'https://vault.example.com:8200';

/** The blocks under a heading. */
function under(heading: string): readonly Block[] {
  const part = text.split(/^## /m).find((it) => it.startsWith(`${heading}\n`));
  if (part === undefined) throw new Error(`no heading ${heading}`);
  return blocksOf(part);
}

/** What a block calls when it is pasted. */
async function callsOf(block: Block | undefined): Promise<readonly Call[]> {
  using folder = buildFolder();
  const calls = recordCommands(join(folder.path, 'bin'), ['docker', 'kubectl']);
  await using terminal = new Terminal({ folder, replace: { '$PWD/': '/here/' } });
  await terminal.paste(block?.text ?? '');
  return calls();
}

const parsed = ({ name, words }: Call): Parsed => parseCommand(name, words);
const only = (command: Parsed | undefined, flag: string): string => {
  const values = command?.options.get(flag) ?? [];
  return values.length === 1 ? (values[0] ?? '') : '';
};

t.test('every block is one that a test here runs', async (t) => {
  const headings = ['Vault', 'Image', 'Kubernetes', 'Compose', 'systemd', 'Rotating', 'Monitoring'];
  const marks = headings.map((it) => [
    it,
    ...under(it).map(({ language, mark }) => `${language} ${mark}`.trim()),
  ]);
  t.strictSame(marks, [
    ['Vault', 'sh vault'],
    ['Image', 'sh docker'],
    ['Kubernetes', 'sh kubectl', 'yaml kustomization'],
    // the terminal is followed by compose.check.ts
    ['Compose', 'sh docker', 'console'],
    ['systemd', 'sh vault', 'sh systemd', 'sh systemd'],
    ['Rotating', 'sh vault'],
    ['Monitoring', 'sh kubectl'],
  ]);
  t.equal(marks.flat().length - headings.length, blocksOf(text).length, 'and there are no others');
});

t.test('Vault: each login is there afterwards', async (t) => {
  await using vault = await devVault({ rootToken: 'root' });
  using folder = buildFolder();
  copyFileSync('test/vault/tls/ca.pem', join(folder.path, 'issuer.pem'));
  await using operator = new Terminal({
    folder,
    env: { VAULT_TOKEN: 'root' },
    replace: { [ADDRESS]: vault.address },
  });
  const out = await operator.paste(under('Vault')[0]?.text ?? '');
  for (const method of ['approle', 'kubernetes', 'jwt']) {
    t.match(out, `role keytender of ${method}: written`);
  }
  const account = /--kubernetes (\S+)/.exec(under('Vault')[0]?.text ?? '')?.[1];
  const [accountFound] = buildKustomization('deploy/kubernetes/base').filter(
    ({ kind }) => kind === 'ServiceAccount',
  );
  t.equal(account, `default/${accountFound?.metadata.name ?? ''}`, 'the account of the manifests');
});

t.test('Image: the build has its files, and what is run is what it built', async (t) => {
  const [build, run, ...more] = (await callsOf(under('Image')[0])).map(parsed);
  t.strictSame([build?.command, run?.command, more], ['docker build', 'docker run', []]);
  t.strictSame([only(build, '-f'), build?.rest], ['deploy/Dockerfile', ['.']]);
  t.strictSame(run?.rest, [only(build, '-t')]);
  const ports = only(run, '-p').split(':');
  const stages = parseDockerfile(page('deploy/Dockerfile'));
  const exposed = lastOf(wholeStage(stages, stages.at(-1)!), 'EXPOSE').text;
  t.equal(`${ports[1] ?? ''}/tcp`, exposed);
  t.match(image.env['KEYTENDER_LISTEN_PROBE_ADDRESS'], new RegExp(`:${ports[1] ?? ''}$`));

  // and with exactly that it serves
  await using vault = await vaultWithToken();
  using folder = buildFolder();
  const login = join(folder.path, 'login');
  mkdirSync(login);
  writeFileSync(join(login, 'token'), vault.rootToken, { mode: 0o600 });
  const [source = '', mounted = ''] = only(run, '-v').split(':');
  t.equal(source, '/here/login');
  const given = (run?.options.get('-e') ?? []).map((pair) => {
    const [name = '', value] = pair.split('=');
    t.ok(environment.has(name), name);
    return [name, value === undefined ? vault.address : value.replace(mounted, login)];
  });
  const probes = `127.0.0.1:${await freePort()}`;
  const env = {
    ...image.env,
    ...Object.fromEntries(given),
    KEYTENDER_LISTEN_PROBE_ADDRESS: probes,
  };
  await using agent = new AgentProcess({ env });
  await agent.untilHealth(({ status }) => status === 'ok');
  t.ok((await fetch(`http://${probes}/readyz`)).ok);
});

t.test('Kubernetes: what is applied is there, and what it mounts is made before', async (t) => {
  const [create, apply, ...more] = (await callsOf(under('Kubernetes')[0])).map(parsed);
  t.strictSame(more, []);
  const manifests = buildKustomization(only(apply, '-k'));
  const pod = podOf(manifests);
  const made = manifests.filter(({ kind }) => kind === 'ConfigMap').map((it) => it.metadata.name);
  const wanted = pod.volumes.flatMap(({ configMap }) => configMap?.name ?? []);
  t.strictSame(create?.rest, ['configmap', ...wanted.filter((name) => !made.includes(name))]);
  const ca = agentOf(pod).env?.find(({ name }) => name === 'VAULT_CACERT')?.value ?? '';
  t.equal(only(create, '--from-file'), basename(ca));
});

t.test('Kubernetes: the kustomization for a service of yours has the agent in it', async (t) => {
  const written = under('Kubernetes')[1]?.text ?? '';
  const { components = [] } = parse(written) as { readonly components?: readonly string[] };
  const [, repository, path = '', ref] =
    /^(github\.com\/\w+\/\w+)\/(.+)\?ref=(.+)$/.exec(components[0] ?? '') ?? [];
  t.match(manifest.repository.url, `//${repository ?? ''}.git`);
  t.equal(ref, `v${manifest.version}`);
  const folder = mkdtempSync(join(tmpdir(), 'kt-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true });
  });
  copyFileSync('deploy/example-app/deployment.yaml', join(folder, 'deployment.yaml'));
  symlinkSync(resolve(path), join(folder, 'component'));
  writeFileSync(
    join(folder, 'kustomization.yaml'),
    written.replace(components[0] ?? '', 'component'),
  );
  const pod = podOf(buildKustomization(folder));
  const agent = agentOf(pod);
  const socket = agent.env?.find(({ name }) => name === 'KEYTENDER_LISTEN_SOCKET')?.value ?? '';
  const shared = agent.volumeMounts?.find(({ mountPath }) => socket.startsWith(`${mountPath}/`));
  const prose = /mount the volume `([^`]+)` .* \(`([^`]+)` in it\)/.exec(text) ?? [];
  t.equal(shared?.name, prose[1]);
  t.equal(socket, `${shared?.mountPath ?? ''}/${prose[2] ?? ''}`);
});

t.test('Kubernetes: the table has every overlay and component', async (t) => {
  const named = tableUnder(text, 'Kubernetes').map(([name = '']) => name.replaceAll('`', ''));
  const there = ['overlays', 'components'].flatMap((kind) =>
    readdirSync(`deploy/kubernetes/${kind}`).map((name) => `${kind}/${name}`),
  );
  t.strictSame(named.sort(), ['base', ...there].filter((it) => it !== 'components/sidecar').sort());
});

t.test('a socket at the top of an emptyDir is refused, with what to do in a pod', async (t) => {
  const volume = mkdtempSync(join(tmpdir(), 'kt-'));
  t.teardown(() => {
    rmSync(volume, { recursive: true });
  });
  // as a kubelet makes one for an fsGroup
  chmodSync(volume, 0o2777);
  const env = { AGENT_TOKEN: 'x'.repeat(32), KEYTENDER_LISTEN_SOCKET: join(volume, 'api.sock') };
  {
    await using agent = new AgentProcess({ env });
    t.equal((await agent.ended).code, 1);
    t.match(agent.output, /inside the emptyDir, made by an init container: docs\/deployment\.md/);
  }
  // what the init container of the manifests does
  const [prepare] = podOf(buildKustomization('deploy/kubernetes/base')).initContainers;
  const mount = prepare?.volumeMounts?.[0]?.mountPath ?? '';
  const [, ...args] = prepare?.command ?? [];
  const made = spawn(process.execPath, [...args.map((it) => it.replace(mount, volume))]);
  t.strictSame(await once(made, 'close'), [0, null]);
  const socket = join(volume, 'agent/api.sock');
  await using agent = new AgentProcess({ env: { ...env, KEYTENDER_LISTEN_SOCKET: socket } });
  await agent.untilHealth(({ status }) => status === 'ok');
  t.ok(statSync(socket).isSocket());
});

t.test('Compose: the file is there, and the terminal asks ports that it publishes', async (t) => {
  const [up, console] = under('Compose');
  const [command, ...more] = (await callsOf(up)).map(parsed);
  t.strictSame([command?.command, command?.rest, more], ['docker compose', ['up'], []]);
  const { services } = parse(page(only(command, '-f'))) as {
    readonly services: Readonly<Record<string, { readonly ports?: readonly string[] }>>;
  };
  const published = Object.values(services).flatMap(({ ports = [] }) =>
    ports.map((port) => port.replace(/:\d+$/, '')),
  );
  const prose = text.split(/^## /m).find((it) => it.startsWith('Compose')) ?? '';
  const asked = [...prose.matchAll(/http:\/\/([\d.]+:\d+)/g)].map(([, host = '']) => host);
  t.match(console?.text, asked[0]);
  t.strictSame([...new Set(asked)].sort(), [...published].sort(), 'each, and no others');
});

t.test('systemd: what is installed is what the unit starts, and it serves', async (t) => {
  await using vault = await vaultWithToken();
  using folder = buildFolder();
  const host = join(folder.path, 'host');
  for (const path of ['opt', 'etc/systemd/system', 'run/keytender', 'credentials']) {
    mkdirSync(join(host, path), { recursive: true, mode: 0o750 });
  }
  const calls = recordCommands(join(folder.path, 'bin'), ['useradd', 'systemctl']);
  const replace = { '/opt/': `${host}/opt/`, '/etc/': `${host}/etc/` };
  const env = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
  await using operator = new Terminal({ folder, env, replace });
  vault.policy('keytender', page('deploy/vault/policy.hcl'));
  const out = await operator.paste('deploy/vault/setup.sh --approle');
  const [secretId, install, start] = under('systemd');
  for (const block of [secretId, install, start]) await operator.paste(block?.text ?? '');

  const unit = readUnit(page('deploy/systemd/keytender.service'));
  const [user, ...started] = calls().map(parsed);
  t.strictSame([user?.command, user?.rest], ['useradd', [unit.one('User')]]);
  t.strictSame(
    started.map(({ command, rest }) => [command, rest]),
    [
      ['systemctl daemon-reload', []],
      ['systemctl enable', ['keytender']],
    ],
  );
  t.ok(existsSync(join(host, 'etc/systemd/system/keytender.service')));
  const [credential = '', source = ''] = unit.one('LoadCredential').split(':');
  t.equal(statSync(join(host, source)).mode & 0o777, 0o600);
  t.notOk(existsSync(join(folder.path, 'secret-id')), 'and no second one is left');

  // what a person writes into the settings
  const settings = join(host, 'etc/keytender/keytender.yaml');
  const roleId = /^role id: (\S+)$/m.exec(out)?.[1] ?? '';
  const probe = `127.0.0.1:${await freePort()}`;
  const mine = readFileSync(settings, 'utf8')
    .replace(ADDRESS, vault.address)
    .replace(/role_id: .*/, `role_id: ${roleId}`)
    .replace('127.0.0.1:8210', probe)
    .replace('/run/', `${host}/run/`);
  writeFileSync(settings, mine);

  // as systemd starts it: the credential in a folder of its own, the unit's environment, its command lines
  copyFileSync(join(host, source), join(host, 'credentials', credential));
  chmodSync(join(host, 'credentials', credential), 0o400);
  const own = unit.environment({ '%d': join(host, 'credentials') });
  const run = (line: string, more = {}) => {
    const [program = '', ...args] = programOf(line);
    t.equal(program, '/usr/bin/node');
    const here = args.map((arg) => arg.replace(/^\/(?=opt|etc)/, `${host}/`));
    for (const path of here.filter((arg) => arg.startsWith('/'))) t.ok(existsSync(path), path);
    const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...here], {
      env: { ...own, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      output += more;
    });
    return { child, ended: once(child, 'close'), output: () => output };
  };
  const agent = run(unit.one('ExecStart'));
  t.teardown(() => {
    agent.child.kill('SIGKILL');
  });
  const post = run(unit.one('ExecStartPost'), { KEYTENDER_LISTEN_ADDRESS: probe });
  t.strictSame(await post.ended, [0, null], 'what is ordered after it finds a token');
  const health = async (): Promise<string> => (await fetch(`http://${probe}/health`)).text();
  t.match(await health(), /"state":"fresh"/);
  t.ok(statSync(join(host, 'run/keytender/api.sock')).isSocket());
  t.equal(unit.one('ExecReload'), '/bin/kill -HUP $MAINPID');
  agent.child.kill('SIGHUP');
  await eventually(async () => {
    if (!agent.output().includes('"event":"config_reloaded"')) throw new Error(agent.output());
  });
  agent.child.kill('SIGTERM');
  t.strictSame(await agent.ended, [0, null]);
});

t.test('Rotating: each line rotates, and the exit codes are those of the script', async (t) => {
  await using vault = await vaultWithToken();
  using folder = buildFolder();
  const socket = join(folder.path, 'a');
  await using agent = agentOfVault(vault, { env: { KEYTENDER_LISTEN_SOCKET: socket } });
  await agent.untilHealth(({ status }) => status === 'ok');
  const url = await agent.url();
  await using operator = new Terminal({
    folder,
    env: { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken },
    replace: {
      'http://10.0.0.7:8211': url,
      'http://10.0.0.8:8211': url,
      '/run/keytender/api.sock': socket,
    },
  });
  const out = await operator.paste(under('Rotating')[0]?.text ?? '');
  t.equal(out.match(/shows version 2$/gm)?.length, 2);
  t.match(out, `unix:${socket} shows version 3`);
  t.strictSame((await agent.health()).tokens['default']?.superseded, [], '--grace 0');
  const usage = await operator.paste('deploy/vault/rotate.sh --help');
  const said = /^Exit code: (.*)$/m.exec(usage)?.[1] ?? '';
  t.strictSame(
    tableUnder(text, 'Rotating').map(([code]) => code),
    [...said.matchAll(/(?:^|; )(\d)\b/g)].map(([, code]) => code),
  );
});

t.test('Monitoring: what is applied are the files, and the rules as they are', async (t) => {
  const calls = await callsOf(under('Monitoring')[0]);
  const [monitor, rules, ...more] = calls.map(parsed);
  t.strictSame(more, []);
  t.match(page(only(monitor, '-f')), /^kind: PodMonitor$/m);
  t.equal(only(rules, '-f'), '-');
  t.strictSame(parse(calls[1]?.input ?? ''), {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'keytender' },
    spec: ruleFile,
  });
});

t.test('deploy/README.md has a row for everything that is there', async (t) => {
  const rows = tableUnder(page('deploy/README.md'), 'deploy').map(([name = '']) => name);
  const there = readdirSync('deploy', { withFileTypes: true })
    .filter(({ name }) => name !== 'README.md')
    .map((it) => `\`${it.name}${it.isDirectory() ? '/' : ''}\``);
  t.strictSame(rows.sort(), there.sort());
});

/** Commands in the prose of pages, and in the comments of the files. */
function commandsOutsideBlocks(): readonly string[] {
  const pages = ['deployment', 'runbooks', 'upgrade'].map((name) => page(`docs/${name}.md`));
  const spans = pages.flatMap((it) => codeSpansOf(it));
  const files = readdirSync('deploy', { recursive: true, encoding: 'utf8' })
    .map((name) => join('deploy', name))
    .filter((name) => statSync(name).isFile());
  const comments = files.flatMap((name) =>
    [...page(name).matchAll(/^# {2,}(.+)$/gm)].map(
      ([, line = '']) => line.split(/ {2,}#/)[0] ?? '',
    ),
  );
  return [...spans, ...comments].filter((it) => /^(?:docker|kubectl|systemctl|useradd) /.test(it));
}

t.test('commands in prose and in comments name what is there', async (t) => {
  const commands = commandsOutsideBlocks();
  t.ok(commands.length > 10, `${commands.length} commands`);
  const stages = parseDockerfile(page('deploy/Dockerfile'));
  const copied = stages.flatMap(({ instructions }) =>
    instructions.filter(({ name }) => name === 'COPY').flatMap(({ words }) => words),
  );
  const inImage = (path: string): boolean =>
    path === '/nodejs/bin/node' || copied.some((it) => basename(it) === basename(path));
  for (const text of commands) {
    const [name = '', ...words] = text.split(/\s+/).filter((word) => word !== '…');
    const { command, options, rest } = parseCommand(name, words);
    for (const flag of ['-f', '-k']) {
      for (const path of options.get(flag) ?? []) t.ok(existsSync(path), text);
    }
    for (const container of options.get('-c') ?? [])
      t.equal(container, agentOf(podOf(buildKustomization('deploy/kubernetes/base'))).name);
    for (const path of rest.filter((it) => it.startsWith('/'))) t.ok(inImage(path), text);
    if (/^systemctl (?!daemon-reload)/.test(command) && rest.length > 0) {
      t.strictSame(rest, ['keytender'], text);
    }
    if (command === 'useradd') t.match(page('docs/deployment.md'), text);
  }
});
