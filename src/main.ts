// The program: argv in, exit code out. Signals first, before anything else is even loaded.
import { signals } from './platform/signals.js';
import { withholdMemory } from './platform/core-dumps.js';
import { bugReport, wantsStack } from './cli/bug-report.js';
import { exitCode } from './cli/exit-code.js';
import type { Io } from './cli/io.js';
import { main } from './cli/main.js';
import { version } from './cli/version.js';
import { systemClock } from './platform/clock.js';
import { systemEnvironment } from './platform/environment.js';
import { systemOutput } from './platform/terminal.js';

withholdMemory();
const { argv, env, hostname } = systemEnvironment();
const io: Io = {
  env,
  get stdout() {
    return systemOutput.stdout;
  },
  get stderr() {
    return systemOutput.stderr;
  },
  clock: systemClock,
  signals,
  hostname,
  version,
};

/** The last resort: what reaches it is a bug, and a process in an unknown state says so and ends. */
function crash(error: unknown): void {
  process.stderr.write(bugReport(error, wantsStack(argv, env)));
  process.exit(exitCode.bug);
}
process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);

void main(argv, io).then((code) => {
  process.exit(code);
});
