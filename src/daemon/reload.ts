// `SIGHUP`: read settings, files and certificates again, validate everything, then swap; or keep the old and say why.
// One at a time, the last asked for wins; what needs a restart is named.
import type { Config } from '../config/config.js';
import { describeChanges } from '../config/changes.js';
import type { LoadResult } from '../config/load.js';
import type { Audit } from '../telemetry/audit.js';
import type { RootLogger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Clients } from './clients.js';
import type { Lines } from './lines.js';
import type { Permits } from './permits.js';
import { settingsInForce } from './settings-in-force.js';
import type { TokenServices } from './token-services.js';
import type { VaultPart } from './vault.js';

export interface ReloadOptions {
  readonly config: Config;
  readonly load: () => Promise<LoadResult>;
  readonly tokens: Pick<TokenServices, 'reconfigure'>;
  /** null: static mode. */
  readonly clients: Pick<Clients, 'reconfigure'> | null;
  readonly permits: Pick<Permits, 'reconfigure'>;
  /** null: static mode. */
  readonly vault: Pick<VaultPart, 'objectionTo' | 'reconfigure'> | null;
  readonly lines: Pick<Lines, 'reopen'>;
  readonly logger: RootLogger;
  readonly audit: Audit;
  readonly metrics: Pick<Metrics, 'configReloaded'>;
}

export interface Reload {
  /** The settings in force. */
  readonly config: () => Config;
  /** Asks for a reload. Never throws, never waits. */
  readonly run: () => void;
}

export function buildReload(options: ReloadOptions): Reload {
  const { logger, audit, metrics } = options;
  let current = options.config;
  let running: Promise<void> | null = null;
  let isAskedAgain = false;

  const refuse = (reason: string, names: readonly string[]): void => {
    metrics.configReloaded('refused');
    audit('config_reloaded', { outcome: 'refused', reason, names });
    logger.error({ reason, names }, 'the settings were not reloaded, the old ones stay');
  };

  const take = (next: Config): void => {
    const changes = describeChanges(current, next);
    current = settingsInForce(current, next);
    logger.setLevel(next.log.level);
    options.tokens.reconfigure(next);
    options.clients?.reconfigure(next);
    options.permits.reconfigure(next);
    options.vault?.reconfigure(current);
    metrics.configReloaded('ok');
    audit('config_reloaded', { outcome: 'ok', names: changes.map(({ key }) => key) });
    logger.info({ changed: changes.map(({ key }) => key) }, 'settings reloaded');
    const late = changes.filter(({ restart }) => restart).map(({ key }) => key);
    if (late.length > 0) logger.warn({ settings: late }, 'these changes need a restart');
  };

  const reload = async (): Promise<void> => {
    options.lines.reopen();
    const result = await options.load();
    if (result.ok) {
      const objection = (await options.vault?.objectionTo(result.config)) ?? null;
      if (objection === null) take(result.config);
      else refuse(objection, ['vault.ca_cert', 'vault.client_cert', 'vault.client_key']);
      return;
    }
    const sentences = result.problems.map(({ key, message, fix }) => `${key}: ${message}; ${fix}`);
    refuse(
      sentences.join(' | '),
      result.problems.map(({ key }) => key),
    );
  };

  const run = (): void => {
    if (running !== null) {
      isAskedAgain = true;
      return;
    }
    running = reload()
      .catch((error: unknown) => {
        refuse(error instanceof Error ? error.message : 'unknown', []);
      })
      .finally(() => {
        running = null;
        if (!isAskedAgain) return;
        isAskedAgain = false;
        run();
      });
  };

  return { config: () => current, run };
}
