// A container without a container engine: bubblewrap gives a process the image's tree as its read-only root, its user, an
// own process table whose process 1 is the entry point, and nothing else of this machine but the C library, which the
// base image would bring. Volumes are bound where they are mounted.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

export interface Mount {
  /** A folder or file of this machine. */
  readonly source: string;
  /** Where it is in the container. */
  readonly path: string;
  readonly readOnly: boolean;
}

export interface ContainerOptions {
  /** `/` of the image. */
  readonly tree: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: number;
  readonly group: number;
  /** Supplementary groups: `fsGroup` of a pod. */
  readonly groups?: readonly number[];
  readonly mounts?: readonly Mount[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Container extends AsyncDisposable {
  /** Of process 1, as this machine counts. */
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly output: string;
  kill(signal: NodeJS.Signals): void;
}

/** Node.js 24, as the image has it, where the check has one; else the one that runs this. */
const node24 = process.env['KEYTENDER_CHECK_NODE'] ?? process.execPath;

/** What the base image has: the C library, Node.js, a user's name, empty places for what an engine mounts. */
const places = ['proc', 'dev', 'tmp', 'lib', 'lib64', 'usr/lib', 'nodejs/bin', 'etc'];
const libraries = ['/lib', '/lib64', '/usr/lib'];

/** Puts into the tree what its base image would have. */
export function asOnBase(tree: string): void {
  for (const place of places) mkdirSync(join(tree, place), { recursive: true });
  // copied: the user of the container may not be let into the folder where it is
  copyFileSync(node24, join(tree, 'nodejs/bin/node'));
  writeFileSync(
    join(tree, 'etc/passwd'),
    'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  );
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost\n');
}

/** Resolves once the entry point runs as process 1. */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const { tree, argv, env, user, group, groups = [], mounts = [] } = options;
  for (const mount of mounts) mountPoint(tree, mount);
  const bwrap = [
    ...['bwrap', '--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
    ...['--uid', String(user), '--gid', String(group), '--as-pid-1', '--die-with-parent'],
    ...['--info-fd', '3', '--clearenv', '--ro-bind', tree, '/', '--proc', '/proc', '--dev', '/dev'],
    ...libraries.flatMap((path) => ['--ro-bind', path, path]),
    ...mounts.flatMap(({ source, path, readOnly }) => [
      readOnly ? '--ro-bind' : '--bind',
      source,
      path,
    ]),
    ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
    ...argv,
  ];
  // only root can become another user; for anybody else the name of the user is all that changes
  const isRoot = process.getuid?.() === 0;
  const become = ['setpriv', '--reuid', String(user), '--regid', String(group)];
  const supplementary = groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')];
  const [program = '', ...rest] = isRoot ? [...become, ...supplementary, '--', ...bwrap] : bwrap;
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  return contain(child, argv[0] ?? '');
}

function mountPoint(tree: string, { source, path }: Mount): void {
  const place = join(tree, path);
  try {
    readdirSync(source);
    mkdirSync(place, { recursive: true });
  } catch {
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, '', { flag: 'a' });
  }
}

async function contain(child: ChildProcess, program: string): Promise<Container> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  let told = '';
  for await (const chunk of child.stdio[3] as Readable) {
    told += String(chunk);
    if (told.includes('}')) break;
  }
  const found = /"child-pid": *(\d+)/.exec(told)?.[1];
  if (found === undefined) {
    await ended;
    throw new Error(`bubblewrap did not start it: ${output}`);
  }
  const pid = Number(found);
  await untilRuns(pid, program);
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended
    }
  };
  return {
    pid,
    ended,
    get output() {
      return output;
    },
    kill,
    async [Symbol.asyncDispose]() {
      kill('SIGKILL');
      await ended;
    },
  };
}

/** A signal that comes before is for bubblewrap. */
async function untilRuns(pid: number, program: string): Promise<void> {
  for (;;) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`).endsWith(program)) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The children of process 1 that have ended and were not reaped. */
export function zombiesOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => {
      const [state, parent] = stateOf(one);
      return state === 'Z' && parent === pid;
    });
}

function stateOf(pid: number): [state: string, parent: number] {
  try {
    const [state = '', parent = '0'] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return [state, Number(parent)];
  } catch {
    return ['', 0];
  }
}
