// The composition root: what the agent is made of, in the order in which the parts need each other. A list on purpose:
// whatever decides something lives in the folder that owns it. Nothing runs yet.
import type { Config } from '../config/config.js';
import type { LoadResult } from '../config/load.js';
import { failureClasses } from '../health/failure.js';
import { tokenStates } from '../health/body.js';
import { buildHttp, httpSeries } from '../http/http.js';
import type { StatusPageOptions } from '../http/status-page/routes.js';
import type { ApiSettings, SignedApiOptions } from '../http/signed/signed-api.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import { Outage } from '../refresh/outage.js';
import { refusalReasons } from '../signature/index.js';
import { buildAudit } from '../telemetry/audit.js';
import { buildLogger } from '../telemetry/logger.js';
import { buildMetrics } from '../telemetry/metrics.js';
import { buildLines, type Stdout } from './lines.js';
import type { TellEvent } from './agent-event.js';
import { buildApiTokens } from './api-tokens.js';
import { buildAttempts } from './attempts.js';
import { buildClients } from './clients.js';
import { childName } from './child.js';
import { buildPermits } from './permits.js';
import { buildReload } from './reload.js';
import { buildReports } from './reports.js';
import { buildSinks } from './sinks.js';
import { buildTokenServices } from './token-services.js';
import { buildVault } from './vault.js';

export interface AgentParts {
  readonly config: Config;
  /** Of a program to supervise; null: none. */
  readonly command: readonly string[] | null;
  /** Reads the settings again. */
  readonly load: () => Promise<LoadResult>;
  readonly stdout: Stdout;
  readonly version: string;
  readonly onEvent: TellEvent;
  /** Given in `dev` only: what the button of the status page does. */
  readonly rotate?: StatusPageOptions['rotate'];
  /** Whether the agent was told to stop. */
  readonly isStopping: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
}

export type Agent = Awaited<ReturnType<typeof buildAgent>>;

/** Rejects with a `ConfigProblem` for a secret that cannot be used. */
export async function buildAgent(parts: AgentParts) {
  const { config, command, load, stdout, version, onEvent, isStopping, clock, random } = parts;
  const startedMonotonicMs = clock.monotonicMs();
  const statusPage = statusPageOf(parts);

  const lines = buildLines({ config, stdout, clock });
  const logger = await buildLogger({
    ...config.log,
    isTerminal: stdout.isTTY === true,
    write: lines.writeLog,
    clock,
  });
  const audit = buildAudit({ agentId: config.agent.id, clock, write: lines.writeAudit });
  const metrics = buildMetrics({
    version,
    clock,
    tokens: config.tokens.map(({ name }) => name),
    sinks: [...config.sinks.map(({ name }) => name), ...(command === null ? [] : [childName])],
    tokenStates,
    failureClasses,
    routes: httpSeries(statusPage),
    refusalReasons,
    source: () => ({ ...reports.metricsView(), api: http.facts() }),
  });
  lines.tell({ metrics, logger });
  const vault = buildVault({ config, clock, random, metrics, audit, logger });
  const attempts = buildAttempts();
  const outage = new Outage(clock);
  const tokens = await buildTokenServices({
    config,
    vault,
    outage,
    clock,
    random,
    logger,
    audit,
    metrics,
    onEvent,
    onAttempted: attempts.ended,
  });
  const permits = buildPermits(config, clock);
  const clients =
    vault &&
    buildClients({ config, vault, permits, outage, clock, random, logger, audit, metrics });
  const reload = buildReload({
    config,
    load,
    tokens,
    clients,
    permits,
    vault,
    lines,
    logger,
    audit,
    metrics,
  });
  const sinks = buildSinks({
    config,
    command,
    current: reload.config,
    services: tokens.services,
    vaultNow: () => clock.now() + (vault?.clockOffsetMs() ?? 0),
    clock,
    random,
    logger,
    audit,
    metrics,
  });
  const reports = buildReports({
    agentId: config.agent.id,
    version,
    clock,
    services: tokens.services,
    clients,
    vault,
    sinks,
    limits: () => reload.config().refresh,
  });
  const clockOffsetMs = (): number => vault?.clockOffsetMs() ?? 0;
  const apiTokens = buildApiTokens({
    services: tokens.services,
    config: reload.config,
    clockOffsetMs,
    attempts,
    clock,
    random,
    permits,
    metrics,
  });
  const http = buildHttp({
    signed: {
      tokens: apiTokens.tokens,
      clients: clients?.directory ?? null,
      settings: () => apiSettings(reload.config()),
      maxSkewMs: config.signature.maxSkewMs,
      olderScheme: olderSchemeOf(config),
      sharedAddresses: config.listen.sharedAddresses,
      clockOffsetMs,
      startedMonotonicMs,
      metrics,
    },
    health: reports.health,
    livez: reports.livez,
    readyz: reports.readyz,
    startupz: reports.startupz,
    metrics: () => metrics.scrape(),
    statusPage,
    listen: config.listen,
    version,
    clock,
    logger,
    audit,
    draining: isStopping,
    onRequest: (route, method, status, seconds) => {
      metrics.httpRequest(route, method, status, seconds);
    },
    onConnectionRefused: () => {
      metrics.rateLimited('connections');
    },
  });
  return { lines, logger, audit, vault, tokens, clients, sinks, reload, apiTokens, http };
}

function statusPageOf({ config, rotate }: AgentParts): StatusPageOptions | null {
  if (!config.listen.statusPage) return null;
  return rotate === undefined ? {} : { rotate };
}

/** null: refused. */
function olderSchemeOf({
  agent,
  signature,
}: Config): NonNullable<SignedApiOptions['olderScheme']> | null {
  if (signature.legacy === 'refuse') return null;
  return { agentId: agent.idWritten ? agent.id : null, replayTtlMs: signature.replayTtlMs };
}

function apiSettings({ agent, listen, limits }: Config): ApiSettings {
  return { scopes: agent.scopes, socketScopes: listen.socketScopes, limits };
}
