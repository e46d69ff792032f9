// `vault.auth.secret_id_cache`: keeps an unwrapped secret id for the next start, with the digest of the token that it
// came from, so that a new wrapping token is not mistaken for the old one. Written whole or not at all, for its owner
// alone. Best effort: an agent that cannot write it logs in all the same, and needs a new wrap after a restart.
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { isObject } from '../vault-answer.js';

export interface CachedSecretId {
  /** SHA-256 of the wrapping token, hex. */
  readonly wrapping: string;
  readonly secretId: string;
}

export interface SecretIdCache {
  /** null: there is none that can be used. */
  read(): Promise<CachedSecretId | null>;
  write(cached: CachedSecretId): Promise<void>;
}

export interface SecretIdCacheOptions {
  readonly path: string;
  readonly readFile: (path: string) => Promise<string>;
  readonly onWarning: (message: string) => void;
}

export function buildSecretIdCache({
  path,
  readFile,
  onWarning,
}: SecretIdCacheOptions): SecretIdCache {
  return {
    async read() {
      try {
        return decode(JSON.parse(await readFile(path)));
      } catch {
        return null;
      }
    },
    async write(cached) {
      try {
        await writeWhole(path, `${JSON.stringify(cached)}\n`);
      } catch {
        onWarning(
          'the unwrapped secret id could not be written to vault.auth.secret_id_cache: the next start needs a new wrapping token',
        );
      }
    },
  };
}

function decode(value: unknown): CachedSecretId | null {
  if (!isObject(value)) return null;
  const { wrapping, secretId } = value;
  if (typeof wrapping !== 'string' || typeof secretId !== 'string' || secretId === '') return null;
  return { wrapping, secretId };
}

const OWNER_ONLY = 0o600;

async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(draft, 'wx', OWNER_ONLY);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
