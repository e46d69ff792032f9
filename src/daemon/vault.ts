// Reading Vault, wired: the request budget, the client, who is told of requests and logins, and what a reload changes.
import type { Config } from '../config/config.js';
import { steadyNeedPerMinute } from '../config/steady-need.js';
import type { Clock } from '../platform/clock.js';
import { systemFiles } from '../platform/files.js';
import type { Random } from '../platform/random.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { buildRequestBudget, shareRequests, type RequestLimits } from '../vault/request-budget.js';
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

/** The client as the composition knows it: a reload hands it all the settings. */
export interface VaultPart extends Omit<VaultClient, 'reconfigure' | 'objectionTo'> {
  /** What stands against these settings; null: nothing. */
  objectionTo(config: Config): Promise<string | null>;
  reconfigure(config: Config): void;
}

/** null in static mode. */
export function buildVault({
  config,
  clock,
  random,
  metrics,
  audit,
  logger,
}: VaultPartOptions): VaultPart | null {
  if (config.vault === null) return null;
  let { intervalMs } = config.refresh;
  const budget = buildRequestBudget({
    clock,
    ...requestLimits(config),
    refusals: metrics.vaultBudgetRefused,
  });
  const expiryOf = (ttlMs: number | null): string | null =>
    ttlMs === null ? null : new Date(clock.now() + ttlMs).toISOString();
  const client = buildVaultClient({
    config: config.vault,
    deployment: config.deployment,
    clock,
    random,
    budget,
    readFile: readText,
    loginBackoffMaxMs: () => intervalMs,
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
  return {
    ...client,
    objectionTo: ({ vault }) =>
      vault === null ? Promise.resolve(null) : client.objectionTo(vault),
    reconfigure(next) {
      if (next.vault === null) return;
      intervalMs = next.refresh.intervalMs;
      budget.reconfigure(requestLimits(next));
      client.reconfigure(next.vault);
    },
  };
}

function requestLimits({ vault, refresh, tokens, token }: Config): RequestLimits {
  return shareRequests({
    requestsPerMinute: vault?.requestsPerMinute ?? 0,
    onDemandRequestsPerMinute: READS_PER_DEMAND * refresh.onDemandPerMinute,
    steadyPerMinute: steadyNeedPerMinute({
      tokens: tokens.length,
      supersededMax: token.supersededMax,
      intervalMs: refresh.intervalMs,
    }),
  });
}

const FILE_BYTES_MAX = 1_048_576;

/** Certificates, keys, signed tokens: never a pipe that nobody writes, never without a limit. */
async function readText(path: string): Promise<string> {
  const { bytes } = await systemFiles.read(path, FILE_BYTES_MAX);
  return Buffer.from(bytes).toString('utf8');
}
