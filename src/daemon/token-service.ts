// One token as the daemon runs it: where its value comes from, whether a loop keeps it fresh, and what `/health` and
// the metrics may know of it.
import type { Config, TokenConfig } from '../config/config.js';
import type { SnapshotFacts, TokenFacts } from '../health/derive.js';
import type { RefreshLoop } from '../refresh/loop.js';
import { emptyRecord } from '../refresh/record.js';
import type { TokenSource } from '../token/source.js';

export interface TokenService {
  readonly config: TokenConfig;
  readonly source: TokenSource;
  /** null: a static token, which nobody polls. */
  readonly loop: RefreshLoop | null;
  /** Runs until `stop`. Rejects for a bug. */
  start(): Promise<void>;
  stop(): Promise<void>;
  reconfigure(config: Config): void;
}

/** `vaultNowMs`: Vault's clock, milliseconds since the epoch. */
export function tokenFacts(service: TokenService, vaultNowMs: number): TokenFacts {
  return factsOf(service, service.source.at(vaultNowMs));
}

export function factsOf<T extends SnapshotFacts>(
  { config, loop }: TokenService,
  snapshot: T,
): TokenFacts & { readonly snapshot: T } {
  const { name, required } = config;
  return { name, required, snapshot, attempts: loop?.record ?? emptyRecord };
}
