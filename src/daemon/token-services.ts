// The tokens, each with where its value comes from: a store and a loop that reads Vault, or the settings alone.
import type { Config, TokenConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import { RefreshLoop, type RefreshSettings } from '../refresh/loop.js';
import type { Outage } from '../refresh/outage.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { initialToken, TokenStore, type TokenStoreOptions } from '../token/store.js';
import type { VaultClient } from '../vault/vault-client.js';
import type { TellEvent } from './agent-event.js';
import { AttemptNarrator } from './attempt-narrator.js';
import { ChangeNarrator } from './change-narrator.js';
import { buildStaticService } from './static-service.js';
import { readTokenText, tokenLimits } from './token-limits.js';
import type { TokenService } from './token-service.js';

export interface TokenServicesOptions {
  readonly config: Config;
  readonly vault: VaultReading | null;
  /** Of the one Vault that all secrets are read from. */
  readonly outage: Outage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly onEvent: TellEvent;
  /** Told after each attempt on a token was recorded. */
  readonly onAttempted: (token: string) => void;
}

/** What a token needs of the Vault client. */
export type VaultReading = Pick<VaultClient, 'reader' | 'clockOffsetMs'>;

export interface TokenServices {
  readonly services: readonly TokenService[];
  /** Runs until `stop`. Rejects for a bug. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes what a reload may change. */
  reconfigure(config: Config): void;
}

export async function buildTokenServices(options: TokenServicesOptions): Promise<TokenServices> {
  const services = await Promise.all(
    options.config.tokens.map((token) => buildService(options, token)),
  );
  return {
    services,
    start: async () => {
      await Promise.all(services.map((service) => service.start()));
    },
    stop: async () => {
      await Promise.all(services.map((service) => service.stop()));
    },
    reconfigure: (config) => {
      for (const service of services) service.reconfigure(config);
    },
  };
}

function buildService(options: TokenServicesOptions, token: TokenConfig): Promise<TokenService> {
  const { vault } = options;
  const narrator = new ChangeNarrator({ ...options, token: token.name });
  return vault === null
    ? buildStaticService({ ...options, token, narrator })
    : buildVaultService(options, token, vault, narrator);
}

async function buildVaultService(
  options: TokenServicesOptions,
  token: TokenConfig,
  vault: VaultReading,
  narrator: ChangeNarrator,
): Promise<TokenService> {
  const { config, clock, random } = options;
  const store = new TokenStore({
    ...storeSettings(config, token),
    ...(await initialOption(config, token, clock)),
    now: clock.now(),
  });
  const vaultNow = (): number => clock.now() + vault.clockOffsetMs();
  narrator.begun(store.at(vaultNow()));
  store.subscribe((decision) => {
    narrator.decided(decision);
  });
  const attempts = new AttemptNarrator({ ...options, token: token.name });
  const loop = new RefreshLoop({
    name: token.name,
    store,
    reader: vault.reader(token.path),
    settings: refreshSettings(config),
    clock,
    random,
    outage: options.outage,
    onAttempt: (outcome, record) => {
      attempts.attempted(outcome, record, store.at(vaultNow()).current !== null);
      options.onAttempted(token.name);
    },
  });
  return {
    config: token,
    source: store,
    loop,
    start: () => loop.start(),
    stop: () => loop.stop(),
    reconfigure: (next) => {
      const again = next.tokens.find(({ name }) => name === token.name);
      if (again === undefined) return;
      store.reconfigure(storeSettings(next, again), vaultNow());
      loop.reconfigure(refreshSettings(next));
    },
  };
}

function storeSettings(
  config: Config,
  token: TokenConfig,
): Pick<TokenStoreOptions, 'field' | 'limits' | 'shortGraceMs'> {
  const { intervalMs, jitterMs } = config.refresh;
  return {
    field: token.field,
    limits: tokenLimits(config, token),
    shortGraceMs: 3 * (intervalMs + jitterMs),
  };
}

function refreshSettings({ refresh, vault }: Config): RefreshSettings {
  return { ...refresh, timeoutMs: vault?.timeoutMs ?? 0 };
}

/** `token.initial` is of the token named `default`. */
async function initialOption(
  config: Config,
  token: TokenConfig,
  clock: Clock,
): Promise<Pick<TokenStoreOptions, 'initial'>> {
  const { initial, initialMaxAgeMs } = config.token;
  if (initial === null || token.name !== 'default') return {};
  const text = await readTokenText(config);
  const createdAt = (await initial.modifiedAt()) ?? clock.now();
  return { initial: initialToken(text, createdAt, clock.now() + initialMaxAgeMs) };
}
