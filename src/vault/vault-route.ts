// The way to Vault as the settings describe it: addresses, their connections, certificates, how long a request may
// take. A reload puts another in its place; who is under way on the old one ends there.
import type { VaultConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import { buildAddresses, type Addresses } from './addresses.js';
import type { NameLookup } from './name-watch.js';
import { buildTlsFiles, type TlsFiles } from './tls-files.js';
import { buildVaultNode, type VaultNode } from './vault-node.js';

export interface VaultRoute {
  readonly addresses: Addresses;
  /** As configured, the first one first. */
  readonly nodes: ReadonlyMap<string, VaultNode>;
  readonly tlsFiles: TlsFiles;
  readonly timeoutMs: number;
  /** Its connections close when what is under way on them has ended. */
  retire(): void;
  /** Closes every connection. */
  close(): Promise<void>;
}

export interface VaultRouteOptions {
  readonly config: VaultConfig;
  readonly clock: Clock;
  readonly readFile: (path: string) => Promise<string>;
  readonly lookup?: NameLookup | undefined;
}

/** Makes no request. Throws `TypeError` for an address that is no URL. */
export function buildVaultRoute({
  config,
  clock,
  readFile,
  lookup,
}: VaultRouteOptions): VaultRoute {
  const { timeoutMs, proxy } = config;
  const nodes = new Map(
    config.addresses.map((address) => [
      address,
      buildVaultNode({ address, clock, timeoutMs, proxy, lookup }),
    ]),
  );
  return {
    addresses: buildAddresses(config.addresses),
    nodes,
    tlsFiles: buildTlsFiles(config, readFile),
    timeoutMs,
    retire() {
      for (const node of nodes.values()) node.retire();
    },
    async close() {
      await Promise.all([...nodes.values()].map((node) => node.close()));
    },
  };
}
