// The metrics of the sinks (docs/metrics.md). There are none without sinks.
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import type Registry from 'prom-client/lib/registry.js';

const outcomes = ['ok', 'failed', 'timeout'] as const;
type SinkOutcome = (typeof outcomes)[number];

/** What the gauges mirror, asked for at each scrape. A null becomes an absent series. */
export interface SinkFacts {
  readonly name: string;
  readonly version: number | null;
  readonly lastSuccessAtMs: number | null;
}

export interface SinkMetrics {
  sinkWritten(sink: string, outcome: SinkOutcome): void;
}

/** `sinks`: names of the configured ones. `fill` is called before each scrape. */
export function buildSinkMetrics(
  registry: Registry,
  sinks: readonly string[],
): SinkMetrics & { readonly fill: (facts: readonly SinkFacts[]) => void } {
  if (sinks.length === 0) return { sinkWritten: () => undefined, fill: () => undefined };
  const registers = [registry];
  const writes = new Counter({
    name: 'keytender_sink_writes_total',
    help: 'Deliveries to a sink, by outcome.',
    labelNames: ['sink', 'outcome'],
    registers,
  });
  const lastSuccess = new Gauge({
    name: 'keytender_sink_last_success_timestamp_seconds',
    help: 'When the last delivery to the sink worked.',
    labelNames: ['sink'],
    registers,
  });
  const version = new Gauge({
    name: 'keytender_sink_token_version',
    help: 'Version in Vault of the token that the sink holds.',
    labelNames: ['sink'],
    registers,
  });
  for (const sink of sinks) for (const outcome of outcomes) writes.inc({ sink, outcome }, 0);
  return {
    sinkWritten: (sink, outcome) => {
      writes.inc({ sink, outcome });
    },
    fill: (facts) => {
      lastSuccess.reset();
      version.reset();
      for (const { name: sink, ...fact } of facts) {
        if (fact.lastSuccessAtMs !== null) lastSuccess.set({ sink }, fact.lastSuccessAtMs / 1000);
        if (fact.version !== null) version.set({ sink }, fact.version);
      }
    },
  };
}
