// One token as the daemon runs it: where its value comes from, whether a loop keeps it fresh, and what `/health` and
// the metrics may know of it.
import type { Config, TokenConfig } from '../config/config.js';
import type { TokenFacts } from '../health/derive.js';
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
export function tokenFacts({ config, source, loop }: TokenService, vaultNowMs: number): TokenFacts {
  return {
    name: config.name,
    required: config.required,
    snapshot: source.at(vaultNowMs),
    attempts: loop?.record ?? emptyRecord,
  };
}
