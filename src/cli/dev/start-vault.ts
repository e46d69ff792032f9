// The dev Vault of `keytender dev`, at the usual address of one, or beside it where that is taken and nobody asked for
// it by name.
import type { DevVault } from '../../dev-vault/index.js';
import { FailedError } from '../failed-error.js';
import { UsageError } from '../usage-error.js';

const usualAddress = '127.0.0.1:8200';
const anyPort = '127.0.0.1:0';

export interface VaultChoice {
  readonly vaultAddress?: string;
  readonly rootToken: string;
}

/** Throws `UsageError` for an address that is none or not on loopback, `FailedError` for one that is in use. */
export async function startVault(choice: VaultChoice, mount: string): Promise<DevVault> {
  const { devVault } = await import('../../dev-vault/index.js');
  const start = (address: string): Promise<DevVault> =>
    devVault({ address, rootToken: choice.rootToken, mount });
  if (choice.vaultAddress !== undefined) return startAt(choice.vaultAddress, start);
  try {
    return await start(usualAddress);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    return start(anyPort);
  }
}

async function startAt(
  address: string,
  start: (address: string) => Promise<DevVault>,
): Promise<DevVault> {
  try {
    return await start(address);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`--vault-address: ${error.message}`);
    const code = codeOf(error);
    if (code === 'EADDRINUSE') {
      throw new FailedError(
        `another process already listens on ${address}; stop it, or choose another with --vault-address 127.0.0.1:0`,
      );
    }
    if (code !== undefined) throw new FailedError(`cannot listen on ${address} (${code})`);
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
