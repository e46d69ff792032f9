// What the process itself costs, read at each scrape (docs/metrics.md).
import type Gauge from 'prom-client/lib/gauge.js';
import type Registry from 'prom-client/lib/registry.js';
import type { Clock } from '../platform/clock.js';
import { counter, gauge } from './instruments.js';
import { buildProcessFacts, type ProcessFacts } from './process-facts.js';

/** What fills them, called before each scrape. */
export function buildProcessFiller(registry: Registry, clock: Clock): () => Promise<void> {
  const read = buildProcessFacts();
  const cpu = counter(registry, 'process_cpu_seconds_total', 'Processor time used.');
  const start = gauge(registry, 'process_start_time_seconds', 'When the process started.');
  start.set(clock.now() / 1000 - process.uptime());
  const rows: readonly [Gauge, (facts: ProcessFacts) => number | null][] = [
    [
      gauge(registry, 'process_resident_memory_bytes', 'Resident memory.'),
      (facts) => facts.residentMemoryBytes,
    ],
    [gauge(registry, 'process_open_fds', 'Open file descriptors.'), (facts) => facts.openFds],
    [
      gauge(registry, 'process_max_fds', 'The limit of open file descriptors.'),
      (facts) => facts.maxFds,
    ],
    [
      gauge(
        registry,
        'nodejs_eventloop_utilization',
        'Share of the time since the previous scrape in which the event loop was busy.',
      ),
      (facts) => facts.eventLoopUtilization,
    ],
  ];
  return async () => {
    const facts = await read();
    cpu.reset();
    cpu.inc(facts.cpuSeconds);
    for (const [instrument, pick] of rows) {
      const value = pick(facts);
      if (value === null) instrument.remove();
      else instrument.set(value);
    }
  };
}
