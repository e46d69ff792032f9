// The commands and their options, as `--help` shows them and docs/cli.md lists them. A command's own code is loaded
// when it runs.
import { Command, CommanderError, Option } from 'commander';
import { exitCode, type ExitCode } from './exit-code.js';
import { healthcheckHelp } from './healthcheck/options.js';
import type { Io } from './io.js';

/** Before or after the command's name; every command but `healthcheck` takes them. */
export interface SettingsOptions {
  readonly config?: string;
  readonly set: readonly string[];
}

export async function runProgram(argv: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = exitCode.done;
  const program = buildProgram(io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.done : exitCode.usage; // commander has told it already
  }
}

/** The program as commander sees it; `done` is told a command's exit code. */
export function buildProgram(io: Io, done: (code: ExitCode) => void): Command {
  const program = new Command('keytender')
    .description(
      'A token sidecar: keeps a shared secret from Vault or OpenBao fresh, and says truthfully whether it is.',
    )
    .version(io.version, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this text')
    .helpCommand(false)
    .option('--config <file>', 'settings file (YAML or JSON)')
    .option(
      '--set <key=value>',
      'one setting; repeatable, wins over file and environment',
      collect,
      [],
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'keytender: '));
      },
    })
    .exitOverride();
  addHealthcheck(program);
  return program;
  void done;
  void Option;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** Only for its place in the help: main.ts runs it before this program is made. */
function addHealthcheck(program: Command): void {
  program
    .command('healthcheck')
    .description('exit code only, for HEALTHCHECK and scripts')
    .addHelpText('after', healthcheckHelp);
}
