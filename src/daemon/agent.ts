// The life of `keytender agent`: start the parts, serve until a signal, stop them in reverse order.
import type { Config } from '../config/config.js';
import type { LoadResult } from '../config/load.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { type Random, systemRandom } from '../platform/random.js';
import type { TellEvent } from './agent-event.js';
import { type Agent, type AgentParts, buildAgent } from './build-agent.js';
import type { Stdout } from './lines.js';
import { listenForStop, runSteps, type Stopping, type StopSignals } from './stopping.js';

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
  /** Given in `dev` only: what the button of the status page does. */
  readonly rotate?: AgentParts['rotate'];
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
  const agent = await buildAgent({
    config,
    load: options.reload,
    stdout: options.stdout,
    version,
    onEvent: options.onEvent ?? (() => undefined),
    isStopping: stopping.isAsked,
    ...(options.rotate === undefined ? {} : { rotate: options.rotate }),
    clock,
    random,
  });
  await start(agent, options);
  const running = Promise.all([
    agent.tokens.start(),
    agent.clients?.start(),
    agent.sinks.start(),
  ]);
  const signal = await Promise.race([stopping.asked, running]);
  await stop(agent, String(signal), stopping, clock);
  return 0;
}

async function start(agent: Agent, options: AgentOptions): Promise<void> {
  const { http, audit, logger, reload, vault } = agent;
  const { config, version } = options;
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
}

/** Sinks, loops and Vault have this long each once nothing is served any more. */
const PART_STOP_MS = 1000;
const FLUSH_MS = 500;

async function stop(
  { http, apiTokens, sinks, tokens, clients, vault, reload, logger, audit, lines }: Agent,
  signal: string,
  { hurry }: Stopping,
  clock: Clock,
): Promise<void> {
  logger.info({ signal }, 'stopping');
  const { delayMs, timeoutMs } = reload.config().shutdown;
  const serveOn = (): Promise<void> => clock.sleep(delayMs, hurry).catch(() => undefined);
  const stopServing = (): Promise<void> => {
    http.drain();
    apiTokens.stop();
    clients?.release();
    return http.stop(timeoutMs);
  };
  await runSteps([serveOn, stopServing], { clock, withinMs: delayMs + timeoutMs, hurry });
  const closeVault = async (): Promise<void> => {
    await vault?.close();
  };
  const stopPolling = async (): Promise<void> => {
    await Promise.all([tokens.stop(), clients?.stop()]);
  };
  await runSteps([() => sinks.stop(), stopPolling, closeVault], {
    clock,
    withinMs: PART_STOP_MS,
    hurry,
  });
  audit('agent_stopped', { exit_code: 0, reason: signal });
  await lines.flush(FLUSH_MS);
}

function urlOf(
  { host, port }: { readonly host: string; readonly port: number },
  isTls = false,
): string {
  return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
