// A Vault-compatible KV v2 server in this process, for development and tests, with faults on request. It is not a Vault
// for production: everything is in memory, unprotected, and gone with the process.
export { devVault } from './dev-vault.js';
export { devVaultCluster } from './cluster.js';
export type { DevVaultCluster, DevVaultClusterOptions, DevVaultNode } from './cluster.js';
export type { DevToken, DevVault, TokenOptions } from './dev-vault.js';
export type { DevVaultOptions, DevVaultTls } from './options.js';
export type { RecordedRequest } from './http/server.js';
export type { KvMetadataSettings, KvShortcuts, KvVersion, KvWritten } from './kv-shortcuts.js';
export type { AddedFault, FaultInjector } from './fault/fault-injector.js';
export { FAULT_KINDS } from './fault/fault.js';
export type * from './fault/fault.js';
export { NOT_FOR_PRODUCTION } from './notice.js';
