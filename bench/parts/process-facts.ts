// What the kernel says of a process: memory by kind, processor time to the nanosecond.
import { readdirSync, readFileSync } from 'node:fs';

export interface MemoryFacts {
  readonly rssMb: number;
  /** Of its own, not of files that other processes share. */
  readonly anonymousMb: number;
  readonly peakMb: number;
}

/** In MB of 2^20 bytes. Linux only. */
export function memoryOf(pid: number): MemoryFacts {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return {
    rssMb: mebibytes('VmRSS'),
    anonymousMb: mebibytes('RssAnon'),
    peakMb: mebibytes('VmHWM'),
  };
}

/** Of all threads that are still there. */
export function cpuMsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => {
      const [nanoseconds] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
      return Number(nanoseconds) / 1e6;
    })
    .reduce((sum, ms) => sum + ms, 0);
}
