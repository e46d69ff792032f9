// The command line as a function: arguments in, exit code out. Decides how an error ends the program; prints no stack
// and no message of an unexpected error, because a parser's message may quote what it was parsing.
import { bugReport, wantsStack } from './bug-report.js';
import { exitCode } from './exit-code.js';
import { FailedError } from './failed-error.js';
import type { Io } from './io.js';
import { UsageError } from './usage-error.js';

/** `argv` without node and the script. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await run(argv, io);
  } catch (error) {
    if (error instanceof UsageError || error instanceof FailedError) {
      io.stderr.write(`keytender: ${error.message}\n`);
      return error instanceof UsageError ? exitCode.usage : exitCode.failed;
    }
    io.stderr.write(bugReport(error, wantsStack(argv, io.env)));
    return exitCode.bug;
  }
}

async function run(argv: readonly string[], io: Io): Promise<number> {
  // before the option parser is loaded: this one is started every few seconds
  if (argv[0] === 'healthcheck') {
    const { healthcheck } = await import('./healthcheck/healthcheck.js');
    io.signals.release();
    return healthcheck(argv.slice(1), io);
  }
  // nothing to parse: the parser would be a part of nearly every start
  if (argv.length === 0 || (argv.length === 1 && argv[0] === 'agent')) {
    const { agent } = await import('./agent.js');
    return agent({ set: [] }, null, io);
  }
  const { runProgram } = await import('./program.js');
  return runProgram(argv, io);
}
