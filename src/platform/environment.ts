// What the process was started with, as values. The only place that reads the environment and the command line, so
// that everything else can be given another one by a test.
import { hostname } from 'node:os';

export interface ProcessEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Arguments after the program's own name. */
  readonly argv: readonly string[];
  readonly hostname: string;
}

/** A copy: later changes of the process's environment are not seen. */
export function systemEnvironment(): ProcessEnvironment {
  return { env: { ...process.env }, argv: process.argv.slice(2), hostname: hostname() };
}
