// The sinks, each with its token: told of every decision, run beside the refresh loops, reported in `/health` and metrics.
import { Semaphore } from 'async-mutex';
import type { Config, SinkConfig } from '../config/config.js';
import { ConfigProblem } from '../config/problem.js';
import type { SinkHealth } from '../health/body.js';
import type { Clock } from '../platform/clock.js';
import { systemEnvironment } from '../platform/environment.js';
import type { Random } from '../platform/random.js';
import { systemDisk } from '../sink/disk.js';
import { ExecSink } from '../sink/exec-sink.js';
import { FileSink } from '../sink/file-sink.js';
import { deriveSinkHealth, type SinkRecord } from '../sink/record.js';
import { templateFields, unknownFields } from '../sink/render.js';
import { SinkRunner } from '../sink/runner.js';
import type { Sink } from '../sink/sink.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { SinkFacts, SinkMetrics } from '../telemetry/sink-metrics.js';
import { buildChild, childName, type Child } from './child.js';
import { buildSinkNarrator } from './sink-narrator.js';
import type { TokenSnapshot } from '../token/snapshot.js';
import type { TokenService } from './token-service.js';

export interface SinksOptions {
  readonly config: Config;
  /** The settings in force now. */
  readonly current: () => Config;
  readonly services: readonly TokenService[];
  /** Vault's clock. Milliseconds since the epoch. */
  readonly vaultNow: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: SinkMetrics;
  /** Of a program to supervise: itself and its arguments; null: none. */
  readonly command: readonly string[] | null;
}

export interface Sinks {
  /** undefined without sinks. */
  readonly health: () => Readonly<Record<string, SinkHealth>> | undefined;
  readonly facts: () => readonly SinkFacts[];
  /** The supervised program; null: none. It is stopped apart, before nothing is served any more. */
  readonly child: Child | null;
  /** Runs until `stop`. Rejects for a bug. */
  start(): Promise<void>;
  /** Ends deliveries, and removes what is to be removed at the end. */
  stop(): Promise<void>;
}

interface Running {
  readonly name: string;
  readonly token: string;
  readonly sink: Sink;
  readonly runner: SinkRunner;
}

/** How many file sinks may use the disk at once. */
const DISK_SLOTS = 2;

/** Throws `ConfigProblem` for a template that cannot be filled in, or a name that is taken. */
export function buildSinks(options: SinksOptions): Sinks {
  const { config, clock, services, vaultNow } = options;
  const slots = new Semaphore(DISK_SLOTS);
  const all = config.sinks.map((sink, at) => buildOne(options, sink, at, slots));
  const child = buildChildOf(options, all);
  const records = (): readonly (readonly [string, SinkRecord])[] => [
    ...all.map(({ name, runner }) => [name, runner.record] as const),
    ...(child === null ? [] : [[childName, child.record()] as const]),
  ];
  const unsubscribers: (() => void)[] = [];
  const follow = (token: string, offer: (snapshot: TokenSnapshot) => void): void => {
    const source = services.find(({ config: { name } }) => name === token)?.source;
    if (source === undefined) return;
    offer(source.at(vaultNow()));
    unsubscribers.push(
      source.subscribe(({ after }) => {
        offer(after);
      }),
    );
  };
  return {
    health: () =>
      records().length === 0
        ? undefined
        : Object.fromEntries(
            records().map(([name, record]) => [
              name,
              deriveSinkHealth(record, clock.monotonicMs()),
            ]),
          ),
    facts: () =>
      records().map(([name, { version, lastSuccessAt }]) => ({
        name,
        version,
        lastSuccessAtMs: lastSuccessAt,
      })),
    child,
    start: async () => {
      for (const { token, runner } of all) {
        follow(token, (snapshot) => {
          runner.offer(snapshot);
        });
      }
      // after the files that it may read were told
      if (child !== null) follow(child.token, child.offer);
      await Promise.all(all.map(({ runner }) => runner.start()));
    },
    stop: async () => {
      for (const unsubscribe of unsubscribers.splice(0)) unsubscribe();
      for (const { runner } of all) runner.stop();
      // each for itself: one whose disk hangs keeps no other from being removed
      await Promise.allSettled(all.map(({ sink }) => sink.close()));
    },
  };
}

function buildChildOf(options: SinksOptions, all: readonly Running[]): Child | null {
  const { command, config } = options;
  if (command === null) return null;
  const same = config.sinks.findIndex(({ name }) => name === childName);
  if (same >= 0) {
    throw new ConfigProblem(
      `sinks[${same}].name`,
      `${childName} is the name of the supervised program`,
      'give the sink another name',
    );
  }
  const files = config.sinks.filter(
    ({ type, token }) => type === 'file' && token === config.child.token,
  );
  const runners = all.filter(({ name }) => files.some((file) => file.name === name));
  return buildChild({
    ...options,
    command,
    files: runners.map(({ runner }) => runner),
    filesSplayMs: Math.max(0, ...files.map(({ splayMs }) => splayMs)),
  });
}

function buildOne(
  options: SinksOptions,
  config: SinkConfig,
  at: number,
  slots: Semaphore,
): Running {
  const { name, token, template, timeoutMs, splayMs } = config;
  refuseUnknownFields(template, at);
  const sink = buildSink(options, config, slots);
  const runner = new SinkRunner({
    ...options,
    token,
    sink,
    timeoutMs,
    splayMs,
    checkEveryMs: () => options.current().refresh.intervalMs,
    onReport: buildSinkNarrator({ ...options, sink: name, token }),
  });
  return { name, token, sink, runner };
}

function buildSink({ clock, current }: SinksOptions, config: SinkConfig, slots: Semaphore): Sink {
  if (config.type === 'exec') {
    return new ExecSink({ config, clock, env: systemEnvironment().env });
  }
  return new FileSink({
    config: { ...config, path: config.path ?? '' },
    disk: systemDisk,
    isStrict: () => current().files.strict,
    now: () => clock.now(),
    slots,
  });
}

function refuseUnknownFields(template: string | null, at: number): void {
  const [unknown] = unknownFields(template ?? '');
  if (unknown === undefined) return;
  throw new ConfigProblem(
    `sinks[${at}].template`,
    'names a field that does not exist',
    `write only ${templateFields.map((field) => `{{${field}}}`).join(', ')}`,
  );
}
