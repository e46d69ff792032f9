// The `auth` block of an answer that brings or renews a token, keys in Vault's order.
import { encodeInOrder, type RawJson } from '../json-text.js';
import type { TokenEntry } from './token-entry.js';

export function authBlock(entry: TokenEntry, leaseSeconds: number): RawJson {
  return encodeInOrder({
    client_token: entry.id,
    accessor: entry.accessor,
    policies: [...entry.policies],
    token_policies: [...entry.policies],
    metadata: entry.meta === undefined ? null : { ...entry.meta },
    lease_duration: leaseSeconds,
    renewable: entry.renewable,
    entity_id: entry.entityId,
    token_type: entry.type,
    orphan: entry.parent === undefined,
    mfa_requirement: null,
    num_uses: entry.numUses,
  });
}
