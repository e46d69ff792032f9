// Limits of a process that runs, as its supervisor could have set them: by `prlimit` of util-linux, which every Debian has.
import { execFileSync } from 'node:child_process';

const programs = { prlimit: 'prlimit' };

/** Not everywhere; where it is not, nothing can be limited. */
export function canLimit(): boolean {
  try {
    execFileSync(programs.prlimit, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Only the soft limit: it can be raised again by anybody. */
export function limit(pid: number, resource: 'fsize' | 'nofile', to: number | 'unlimited'): void {
  execFileSync(programs.prlimit, ['--pid', String(pid), `--${resource}=${to}:`]);
}

export function openFilesLimit(pid: number): number {
  const options = ['--pid', String(pid), '--nofile', '--noheadings', '--raw', '--output=SOFT'];
  return Number(execFileSync(programs.prlimit, options, { encoding: 'utf8' }));
}
