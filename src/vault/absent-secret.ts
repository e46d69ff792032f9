// Why there is nothing where the secret should be: a 404 has one status and many causes, told apart by phrases that
// Vault and OpenBao have always used. The phrases are recognised, never quoted.
import type { SecretLocation } from './secret-path.js';
import { inMount } from './secret-path.js';
import { errorTexts, isObject, warningTexts } from './vault-answer.js';

export type AbsentCause =
  /** Never written, or a KV v1 mount, or (read by number) pruned: an empty list of errors says no more. */
  'bare' | 'no_mount' | 'no_namespace' | 'not_a_data_path' | 'kv_version_1' | 'other';

/** The cause that the body of a 404 names. */
export function absentCause(body: unknown): AbsentCause {
  const errors = errorTexts(body);
  if (errors.some((text) => /no handler for route|unsupported path/i.test(text))) return 'no_mount';
  if (errors.some((text) => /namespace/i.test(text))) return 'no_namespace';
  const isDataMissing = (text: string): boolean => /invalid path for a versioned k\/v/i.test(text);
  if (warningTexts(body).some(isDataMissing)) return 'not_a_data_path';
  const isBare = isObject(body) && Array.isArray(body['errors']) && body['errors'].length === 0;
  return isBare ? 'bare' : 'other';
}

/** What an operator reads: what happened, and what to do. */
export function absentSentence(cause: AbsentCause, location: SecretLocation): string {
  const mount = location.mount;
  const path = inMount(location);
  switch (cause) {
    case 'bare':
      return `no secret at "${path}" in the mount "${mount}": write it with \`vault kv put -mount=${mount} ${path} token="$(openssl rand -base64 32)"\`, or check vault.path_prefix and deployment`;
    case 'kv_version_1':
      return `the mount "${mount}" is kv version 1: make it version 2 with \`vault kv enable-versioning ${mount}\`, or set vault.mount to one that is`;
    case 'no_mount':
      return `nothing is mounted at "${mount}": check vault.mount and vault.path_prefix, or mount it with \`vault secrets enable -path=${mount} -version=2 kv\``;
    case 'no_namespace':
      return 'the namespace does not exist: check vault.namespace';
    case 'not_a_data_path':
      return `"${path}" is not read as a secret of the mount "${mount}": set vault.mount to the whole path of the kv version 2 mount`;
    case 'other':
      return `no secret at "${path}" in the mount "${mount}" (404): check vault.address, vault.mount and vault.path_prefix`;
  }
}

/** Whether `sys/internal/ui/mounts/{path}` tells of a KV mount without versions. */
export function isKvVersion1(body: unknown): boolean {
  const data = isObject(body) ? body['data'] : undefined;
  if (!isObject(data)) return false;
  const type = data['type'];
  if (type !== 'kv' && type !== 'generic') return false;
  const options = data['options'];
  const version = isObject(options) ? (options['version'] ?? '1') : '1';
  return version === '1' || version === 1;
}
