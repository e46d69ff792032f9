// A folder for the Unix socket of `keytender dev`: for this user alone (0700), and gone at the end with what is in it.
// Where temporary folders have too long a path for a socket (unix(7)) there is none.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSocketPath } from '../../platform/socket-path.js';

export interface SocketFolder extends AsyncDisposable {
  /** Path for the socket; null: there can be none. */
  readonly socket: string | null;
}

export async function socketFolder(parent = tmpdir()): Promise<SocketFolder> {
  const none = { socket: null, [Symbol.asyncDispose]: () => Promise.resolve() };
  // mkdtemp puts six characters behind the name
  if (!isSocketPath(join(parent, 'keytender-123456', 'agent.sock'))) return none;
  const folder = await mkdtemp(join(parent, 'keytender-')).catch(() => null);
  if (folder === null) return none;
  return {
    socket: join(folder, 'agent.sock'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
