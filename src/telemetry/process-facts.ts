// What the operating system says of this process, read when asked. Where there is no /proc (macOS), the file
// descriptor facts are null.
import { readdir, readFile } from 'node:fs/promises';
import { performance, type EventLoopUtilization } from 'node:perf_hooks';

export interface ProcessFacts {
  readonly cpuSeconds: number;
  readonly residentMemoryBytes: number;
  readonly openFds: number | null;
  readonly maxFds: number | null;
  /** Share of time since the previous reading in which the event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number;
}

/** Builds a reader; each call covers the time since the one before. */
export function buildProcessFacts(): () => Promise<ProcessFacts> {
  let previous: EventLoopUtilization | undefined;
  return async () => {
    const [openFds, maxFds] = await Promise.all([countOpenFds(), readMaxFds()]);
    const current = performance.eventLoopUtilization();
    const since =
      previous === undefined ? current : performance.eventLoopUtilization(current, previous);
    previous = current;
    const { user, system } = process.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentMemoryBytes: process.memoryUsage.rss(),
      openFds,
      maxFds,
      eventLoopUtilization: since.utilization,
    };
  };
}

async function countOpenFds(): Promise<number | null> {
  try {
    // One of them is the directory being read.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

async function readMaxFds(): Promise<number | null> {
  try {
    return parseMaxFds(await readFile('/proc/self/limits', 'utf8'));
  } catch {
    return null;
  }
}

/** The soft limit in the text of `/proc/self/limits`; Infinity when there is none. Null when the line is missing. */
export function parseMaxFds(limits: string): number | null {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return null;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
