// What a core of this process shows: none of its memory, whatever caused it (`SIGABRT`, `SIGSEGV`, Node for want of memory).
// Linux writes those kinds of memory into a core whose bits are set in /proc/<pid>/coredump_filter (core(5), "Controlling
// which mappings are written to the core dump"). Programs that we start inherit the filter, and get back what was before.
import { readFileSync, writeFileSync } from 'node:fs';

const NOTHING = '0x0';

/** As this process was started with; null: nothing was changed. */
let before: string | null = null;
let problem: string | null = 'was not asked for';

/** To be called before the first secret is read. Never throws; other systems than Linux have no such filter. */
export function withholdMemory(path = '/proc/self/coredump_filter'): void {
  try {
    // hexadecimal without a prefix, which it wants to be written with
    const found = `0x${readFileSync(path, 'utf8').trim()}`;
    writeFileSync(path, NOTHING);
    before = found;
    problem = null;
  } catch (error) {
    problem = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  }
}

/** Why a core would show memory; null: it shows none. */
export function coreProblem(): string | null {
  return problem;
}

/** A program that we started dumps what it would have without us. Never throws: it may have ended, or be somebody else by now. */
export function dumpAsBefore(pid: number | undefined): void {
  if (pid === undefined || before === null) return;
  try {
    writeFileSync(`/proc/${pid}/coredump_filter`, before);
  } catch {
    // its cores stay small
  }
}
