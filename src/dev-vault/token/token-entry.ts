// One Vault token: what it may do, how long, how often. (The agent's tokens are secrets in KV; these are the tokens
// that Vault is asked with.) https://developer.hashicorp.com/vault/docs/concepts/tokens
import type { Nanos } from '../instant.js';

export interface TokenEntry {
  readonly id: string;
  readonly accessor: string;
  readonly type: 'service' | 'batch';
  readonly policies: readonly string[];
  readonly meta: Readonly<Record<string, string>> | undefined;
  readonly displayName: string;
  /** The path that made it. */
  readonly path: string;
  /** Namespace path: `''` or `team-a/`. */
  readonly namespace: string;
  /** Id of the token that made it; undefined for an orphan. */
  readonly parent: string | undefined;
  readonly role: string | undefined;
  readonly entityId: string;
  readonly createdAt: Nanos;
  readonly creationTtlSeconds: number;
  /** 0: none. */
  readonly explicitMaxTtlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly periodSeconds: number;
  readonly renewable: boolean;
  readonly numUses: number;
  /** Undefined: never. */
  expiresAt: Nanos | undefined;
  /** What a renewal gives that asks for nothing: what the last one gave. */
  ttlSeconds: number;
  lastRenewedAt: Nanos | undefined;
  usesLeft: number;
}
