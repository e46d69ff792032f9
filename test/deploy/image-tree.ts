// The file tree of the image, without a container engine: the Dockerfile's own lines are carried out, stage by stage, on
// this machine. What a stage installs from elsewhere is a stand-in that the caller names; everything else is as
// the Dockerfile has it, so that the two cannot drift.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  type ImageConfig,
  imageConfigOf,
  type Instruction,
  parseDockerfile,
  type Stage,
} from './dockerfile.js';

export const root = join(import.meta.dirname, '../..');

export interface ImageTree extends Disposable {
  /** Where `/` of the image is. */
  readonly path: string;
  readonly config: ImageConfig;
}

export interface StandIns {
  /** A file of another stage that is not built here, by its path there; null: left out. */
  readonly files: Readonly<Record<string, string | null>>;
  /** Packages are installed as the Dockerfile says, from the registry; else those of this checkout are taken. */
  readonly isInstalling?: boolean;
}

/** Builds what the Dockerfile builds. Throws when a line of it fails. */
export function assembleImage(standIns: StandIns): ImageTree {
  const stages = parseDockerfile(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'kt-image-'));
  // as an engine's: any user of a container gets in
  chmodSync(folder, 0o755);
  const places = new Map<string, string>();
  stages.forEach((stage) => {
    const place = join(folder, stage.name ?? 'final');
    mkdirSync(place);
    places.set(stage.name ?? 'final', place);
    const below = places.get(stage.base);
    if (below !== undefined) cpSync(below, place, { recursive: true });
    const isBelow = stages.some(({ base }) => base === stage.name);
    if (stage.name === 'build' || isBelow || below !== undefined) {
      carryOut(stage, place, places, standIns);
    }
  });
  return {
    path: join(folder, 'final'),
    config: imageConfigOf(stages),
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function carryOut(
  stage: Stage,
  place: string,
  places: ReadonlyMap<string, string>,
  { files, isInstalling = false }: StandIns,
): void {
  let workdir = '/';
  for (const instruction of stage.instructions) {
    if (instruction.name === 'WORKDIR') workdir = instruction.text;
    if (instruction.name === 'RUN') run(instruction, place, join(place, workdir), isInstalling);
    if (instruction.name !== 'COPY') continue;
    const from = instruction.flags['from'];
    const source = from === undefined ? root : (places.get(from) ?? missing(from));
    copy(instruction, source, (path) => join(place, absolute(path, workdir)), files);
  }
}

function absolute(path: string, workdir: string): string {
  return path.startsWith('/') ? path : `${workdir}/${path}`;
}

function copy(
  { words, flags }: Instruction,
  source: string,
  inPlace: (path: string) => string,
  files: StandIns['files'],
): void {
  const target = words.at(-1) ?? '';
  for (const path of words.slice(0, -1)) {
    const isStandIn = path in files;
    const from = isStandIn ? files[path] : join(source, path);
    if (from === null || from === undefined) continue;
    if (!existsSync(from)) throw new Error(`COPY ${path}: it is not there`);
    const isFolder = statSync(from).isDirectory();
    const to = inPlace(target.endsWith('/') && !isFolder ? target + basename(path) : target);
    mkdirSync(dirname(to), { recursive: true });
    if (isFolder) copyFolder(from, to);
    else copyFileSync(from, to);
    // only root can give files away; elsewhere the process runs as whoever made them
    if (flags['chown'] !== undefined && process.getuid?.() === 0) {
      execFileSync('chown', ['-R', flags['chown'], to]);
    }
  }
}

/** With the modes of its folders, as the image has them. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const path of execFileSync('find', ['.', '-type', 'd'], {
    cwd: from,
    encoding: 'utf8',
  }).split('\n')) {
    if (path !== '' && path !== '.') chmodSync(join(to, path), statSync(join(from, path)).mode);
  }
}

function run(
  { text: command, words }: Instruction,
  place: string,
  folder: string,
  isInstalling: boolean,
): void {
  mkdirSync(folder, { recursive: true });
  // without a shell: only Node.js is there
  if (words[0] === '/nodejs/bin/node') {
    const args = words.slice(1).map((word) => (word.startsWith('/app/') ? place + word : word));
    execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return;
  }
  // the packages of the same lock file, as this checkout has installed them
  if (/^npm ci\b/.test(command) && !isInstalling) {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return;
  }
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], CI: 'true' };
  execFileSync('sh', ['-ec', command], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function missing(stage: string): never {
  throw new Error(`COPY --from=${stage}: no such stage`);
}
