// A caller with a key of its own, as the API needs it. Who it is and what it may do is always of the newest document;
// which keys verify overlaps like a token's.
import type { Scope } from '../../config/config.js';
import type { HeldKey } from './keys.js';
import type { OnDemand } from './api-token.js';

export interface NamedClient {
  readonly id: string;
  readonly scopes: readonly Scope[];
  readonly tokens: readonly string[];
  /** null: `limits.requests_per_minute`. */
  readonly requestsPerMinute: number | null;
  readonly keys: readonly HeldKey[];
}

export interface ClientDocument {
  readonly clients: ReadonlyMap<string, NamedClient>;
}

export interface ClientDirectory {
  /** The same object as long as nothing changed. */
  current(): ClientDocument;
  readonly onDemand: OnDemand | null;
}
