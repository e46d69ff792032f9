// A container whose image is not here, from this machine's own programs: its shell and tools, an empty file system but for
// what is mounted, and the names of the other containers. What it writes goes into its volumes or nowhere.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { StartedService } from './compose-project.js';
import type { Mount } from './sandbox.js';

export interface MachineSandboxOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** /etc/hosts. */
  readonly hosts: string;
  /** A folder of programs that stand in for others; first on the path. */
  readonly programs: string;
  /** Where else programs are. */
  readonly places?: readonly string[];
}

/** Of the system, and where Node.js and this checkout are. */
const root = join(import.meta.dirname, '../..');
const shared = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/etc/alternatives', '/etc/passwd'];
const own = [dirname(dirname(process.execPath)), root];

export function startOnMachine(options: MachineSandboxOptions): StartedService {
  const { argv, env, mounts, hosts, programs, places = [] } = options;
  const readOnly = [...new Set([...shared, ...own, programs, ...places])].filter((path) =>
    existsSync(path),
  );
  const isRoot = process.getuid?.() === 0;
  const PATH = [programs, process.env['PATH']].join(delimiter);
  const whole = { HOME: '/tmp', ...env, PATH };
  const [program = '', ...words] = [
    ...[
      'bwrap',
      '--die-with-parent',
      '--unshare-pid',
      '--tmpfs',
      '/',
      '--proc',
      '/proc',
      '--dev',
      '/dev',
    ],
    // as an image has it: whoever is root there may give files away
    ...(isRoot ? ['--cap-add', 'CAP_CHOWN'] : ['--unshare-user', '--uid', '0', '--gid', '0']),
    ...['--tmpfs', '/tmp', '--ro-bind', hosts, '/etc/hosts'],
    ...readOnly.flatMap((path) => ['--ro-bind', path, path]),
    ...mounts.flatMap(({ source, path, readOnly }) => [
      readOnly ? '--ro-bind' : '--bind',
      source,
      path,
    ]),
    // tap puts its loader into whatever environment a child is given
    '--clearenv',
    ...Object.entries(whole).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
    ...argv,
  ];
  const child = spawn(program, words, {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    ended,
    get output() {
      return output;
    },
    kill: (signal) => {
      child.kill(signal);
    },
  };
}
