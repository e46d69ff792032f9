// Writing tokens into the dev Vault: the first ones, and new ones every so often.
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/config.js';
import type { DevVault } from '../../dev-vault/index.js';
import type { Clock } from '../../platform/clock.js';

type Kv = Pick<DevVault, 'kv'>;

/** As `openssl rand -base64 32` makes one. */
export function newToken(): string {
  return randomBytes(32).toString('base64');
}

/** A new version of each configured token. */
export function writeTokens({ kv }: Kv, config: Config, make: () => string): void {
  for (const { path, field } of config.tokens) {
    kv.put(secretOf(config, path), { [field]: make() });
  }
}

/** Below the mount, as `vault kv put -mount=…` takes it. */
export function secretOf(config: Config, path: string): string {
  const prefix = config.vault?.pathPrefix ?? '';
  return [prefix, config.deployment, path].filter((part) => part !== '').join('/');
}

/** Until the signal aborts. Never rejects. */
export async function rotateEvery(
  everyMs: number,
  vault: Kv,
  config: Config,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(everyMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    writeTokens(vault, config, newToken);
  }
}
