// The tokens as the signed API sees them: how each looks now, how it is refreshed on demand, how it is swapped where
// no Vault owns the value. Joins http/, refresh/ and token/, which do not know each other.
import type { Config } from '../config/config.js';
import type { TokenSummary } from '../health/body.js';
import { deriveSummary, isTokenUsable, type Now } from '../health/derive.js';
import type {
  ApiToken,
  ForcedOutcome,
  ForcedRefresh,
  TokenLook,
} from '../http/signed/api-token.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import { RefreshOnDemand } from '../refresh/on-demand.js';
import type { RefreshLoop } from '../refresh/loop.js';
import type { Metrics } from '../telemetry/metrics.js';
import { AgentToken } from '../token/agent-token.js';
import { StaticToken } from '../token/static.js';
import type { Decision } from '../token/store.js';
import type { Attempts } from './attempts.js';
import type { Permits } from './permits.js';
import { writeTokenFile } from './token-file.js';
import { readTokenText } from './token-limits.js';
import { factsOf, type TokenService } from './token-service.js';

export interface ApiTokensOptions {
  readonly services: readonly TokenService[];
  /** The settings in force. */
  readonly config: () => Config;
  readonly clockOffsetMs: () => number;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly random: Random;
  readonly permits: Permits;
  readonly metrics: Pick<Metrics, 'refreshedOnDemand'>;
}

export interface ApiTokens {
  readonly tokens: readonly ApiToken[];
  /** Lets go whoever waits for Vault to be asked. */
  stop(): void;
}

export function buildApiTokens(options: ApiTokensOptions): ApiTokens {
  const demands: RefreshOnDemand[] = [];
  const tokens = options.services.map((service) => {
    const demand = service.loop === null ? null : buildDemand(service, service.loop, options);
    const token = apiToken(service, demand, options);
    if (demand !== null) {
      demands.push(demand);
      // a poll may bring what somebody waits for a permit to ask for
      token.subscribe(() => {
        demand.lookAgain();
      });
    }
    return token;
  });
  return {
    tokens,
    stop() {
      for (const demand of demands) demand.stop();
    },
  };
}

function buildDemand(
  { source, config: { name } }: TokenService,
  loop: RefreshLoop,
  { clock, random, metrics, permits, clockOffsetMs }: ApiTokensOptions,
): RefreshOnDemand {
  return new RefreshOnDemand({
    refresh: () => loop.refresh('on_demand'),
    newestVersion: () => {
      const { current, last, pending } = source.at(clock.now() + clockOffsetMs());
      const versions = [current, last, ...pending].map((one) => one?.version ?? 0);
      return Math.max(...versions) || null;
    },
    takePermit: permits.take,
    clock,
    random,
    onOutcome: (outcome) => {
      metrics.refreshedOnDemand(name, outcome);
    },
  });
}

function apiToken(
  service: TokenService,
  demand: RefreshOnDemand | null,
  options: ApiTokensOptions,
): ApiToken {
  const { name } = service.config;
  const { source } = service;
  const look = (): TokenLook => lookAt(service, options);
  return {
    name,
    look,
    subscribe: (listener) => {
      const ends = [
        options.attempts.subscribe(name, listener),
        source.subscribe(({ after }) => {
          // what an attempt has just brought is usable when the attempt has been recorded
          if (after.current === null || look().isUsable) listener();
        }),
      ];
      return () => {
        for (const end of ends) end();
      };
    },
    get onDemand() {
      return options.permits.isNever() ? null : demand;
    },
    refresh: () =>
      demand === null || options.permits.isNever()
        ? refreshStatic(service, options)
        : force(service, demand),
    replace: source instanceof StaticToken ? (text) => replace(source, text, options) : null,
  };
}

function lookAt(
  service: TokenService,
  { clock, config, clockOffsetMs }: ApiTokensOptions,
): TokenLook {
  const at: Now = {
    wallMs: clock.now(),
    monotonicMs: clock.monotonicMs(),
    clockOffsetMs: clockOffsetMs(),
  };
  const limits = config().refresh;
  const snapshot = service.source.at(at.wallMs + at.clockOffsetMs);
  const facts = factsOf(service, snapshot);
  const isUsable = isTokenUsable(facts, limits, at);
  let health: TokenSummary | null = null;
  return {
    snapshot,
    isUsable,
    health: () => (health ??= deriveSummary(facts, isUsable, at)),
  };
}

async function force({ source }: TokenService, demand: RefreshOnDemand): Promise<ForcedRefresh> {
  const outcomes = new Set<ForcedOutcome>();
  const end = source.subscribe((decision) => {
    outcomes.add(outcomeOf(decision));
  });
  const outcome = await demand.force().finally(end);
  if (outcome === null) return { kind: 'busy' };
  const told = byWeight.find((one) => outcomes.has(one)) ?? 'unchanged';
  const { failure } = outcome;
  const isTold = failure === null || (told !== 'unchanged' && failure.class !== 'secret_malformed');
  return isTold ? { kind: 'done', outcome: told } : { kind: 'failed', class: failure.class };
}

/** What weighs more is told first, should one refresh have done several things. */
const byWeight: readonly ForcedOutcome[] = [
  'revoked',
  'recreated',
  'rotated',
  'restored',
  'pending',
  'cancelled',
  'patched',
  'regressed',
];

function outcomeOf({ change, observation }: Decision): ForcedOutcome {
  switch (change) {
    case 'loaded':
      return 'rotated';
    case 'expired':
      return 'revoked';
    case 'unchanged':
      return observation.kind === 'regressed' ? 'regressed' : 'unchanged';
    default:
      return change;
  }
}

/** Without Vault the settings are what is asked. */
async function refreshStatic(
  { source, loop }: TokenService,
  { config, clock }: ApiTokensOptions,
): Promise<ForcedRefresh> {
  if (loop !== null || !(source instanceof StaticToken)) return { kind: 'busy' };
  const { initial } = config().token;
  if (initial === null || initial.file === null) return { kind: 'done', outcome: 'unchanged' };
  const value = AgentToken.fromText(await readTokenText(config()));
  const { change } = source.replace(
    value,
    (await initial.modifiedAt()) ?? clock.now(),
    clock.now(),
  );
  return { kind: 'done', outcome: change === 'rotated' ? 'rotated' : 'unchanged' };
}

/** The file first: a swap that a restart would undo is none. */
async function replace(
  source: StaticToken,
  text: string,
  { config, clock }: ApiTokensOptions,
): Promise<void> {
  const file = config().token.initial?.file ?? null;
  if (file !== null) await writeTokenFile(file, text);
  source.replace(AgentToken.fromText(text), clock.now(), clock.now());
}
