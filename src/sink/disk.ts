// The disk as file sinks use it, as an argument: a test puts faults between any two steps. And what its errors mean, in
// words that an operator can act on.
import { lstat, open, readdir, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { SinkError } from './sink.js';

export const systemDisk = { lstat, open, readdir, readFile, realpath, rename, stat, unlink };

export type Disk = typeof systemDisk;

const meanings: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; make room',
  EDQUOT: "the disk quota is used up; make room, or raise the user's quota",
  EROFS: 'the file system is read-only; mount a volume there',
  EACCES: 'this user may not write there; give it the directory, or run as its owner',
  EPERM: 'this user may not do that; the owner and a foreign directory need root',
  ENOENT: 'the directory does not exist; create it',
  ENOTDIR: 'a part of the path is no directory; correct the path',
  ENAMETOOLONG: 'the path is too long; shorten it',
  EIO: 'the disk reports an error; look at the system log',
  EMFILE: 'too many files are open; raise the limit of open files',
  ELOOP: 'the path runs in a circle of symbolic links; correct it',
};

/** As a `SinkError`; a bug stays what it is. */
export function explainDiskError(error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof SinkError || code === null) return error;
  return new SinkError(`${meanings[code] ?? 'the disk refused'} (${code})`, { cause: error });
}

export function codeOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/** The answer, or null when there is no such file. */
export async function ifThere<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
