// Reading Vault, wired: the request budget, the client, and who is told of requests and logins.
import type { Config } from '../config/config.js';
import { steadyNeedPerMinute } from '../config/steady-need.js';
import type { Clock } from '../platform/clock.js';
import { systemFiles } from '../platform/files.js';
import type { Random } from '../platform/random.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { buildRequestBudget, shareRequests } from '../vault/request-budget.js';
import { buildVaultClient, type VaultClient } from '../vault/vault-client.js';

/** One permit on demand buys a sequence of at most this many reads. */
const READS_PER_DEMAND = 5;

export interface VaultPartOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Pick<Metrics, 'vaultRequest' | 'vaultBudgetRefused'>;
  readonly audit: Audit;
  readonly logger: Logger;
}

/** null in static mode. */
export function buildVault({
  config,
  clock,
  random,
  metrics,
  audit,
  logger,
}: VaultPartOptions): VaultClient | null {
  if (config.vault === null) return null;
  const budget = buildRequestBudget({
    clock,
    ...shareRequests({
      requestsPerMinute: config.vault.requestsPerMinute,
      onDemandRequestsPerMinute: READS_PER_DEMAND * config.refresh.onDemandPerMinute,
      steadyPerMinute: steadyNeedPerMinute({
        tokens: config.tokens.length,
        supersededMax: config.token.supersededMax,
        intervalMs: config.refresh.intervalMs,
      }),
    }),
    refusals: metrics.vaultBudgetRefused,
  });
  const expiryOf = (ttlMs: number | null): string | null =>
    ttlMs === null ? null : new Date(clock.now() + ttlMs).toISOString();
  return buildVaultClient({
    config: config.vault,
    deployment: config.deployment,
    clock,
    random,
    budget,
    readFile: readText,
    loginBackoffMaxMs: config.refresh.intervalMs,
    onRequest: ({ operation, outcome, seconds }) => {
      metrics.vaultRequest(operation, outcome, seconds);
    },
    onWarning: (message) => {
      logger.warn({}, message);
    },
    onRenewed: ({ method, ttlMs }) => {
      audit('vault_login_renewed', { mode: method, expires_at: expiryOf(ttlMs) });
    },
    onLogin: ({ method, ttlMs }) => {
      const expiresAt = expiryOf(ttlMs);
      audit('vault_login', { mode: method, expires_at: expiresAt });
      logger.info({ method, expires_at: expiresAt }, 'logged in to Vault');
    },
  });
}

const FILE_BYTES_MAX = 1_048_576;

/** Certificates, keys, signed tokens: never a pipe that nobody writes, never without a limit. */
async function readText(path: string): Promise<string> {
  const { bytes } = await systemFiles.read(path, FILE_BYTES_MAX);
  return Buffer.from(bytes).toString('utf8');
}
