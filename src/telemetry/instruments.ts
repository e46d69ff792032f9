// Counters, gauges and histograms of one registry, as this folder makes them, and the sets of labels that lists of values
// combine to.
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import type Registry from 'prom-client/lib/registry.js';

export type LabelSets = Readonly<Record<string, readonly string[]>>;

export function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[] = [],
): Counter {
  return new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
}

export function histogram(
  registry: Registry,
  name: string,
  help: string,
  buckets: number[],
  labels: LabelSets,
): Histogram {
  const labelNames = Object.keys(labels);
  const instrument = new Histogram({ name, help, buckets, labelNames, registers: [registry] });
  for (const set of combinations(labels)) instrument.zero(set);
  return instrument;
}

export function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[] = [],
): Gauge {
  return new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
}

export function combinations(labels: LabelSets): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (sets, [name, values]) =>
      sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value }))),
    [{}],
  );
}
