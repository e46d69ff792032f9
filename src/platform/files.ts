// Reading files, as an argument. Owns the few calls the settings need: the bytes of a regular file with a limit, what
// `stat` says of it, and the mount table. Refuses whatever is not a regular file (a pipe that nobody writes would hang).
import { constants } from 'node:fs';
import { open, readFile, realpath } from 'node:fs/promises';

export interface FileReading {
  readonly bytes: Uint8Array;
  /** Permission bits, as `stat` gives them. */
  readonly mode: number;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAtMs: number;
  /** With every link followed. */
  readonly realPath: string;
}

/** Reads files. Expected refusals are `FileRefusal`s. */
export interface FileReader {
  /** Follows links. Rejects with `FileRefusal`; never reads more than `bytesMax`. */
  read(path: string, bytesMax: number): Promise<FileReading>;
  /** The text of `/proc/self/mountinfo` (proc(5)); null where there is none. */
  mountTable(): Promise<string | null>;
}

export type FileRefusalReason = 'absent' | 'forbidden' | 'not_a_file' | 'too_large' | 'unreadable';

/** Why a file was not read. The message names no path: the caller knows which, and whether it may say so. */
export class FileRefusal extends Error {
  readonly reason: FileRefusalReason;

  constructor(reason: FileRefusalReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FileRefusal';
    this.reason = reason;
  }
}

export const systemFiles: FileReader = {
  read: async (path, bytesMax) => {
    try {
      return await readRegularFile(path, bytesMax);
    } catch (error) {
      throw error instanceof FileRefusal ? error : refusalOf(error);
    }
  },
  mountTable: async () => {
    try {
      return await readFile('/proc/self/mountinfo', 'utf8');
    } catch {
      return null;
    }
  },
};

async function readRegularFile(path: string, bytesMax: number): Promise<FileReading> {
  const realPath = await realpath(path);
  // without O_NONBLOCK, opening a pipe waits for its other end
  const file = await open(realPath, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new FileRefusal('not_a_file', 'is not a regular file');
    // one byte more than allowed tells a file that is too long; its size by `stat` may be 0 or may change meanwhile
    const buffer = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    if (length > bytesMax) throw new FileRefusal('too_large', `is longer than ${bytesMax} bytes`);
    return {
      bytes: Uint8Array.from(buffer.subarray(0, length)),
      mode: facts.mode,
      modifiedAtMs: facts.mtimeMs,
      realPath,
    };
  } finally {
    await file.close();
  }
}

function refusalOf(error: unknown): FileRefusal {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new FileRefusal('absent', 'does not exist');
    case 'EACCES':
    case 'EPERM':
      return new FileRefusal('forbidden', 'may not be read by this user');
    case 'EISDIR':
    case 'ENXIO':
      return new FileRefusal('not_a_file', 'is not a regular file');
    default:
      // no `cause`: the system's message quotes the path, which may be a secret put in the wrong place
      return new FileRefusal(
        'unreadable',
        `cannot be read (${typeof code === 'string' ? code : 'unknown error'})`,
      );
  }
}
