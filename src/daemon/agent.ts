// The life of `keytender agent`: start the parts, serve until a signal, stop them in reverse order.
import type { Config } from '../config/config.js';
import type { LoadResult } from '../config/load.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { coreProblem } from '../platform/core-dumps.js';
import { type Random, systemRandom } from '../platform/random.js';
import type { TellEvent } from './agent-event.js';
import { initAdvice } from './child.js';
import { type Agent, type AgentParts, buildAgent } from './build-agent.js';
import type { Stdout } from './lines.js';
import { listenForStop, runSteps, type Stopping, type StopSignals } from './stopping.js';

export interface AgentSignals extends StopSignals {
  onReload(listener: () => void): void;
  /** Those that mean nothing to us, for a supervised program. */
  onPassed(listener: (signal: NodeJS.Signals) => void): void;
}

export interface AgentOptions {
  readonly config: Config;
  /** A program to supervise, and its arguments. */
  readonly command?: readonly string[];
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
  /** Of this process. */
  readonly pid?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Runs the agent until it is told to stop, or until a supervised program is over. Resolves with the exit code: that of
 * the program, else 0. Rejects with a
 * `ConfigProblem` for a secret that cannot be used, a `ListenError` for an address that cannot be bound; anything else
 * is a bug.
 */
export async function runAgent(options: AgentOptions): Promise<number> {
  const { config, version, clock = systemClock, random = systemRandom } = options;
  const stopping = listenForStop(options.signals);
  const agent = await buildAgent({
    config,
    command: options.command ?? null,
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
  const running = Promise.all([agent.tokens.start(), agent.clients?.start(), agent.sinks.start()]);
  const childOver = startChild(agent, options, stopping);
  await Promise.race([stopping.asked, running, childOver]);
  return stop(agent, stopping, clock);
}

/** Settles only for a bug: its end is an end of ours. */
function startChild(
  { sinks: { child } }: Agent,
  { signals }: AgentOptions,
  stopping: Stopping,
): Promise<never> {
  const never = new Promise<never>(() => undefined);
  if (child === null) return never;
  signals.onPassed((signal) => {
    child.pass(signal);
  });
  return child.start().then(() => {
    stopping.ask('the program ended');
    return never;
  });
}

async function start(agent: Agent, options: AgentOptions): Promise<void> {
  const { http, audit, logger, reload, vault } = agent;
  const { config, version } = options;
  const bound = await http.start();
  audit('agent_started', { mode: vault === null ? 'static' : 'vault', agent_version: version });
  for (const warning of options.warnings) logger.warn({}, warning);
  const advice = initAdvice(options.pid ?? process.pid, config, options.command ?? null);
  if (advice !== null) logger.warn({}, advice);
  const cause = coreProblem();
  if (cause !== null) logger.debug({ cause }, 'a core of this process would show its memory');
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
  { asked, hurry }: Stopping,
  clock: Clock,
): Promise<number> {
  const reason = await asked;
  logger.info({ signal: reason }, 'stopping');
  const { delayMs, timeoutMs } = reload.config().shutdown;
  const serveOn = (): Promise<void> => clock.sleep(delayMs, hurry).catch(() => undefined);
  const stopServing = (): Promise<void> => {
    http.drain();
    apiTokens.stop();
    clients?.release();
    return http.stop(timeoutMs);
  };
  const withinMs = delayMs + timeoutMs;
  await runSteps([serveOn], { clock, withinMs, hurry });
  // it may need us to the end; it has a deadline of its own
  const exitCode = (await sinks.child?.stop(reason, hurry)) ?? 0;
  await runSteps([stopServing], { clock, withinMs, hurry });
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
  audit('agent_stopped', { exit_code: exitCode, reason });
  await lines.flush(FLUSH_MS);
  return exitCode;
}

function urlOf(
  { host, port }: { readonly host: string; readonly port: number },
  isTls = false,
): string {
  return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
