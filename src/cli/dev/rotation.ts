// Writing tokens into the dev Vault: the first ones, new ones every so often, and at the press of a button.
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/config.js';
import type { DevVault } from '../../dev-vault/index.js';
import type { Clock } from '../../platform/clock.js';

type Kv = Pick<DevVault, 'kv'>;

const writeTimeoutMs = 5000;

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

export type Written =
  | { readonly ok: true; readonly written: Readonly<Record<string, number>> }
  | { readonly ok: false; readonly reason: string };

/**
 * A new version of each token, written over HTTP as an operator would: a Vault that is sealed or that fails says so.
 * Resolves with the version of each, or with why not. Never rejects.
 */
export async function rotateAsOperator(
  vault: Pick<DevVault, 'address' | 'rootToken'>,
  config: Config,
): Promise<Written> {
  const written: Record<string, number> = {};
  for (const { name, path, field } of config.tokens) {
    const url = `${vault.address}/v1/${config.vault?.mount ?? 'secret'}/data/${secretOf(config, path)}`;
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'X-Vault-Token': vault.rootToken },
        body: JSON.stringify({ data: { [field]: newToken() } }),
        signal: AbortSignal.timeout(writeTimeoutMs),
      });
      const body = (await answer.json()) as { data?: { version?: number }; errors?: string[] };
      const version = body.data?.version;
      if (version === undefined) {
        return { ok: false, reason: `the dev Vault answers ${answer.status}: ${sentence(body)}` };
      }
      written[name] = version;
    } catch {
      return { ok: false, reason: 'the dev Vault does not answer' };
    }
  }
  return { ok: true, written };
}

function sentence({ errors = [] }: { readonly errors?: readonly string[] }): string {
  return errors.join(', ');
}
