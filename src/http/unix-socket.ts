// The path of the Unix socket before and after it is bound: who may replace it, who may open it (unix(7)). The
// permissions of the socket are the authentication of its callers, so it never exists with wider ones.
import { connect } from 'node:net';
import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface SocketTarget {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Name or number; null: the group of the process. */
  readonly group: string | null;
}

/** While the socket is bound: nobody else may open it before mode and group are set. */
export const BINDING_UMASK = 0o177;
const OTHERS_MAY_WRITE = 0o002;

/** Why a path cannot be taken. The message is a phrase with the fix. */
export class SocketPathError extends Error {
  override readonly name = 'SocketPathError';
}

/** Makes way: removes a socket that nobody answers on, and nothing else. Rejects with `SocketPathError`. */
export async function clearSocketPath(path: string): Promise<void> {
  const parent = await lstat(dirname(path)).catch(() => null);
  if (parent?.isDirectory() !== true) {
    throw new SocketPathError('its directory does not exist; create it, or set another path');
  }
  if ((parent.mode & OTHERS_MAY_WRITE) !== 0) {
    throw new SocketPathError(
      'everybody may write its directory and put another socket there; use one that only its owner may write (in a pod a folder inside the emptyDir, made by an init container: docs/deployment.md)',
    );
  }
  const there = await lstat(path).catch(() => null);
  if (there === null) return;
  if (!there.isSocket()) {
    throw new SocketPathError('something else is there that is no socket; set another path');
  }
  if (await isAnswered(path)) {
    throw new SocketPathError(
      'another process already listens there; stop it, or set another path',
    );
  }
  await unlink(path);
}

/** Opens a bound socket to those who are meant. Rejects with `SocketPathError`. */
export async function admitToSocket({ path, mode, group }: SocketTarget): Promise<void> {
  try {
    if (group !== null) await chown(path, -1, await groupId(group));
    await chmod(path, mode);
  } catch (error) {
    if (error instanceof SocketPathError) throw error;
    throw new SocketPathError('this user may not give it that group; set listen.socket_group', {
      cause: error,
    });
  }
}

async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const table = await readFile('/etc/group', 'utf8').catch(() => '');
  const row = table.split('\n').find((line) => line.startsWith(`${group}:`));
  const id = Number(row?.split(':')[2] ?? NaN);
  if (Number.isNaN(id))
    throw new SocketPathError('there is no such group; set listen.socket_group');
  return id;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // any other failure: somebody may be there
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}
