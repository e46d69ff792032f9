// All that a command may touch of the process: handed in, so that a test can run any command as a function.
import type { Clock } from '../platform/clock.js';
import type { ProcessSignals } from '../platform/signals.js';
import type { Environment, Output } from '../platform/terminal.js';

export interface Io {
  readonly env: Environment;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  readonly signals: ProcessSignals;
  readonly hostname: string;
  readonly version: string;
}
