// deploy/systemd/keytender.service without systemd as process 1: its command lines and environment under bubblewrap, at the
// paths that are written, with the parts of its hardening that bubblewrap can give: its own system call filter, a read-only
// file system, no capabilities, a user of its own, a private /tmp, the credential for this service alone. Started by
// `npm run check:deploy`. The limits of cgroups (MemoryMax, TasksMax) are not tried.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import { eventually } from '../docs/terminal.js';
import { putToken } from '../fixtures/scene.js';
import { allowedCalls, filterProgram } from './system-call-filter.js';
import { programOf, readUnit } from './systemd-unit.js';

const USER = 65_532;
const CREDENTIALS = '/run/credentials/keytender.service';
const unit = readUnit(readFileSync('deploy/systemd/keytender.service', 'utf8'));
const allowed = allowedCalls(unit.all('SystemCallFilter'));
const folder = mkdtempSync(join(tmpdir(), 'kt-'));
chmodSync(folder, 0o755);
t.teardown(() => {
  rmSync(folder, { recursive: true });
});

/** A file or a folder as it is on the machine, the service's own where `isIts`. */
function put(path: string, text: string | null, mode: number, isIts = false): void {
  const place = join(folder, path);
  mkdirSync(text === null ? place : dirname(place), { recursive: true });
  if (text !== null) writeFileSync(place, text);
  if (isIts && process.getuid?.() === 0) chownSync(place, USER, USER);
  chmodSync(place, mode);
}

interface Running {
  readonly ended: Promise<unknown>;
  readonly output: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
}

function run(line: string, { deniesExecutable = false } = {}): Running {
  const filter = join(folder, `filter-${deniesExecutable}`);
  writeFileSync(filter, filterProgram(allowed, deniesExecutable));
  const environment = unit.environment({ '%d': CREDENTIALS });
  const system = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path));
  const words = [
    ...['bwrap', '--unshare-user', '--unshare-pid', '--unshare-ipc', '--die-with-parent'],
    ...['--as-pid-1', '--uid', String(USER), '--gid', String(USER), '--cap-drop', 'ALL'],
    ...['--tmpfs', '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...system.flatMap((path) => ['--ro-bind', path, path]),
    ...['--tmpfs', '/usr/bin', '--ro-bind', join(folder, 'node'), '/usr/bin/node'],
    ...['/opt', '/etc', CREDENTIALS].flatMap((path) => ['--ro-bind', join(folder, path), path]),
    ...['--bind', join(folder, 'run/keytender'), '/run/keytender', '--remount-ro', '/'],
    ...['--clearenv', '--seccomp', '3'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
    ...programOf(line),
  ];
  const become = ['setpriv', '--reuid', String(USER), '--regid', String(USER), '--clear-groups'];
  const [program = '', ...rest] = process.getuid?.() === 0 ? [...become, ...words] : words;
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe', openSync(filter, 'r')],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return {
    ended: once(child, 'close').then(([code]) => code as unknown),
    output: () => output,
    // bubblewrap hands nothing on: its child is the program
    kill: (signal) => {
      const pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      process.kill(Number(pid), signal);
    },
  };
}

const vault = await devVault({ address: '127.0.0.1:8200', rootToken: 'root' });
vault.policy('keytender', readFileSync('deploy/vault/policy.hcl', 'utf8'));
putToken(vault, 'token-1');
t.teardown(() => vault.close());

async function ask(path: string, body?: object): Promise<Record<string, string>> {
  const answer = await fetch(`${vault.address}/v1/${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': 'root' },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const text = await answer.text();
  return text === '' ? {} : (JSON.parse(text) as { data: Record<string, string> }).data;
}

await ask('sys/auth/approle', { type: 'approle' });
await ask('auth/approle/role/keytender', { token_policies: ['keytender'] });
await ask('auth/approle/role/keytender/role-id', {
  role_id: /role_id: (\S+)/.exec(readFileSync('deploy/systemd/keytender.yaml', 'utf8'))?.[1],
});
const { secret_id: secretId = '' } = await ask('auth/approle/role/keytender/secret-id');

const settings = readFileSync('deploy/systemd/keytender.yaml', 'utf8');
put(
  'etc/keytender/keytender.yaml',
  settings.replace(/address: https:.*/, `address: ${vault.address}`),
  0o644,
);
for (const name of ['keytender', 'healthcheck']) {
  put(`opt/keytender/${name}.cjs`, readFileSync(`dist/${name}.cjs`, 'utf8'), 0o644);
}
put(join(CREDENTIALS, unit.one('LoadCredential').split(':')[0] ?? ''), secretId, 0o400, true);
put('run/keytender', null, parseInt(unit.one('RuntimeDirectoryMode'), 8), true);
copyFileSync(process.env['KEYTENDER_CHECK_NODE'] ?? process.execPath, join(folder, 'node'));

t.test('it starts, is told to be ready, reloads and stops within its hardening', async (t) => {
  for (const name of ['setpriority', 'chown', 'mount', 'bpf']) t.notOk(allowed.has(name), name);
  const agent = run(unit.one('ExecStart'));
  const post = run(unit.one('ExecStartPost'));
  t.equal(await post.ended, 0, agent.output());
  const health = await (await fetch('http://127.0.0.1:8210/health')).text();
  t.match(health, /"state":"fresh","usable":true,"version":1/);
  t.ok(existsSync(join(folder, 'run/keytender/api.sock')));
  agent.kill('SIGHUP');
  await eventually(async () => {
    if (!agent.output().includes('"event":"config_reloaded"')) throw new Error(agent.output());
  });
  agent.kill('SIGTERM');
  t.equal(await agent.ended, 0, agent.output());
});

t.test('MemoryDenyWriteExecute=yes would end Node.js at its start', async (t) => {
  t.equal(unit.one('MemoryDenyWriteExecute'), 'no');
  const agent = run(unit.one('ExecStart'), { deniesExecutable: true });
  t.not(await agent.ended, 0);
  t.notMatch(agent.output(), /agent_started/);
});
