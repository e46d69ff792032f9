// The supervised program, as a sink named `child`: which environment it gets, what is told of it in log, audit and metrics.
import type { ChildConfig, Config } from '../config/config.js';
import { environment } from '../config/names.js';
import { ConfigProblem } from '../config/problem.js';
import { settings } from '../config/settings.js';
import type { Clock } from '../platform/clock.js';
import { systemEnvironment } from '../platform/environment.js';
import type { Random } from '../platform/random.js';
import { describeEnd, exitCodeOf, readsProgramFromInput } from '../sink/child-plan.js';
import { launch } from '../sink/child-process.js';
import { type ChildEvent, ChildRunner } from '../sink/child-runner.js';
import type { SinkRecord } from '../sink/record.js';
import type { SinkRunner } from '../sink/runner.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { SinkMetrics } from '../telemetry/sink-metrics.js';
import type { TokenSnapshot } from '../token/snapshot.js';

/** How it is called in `/health`, metrics and audit. */
export const childName = 'child';

export interface ChildOptions {
  readonly config: Config;
  /** The settings in force now. */
  readonly current: () => Config;
  readonly command: readonly string[];
  /** The file sinks of its token: it is started, and told of a rotation, after they wrote. */
  readonly files: readonly Pick<SinkRunner, 'settled'>[];
  readonly filesSplayMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: SinkMetrics;
}

export interface Child {
  /** The name of the token that it follows. */
  readonly token: string;
  readonly record: () => SinkRecord;
  readonly offer: (snapshot: TokenSnapshot) => void;
  /** Resolves with its exit code when it is over for good. Rejects for a bug. */
  start(): Promise<number>;
  pass(signal: NodeJS.Signals): void;
  /** Ends it; resolves with its exit code. */
  stop(asked: string, hurry: AbortSignal): Promise<number>;
}

/** Beyond their splay, files are waited for this long: a disk that hangs keeps no program from its start. */
const FILES_WAIT_MS = 5_000;

/** Throws `ConfigProblem` for a program that would take the token for its commands. */
export function buildChild(options: ChildOptions): Child {
  const { config, command, clock } = options;
  const { token } = config.child;
  const takesInput = readsProgramFromInput(command);
  if (takesInput && config.child.deliver === 'stdin') refuseInterpreter();
  const inForce = (): ChildConfig => {
    const child = options.current().child;
    // also where a reload says otherwise
    return takesInput && child.deliver === 'stdin' ? { ...child, deliver: 'none' } : child;
  };
  const env = environmentForChild(systemEnvironment().env);
  const narrate = buildChildNarrator(options);
  const runner = new ChildRunner({
    ...options,
    token,
    settings: inForce,
    launch: (delivery) => launch({ command, env, config: inForce(), delivery }),
    untilFilesAreThere: (signal) => untilSettled(options, clock, signal),
    onEvent: narrate,
  });
  return {
    token,
    record: () => runner.record,
    offer: (snapshot) => {
      runner.offer(snapshot);
    },
    start: () => runner.start(),
    pass: (signal) => {
      runner.pass(signal);
    },
    stop: (asked, hurry) => runner.stop(asked, hurry),
  };
}

function refuseInterpreter(): never {
  throw new ConfigProblem(
    'child.deliver',
    'is stdin, and the program behind -- is a shell or an interpreter with nothing to run: it would take the token for commands, and tell it in an error',
    'give it a script behind --, or write child.deliver: fd3, env or none',
  );
}

/** All of ours but what the agent logs in to Vault with, and the tokens that it was given. */
export function environmentForChild(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const isSecret = (name: string): boolean => {
    const named = environment.get(name);
    return named !== undefined && settings[named.key].kind === 'secret';
  };
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isSecret(name)));
}

/** null: somebody else takes care of orphans, or there can be none. */
export function initAdvice(
  pid: number,
  { sinks }: Pick<Config, 'sinks'>,
  command: readonly string[] | null,
): string | null {
  const runsPrograms = command !== null || sinks.some(({ type }) => type === 'exec');
  if (pid !== 1 || !runsPrograms) return null;
  return 'running as process 1 without an init: what programs leave behind stays as zombies; start it under one (docker run --init, tini, shareProcessNamespace)';
}

async function untilSettled(
  { files, filesSplayMs }: Pick<ChildOptions, 'files' | 'filesSplayMs'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  const settled = new AbortController();
  void Promise.all(files.map((file) => file.settled())).then(() => {
    settled.abort();
  });
  const cut = AbortSignal.any([settled.signal, signal]);
  await clock.sleep(filesSplayMs + FILES_WAIT_MS, cut).catch(() => undefined);
}

type NarratorOptions = Pick<ChildOptions, 'config' | 'logger' | 'audit' | 'metrics'>;

/** Each start and each signal is a delivery; an end that nobody asked for is a failed one. */
export function buildChildNarrator(options: NarratorOptions): (event: ChildEvent) => void {
  const { logger, audit, metrics, config } = options;
  const about = { sink: childName, token: config.child.token };
  const delivered = (version: number | null): void => {
    metrics.sinkWritten(childName, 'ok');
    audit('token_delivered', { ...about, version, outcome: 'ok' });
  };
  return (event) => {
    switch (event.type) {
      case 'started':
        delivered(event.version);
        logger.info({ ...about, version: event.version, pid: event.pid }, 'program started');
        return;
      case 'signalled':
        delivered(event.version);
        logger.info(
          { ...about, version: event.version, signal: event.signal },
          'program told of the new token',
        );
        return;
      case 'replacing':
        logger.info({ ...about, version: event.version }, 'program is started anew: new token');
        return;
      case 'killed':
        logger.warn(
          { ...about, after_ms: event.afterMs },
          'program did not end when asked to, and was killed',
        );
        return;
      case 'stopped':
        logger.info({ ...about, exit_code: exitCodeOf(event.end) }, 'program ended as asked');
        return;
      case 'ended':
        tellEnd(event, about, options);
    }
  };
}

function tellEnd(
  { version, end, restartInMs }: Extract<ChildEvent, { readonly type: 'ended' }>,
  about: { readonly sink: string; readonly token: string },
  { logger, audit, metrics }: NarratorOptions,
): void {
  const exitCode = exitCodeOf(end);
  const facts = { ...about, version, exit_code: exitCode };
  if (exitCode === 0) {
    logger.info(facts, 'program ended by itself: so does the agent');
    return;
  }
  const reason = describeEnd(end);
  metrics.sinkWritten(childName, 'failed');
  audit('token_delivered', { ...facts, outcome: 'failed', reason });
  if (restartInMs === null) logger.error({ ...facts, reason }, 'program is not started again');
  else logger.warn({ ...facts, reason, restart_in_ms: restartInMs }, 'program is started again');
}
