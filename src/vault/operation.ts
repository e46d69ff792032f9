// What we ask of Vault, by the names that the metric label `operation` has (docs/metrics.md). A closed list.

export const vaultOperations = [
  'read',
  'read_version',
  'metadata',
  'login',
  'renew',
  'lookup',
  'revoke',
  'unwrap',
  'capabilities',
  'mounts',
  'health',
] as const;

export type VaultOperation = (typeof vaultOperations)[number];
