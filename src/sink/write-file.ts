// Replaces a file so that every reader, at every instant and after every crash, sees the whole old or the whole new
// content: a temporary file in the same directory, owner and mode before content, fsync, rename(2), fsync of the
// directory. Refuses what could be turned against us: links, things that are no files, directories anybody may write.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Disk, ifThere } from './disk.js';
import type { Owner } from './owner.js';
import { SinkError } from './sink.js';

export interface FileToWrite {
  /** Absolute, its directory with every link followed. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly owner: Owner | null;
}

/** What tells a file from any other that takes its place. */
export interface FileIdentity {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const PERMISSIONS = 0o7777;
const OTHERS_MAY_WRITE = 0o002;
/** Volumes of their own that are everybody's all the same. */
const SHARED_BY_ALL: ReadonlySet<string> = new Set(['/tmp', '/var/tmp', '/dev/shm']);
/** What a killed writer left behind is removed after this; younger ones may be another agent's. */
const LEFTOVER_AFTER_MS = 60_000;

/** Nobody else's name ends like this. */
const TEMPORARY = /^\..+\.[0-9a-f]{16}\.keytender$/;

/** Resolves with the identity of the new file once it is on the disk. Whatever fails, the old file stays. */
export async function writeFileWhole(disk: Disk, file: FileToWrite): Promise<FileIdentity> {
  const { path } = file;
  const name = `.${basename(path)}.${randomBytes(8).toString('hex')}.keytender`;
  const temporary = join(dirname(path), name);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const handle = await disk.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  let identity: FileIdentity;
  try {
    try {
      await fill(handle, file);
      identity = identityOf(await handle.stat());
    } finally {
      await handle.close();
    }
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(disk, dirname(path));
  return identity;
}

async function fill(handle: FileHandle, { bytes, mode, owner }: FileToWrite): Promise<void> {
  if (owner !== null) {
    const { gid } = owner.gid === null ? await handle.stat() : { gid: owner.gid };
    await handle.chown(owner.uid, gid);
  }
  await handle.chmod(mode);
  let written = 0;
  while (written < bytes.length) {
    written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
  }
  await handle.sync();
}

async function syncDirectory(disk: Disk, path: string): Promise<void> {
  const directory = await disk.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Throws `SinkError` when nothing may be put at `path`. Resolves with what is there now; null: nothing. */
export async function inspectPlace(
  disk: Disk,
  path: string,
  isStrict: boolean,
): Promise<FileIdentity | null> {
  await inspectDirectory(disk, dirname(path), isStrict);
  const there = await ifThere(disk.lstat(path));
  if (there === null) return null;
  if (there.isSymbolicLink()) {
    throw new SinkError('a symbolic link is in its place; remove the link, or write its target');
  }
  if (!there.isFile()) {
    throw new SinkError('what is in its place is no regular file; remove it, or write elsewhere');
  }
  return identityOf(there);
}

/**
 * A directory that anybody may write to lets anybody put another file in the place of ours. The top of a volume that was
 * mounted for the purpose is taken even so: Kubernetes makes an emptyDir with mode 0777, a tmpfs has 1777 unless told.
 */
async function inspectDirectory(disk: Disk, path: string, isStrict: boolean): Promise<void> {
  const facts = await disk.stat(path);
  if ((facts.mode & OTHERS_MAY_WRITE) === 0) return;
  const isVolume = facts.dev !== (await disk.stat(dirname(path))).dev;
  if (isVolume && !isStrict && !SHARED_BY_ALL.has(path)) return;
  throw new SinkError(
    'everybody may write to its directory; take that away (chmod o-w), or give it a directory of its own',
  );
}

/** Removes temporary files that a killed process left in `directory`. */
export async function sweepLeftovers(
  disk: Disk,
  directory: string,
  file: string,
  now: number,
): Promise<void> {
  const names = await disk.readdir(directory);
  const ours = names.filter((name) => TEMPORARY.test(name) && name.startsWith(`.${file}.`));
  for (const name of ours) {
    const path = join(directory, name);
    const facts = await ifThere(disk.lstat(path));
    if (facts === null || now - facts.mtimeMs < LEFTOVER_AFTER_MS) continue;
    await ifThere(disk.unlink(path));
  }
}

export function identityOf(facts: FileIdentity): FileIdentity {
  const { ino, size, mtimeMs, uid, gid } = facts;
  return { ino, size, mtimeMs, mode: facts.mode & PERMISSIONS, uid, gid };
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeMs === b.mtimeMs &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid
  );
}
