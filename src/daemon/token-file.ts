// Writing the token of static mode back to where it is read from: whole or not at all, for its owner alone.
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, unlink } from 'node:fs/promises';

const FILE_MODE = 0o600;

/** Follows links: the file that is meant is replaced, not the link. Rejects when it cannot be written. */
export async function writeTokenFile(path: string, text: string): Promise<void> {
  const target = await realpath(path);
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', FILE_MODE);
  try {
    try {
      await file.writeFile(text, 'utf8');
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
