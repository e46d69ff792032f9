// The small program behind `HEALTHCHECK` and exec probes. It catches no signals: one that is killed did not say yes.
import { exitCode } from './cli/exit-code.js';
import { healthcheck } from './cli/healthcheck/healthcheck.js';
import { systemClock } from './platform/clock.js';
import { processEnvironment } from './platform/terminal.js';

const io = {
  env: processEnvironment,
  clock: systemClock,
  // opened only when there is something to say
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
};

healthcheck(process.argv.slice(2), io).then(
  // at once: whatever Node still has to tidy up, nobody waits for
  (code) => process.exit(code),
  () => process.exit(exitCode.bug),
);
