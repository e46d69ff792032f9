// The composition root of `keytender agent`: builds the parts, starts them, waits for a signal, stops them in reverse
// order. A list on purpose: whatever decides something lives in the folder that owns it.
import type { Config } from '../config/config.js';
import type { LoadResult } from '../config/load.js';
import { failureClasses } from '../health/failure.js';
import { tokenStates } from '../health/body.js';
import { buildHttp, httpSeries } from '../http/http.js';
import type { ApiSettings } from '../http/signed/signed-api.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { type Random, systemRandom } from '../platform/random.js';
import { buildAudit } from '../telemetry/audit.js';
import { buildLogger } from '../telemetry/logger.js';
import { buildMetrics } from '../telemetry/metrics.js';
import { buildLines, type Stdout } from './lines.js';
import { refusalReasons } from '../signature/index.js';
import type { TellEvent } from './agent-event.js';
import { buildApiTokens } from './api-tokens.js';
import { buildAttempts } from './attempts.js';
import { refuseWhatIsNotBuilt } from './not-yet.js';
import { buildReload } from './reload.js';
import { buildReports } from './reports.js';
import { buildSinks } from './sinks.js';
import { buildTokenServices } from './token-services.js';
import { listenForStop, runSteps, type StopSignals } from './stopping.js';
import { buildVault } from './vault.js';

export interface AgentSignals extends StopSignals {
  onReload(listener: () => void): void;
}

export interface AgentOptions {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** Reads the settings again, for `SIGHUP`. */
  readonly reload: () => Promise<LoadResult>;
  readonly signals: AgentSignals;
  readonly stdout: Stdout;
  readonly version: string;
  /** Once everything listens. */
  readonly onReady?: (addresses: { readonly api: string; readonly probe: string | null }) => void;
  readonly onEvent?: TellEvent;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Runs the agent until it is told to stop. Resolves with the exit code: 0 after a signal. Rejects with a
 * `ConfigProblem` for a secret that cannot be used, a `ListenError` for an address that cannot be bound; anything else
 * is a bug.
 */
export async function runAgent(options: AgentOptions): Promise<number> {
  const { config, version, clock = systemClock, random = systemRandom } = options;
  const stopping = listenForStop(options.signals);
  const startedMonotonicMs = clock.monotonicMs();
  refuseWhatIsNotBuilt(config);

  const lines = buildLines({ config, stdout: options.stdout, clock });
  const logger = await buildLogger({
    ...config.log,
    isTerminal: options.stdout.isTTY === true,
    write: lines.writeLog,
    clock,
  });
  const audit = buildAudit({ agentId: config.agent.id, clock, write: lines.writeAudit });
  const metrics = buildMetrics({
    version,
    clock,
    tokens: config.tokens.map(({ name }) => name),
    sinks: config.sinks.map(({ name }) => name),
    tokenStates,
    failureClasses,
    routes: httpSeries(),
    refusalReasons,
    source: () => ({ ...reports.metricsView(), api: http.facts() }),
  });
  lines.tell({ metrics, logger });
  const vault = buildVault({ config, clock, random, metrics, audit, logger });
  const onEvent = options.onEvent ?? (() => undefined);
  const attempts = buildAttempts();
  const tokens = await buildTokenServices({
    config,
    vault,
    clock,
    random,
    logger,
    audit,
    metrics,
    onEvent,
    onAttempted: attempts.ended,
  });
  const reload = buildReload({
    config,
    load: options.reload,
    tokens,
    lines,
    logger,
    audit,
    metrics,
  });
  const sinks = buildSinks({
    config,
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
    metrics,
  });
  const http = buildHttp({
    signed: {
      tokens: apiTokens.tokens,
      clients: null,
      settings: () => apiSettings(reload.config()),
      maxSkewMs: config.signature.maxSkewMs,
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
    listen: config.listen,
    version,
    clock,
    logger,
    audit,
    draining: stopping.isAsked,
    onRequest: (route, method, status, seconds) => {
      metrics.httpRequest(route, method, status, seconds);
    },
    onConnectionRefused: () => {
      metrics.rateLimited('connections');
    },
  });

  const bound = await http.start();
  audit('agent_started', { mode: vault === null ? 'static' : 'vault', agent_version: version });
  for (const warning of options.warnings) logger.warn({}, warning);
  const addresses = {
    api: urlOf(bound.api, config.listen.tlsCert !== null),
    probe: bound.probe && urlOf(bound.probe),
  };
  logger.info({ ...addresses, version }, 'listening');
  options.onReady?.(addresses);
  options.signals.onReload(reload.run);

  const running = Promise.all([tokens.start(), sinks.start()]);
  const signal = await Promise.race([stopping.asked, running]);
  logger.info({ signal: String(signal) }, 'stopping');
  const { delayMs, timeoutMs } = reload.config().shutdown;
  await runSteps(
    [
      () => clock.sleep(delayMs, stopping.hurry).catch(() => undefined),
      () => {
        http.drain();
        apiTokens.stop();
        return http.stop(timeoutMs);
      },
    ],
    { clock, withinMs: delayMs + timeoutMs, hurry: stopping.hurry },
  );
  await runSteps([() => sinks.stop(), () => tokens.stop(), async () => vault?.close()], {
    clock,
    withinMs: 1000,
    hurry: stopping.hurry,
  });
  audit('agent_stopped', { exit_code: 0, reason: String(signal) });
  await lines.flush(500);
  return 0;
}

function apiSettings({ agent, listen, limits }: Config): ApiSettings {
  return { scopes: agent.scopes, socketScopes: listen.socketScopes, limits };
}

function urlOf(
  { host, port }: { readonly host: string; readonly port: number },
  isTls = false,
): string {
  return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
