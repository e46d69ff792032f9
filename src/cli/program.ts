// The commands and their options, as `--help` shows them and docs/cli.md lists them. A command's own code is loaded
// when it runs.
import { Command, CommanderError } from 'commander';
import type { CheckOptions } from './check/check.js';
import type { DevOptions } from './dev/dev.js';
import { exitCode } from './exit-code.js';
import type { Io } from './io.js';
import type { RequestOptions } from './request/request.js';
import type { SettingsOptions } from './settings.js';
import type { StatusOptions } from './status/status.js';
import { UsageError } from './usage-error.js';

/** Throws `UsageError`; whatever else it throws is a bug. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  let code: number = exitCode.done;
  const { own, behind } = splitAtDashes(argv);
  const program = buildProgram(
    io,
    (ended) => {
      code = ended;
    },
    behind,
  );
  try {
    await program.parseAsync(own, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.done : exitCode.usage; // commander has told it already
  }
}

/** What is behind `--` is another program's command line, and not ours to parse; null: there is no `--`. */
function splitAtDashes(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly behind: readonly string[] | null;
} {
  const at = argv.indexOf('--');
  return at < 0
    ? { own: argv, behind: null }
    : { own: argv.slice(0, at), behind: argv.slice(at + 1) };
}

/**
 * The program as commander sees it; `done` is told the exit code of the command that ran. `behind`: a program for `agent`
 * to supervise, with its arguments.
 */
export function buildProgram(
  io: Io,
  done: (code: number) => void,
  behind: readonly string[] | null = null,
): Command {
  const program = buildRoot(io);
  program.hook('preAction', (_, command) => {
    refuseBehind(behind, command.name());
  });
  const settings = (): SettingsOptions => program.opts<SettingsOptions>();

  program
    .command('agent', { isDefault: true })
    .description('run the sidecar (the default)')
    .argument('[nothing...]')
    .usage('[options] [-- program argument...]')
    .addHelpText('after', example('keytender agent --config /etc/keytender.yaml'))
    .addHelpText('after', '  $ keytender agent -- node app.js\n')
    .action(async (words: readonly string[]) => {
      refuseWords(words, program);
      const { agent } = await import('./agent.js');
      done(await agent(settings(), behind, io));
    });

  program
    .command('dev')
    .description('try it out: a dev Vault in memory, a first token in it, the agent in front')
    .option('--rotate-every <duration>', 'write a new token every so often, such as 20s')
    .option('--vault-only', 'just the Vault, for your tests')
    .option('--vault-address <host:port>', 'where the Vault listens (default: 127.0.0.1:8200)')
    .option('--root-token <token>', "the Vault's root token", 'root')
    .addHelpText('after', example('keytender dev --rotate-every 20s'))
    .action(async (options: DevOptions) => {
      const { dev } = await import('./dev/dev.js');
      done(await dev(options, settings(), io));
    });

  program
    .command('check')
    .description(
      'try the settings against Vault: one line each for what was found and how to fix it',
    )
    .option('--json', 'as JSON')
    .option('--offline', 'the settings alone, without asking Vault')
    .option('--login', 'log in also where that spends a use of a secret id')
    .addHelpText('after', example('keytender check --config /etc/keytender.yaml'))
    .action(async (options: CheckOptions) => {
      const { check } = await import('./check/check.js');
      done(await check(options, settings(), io));
    });

  program
    .command('status')
    .description("a running agent's state, for a person")
    .option('--json', 'as the agent answered it')
    .option('--watch', 'again every second, until interrupted')
    .option('--url <url>', "the agent's address (default: as of healthcheck)")
    .option('--socket <path>', "the agent's Unix socket")
    .option('--name <token>', 'this token alone')
    .addHelpText('after', example('keytender status --watch'))
    .action(async (options: StatusOptions) => {
      const { status } = await import('./status/status.js');
      done(await status(options, settings(), io));
    });

  addHealthcheck(program);
  addRequest(program, io, done);
  return program;
}

function buildRoot(io: Io): Command {
  const program = new Command('keytender')
    .description(
      'A token sidecar: keeps a shared secret from Vault or OpenBao fresh, and says truthfully whether it is.',
    )
    .version(io.version, '-V, --version', 'the version')
    .option('--config <file>', 'settings file, YAML or JSON')
    .option('--set <key=value>', 'one setting, over file and environment; repeatable', append, [])
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', example('keytender dev'))
    .exitOverride();
  program.configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: (text) => void io.stderr.write(text),
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    getErrHelpWidth: () => io.stderr.columns ?? 100,
    outputError: (text, write) => {
      write(text.replace(/^error: /, 'keytender: '));
    },
  });
  return program;
}

/** For its place in the help; `main` runs it before any of this is loaded, unless an option stands before its name. */
function addHealthcheck(program: Command): void {
  program
    .command('healthcheck')
    .description('exit code only, for HEALTHCHECK and scripts')
    .option('--ready', 'every required token is usable and the agent is not stopping (default)')
    .option('--live', 'the refresh loop is alive')
    .option('--startup', 'the first token is there')
    .option('--wait <duration>', 'ask again until the answer is yes, at most this long')
    .option('--url <url>', "the agent's address")
    .addHelpText('after', example('keytender healthcheck --wait 30s'))
    .action(() => {
      throw new UsageError('healthcheck reads no settings; write its name first');
    });
}

function addRequest(program: Command, io: Io, done: (code: number) => void): void {
  program
    .command('request')
    .description("a request to an agent's API; the answer's signature is verified")
    .argument('<method>')
    .argument('<path>')
    .option('--url <url>', "the agent's address (default: as of status)")
    .option('--socket <path>', "the agent's Unix socket")
    .option('--name <token>', 'whose holder signs', 'default')
    .option('--token-file <file>', 'signs with the token in this file')
    .option('--client <id>', 'signs as this client')
    .option('--key-file <file>', 'with the key in this file')
    .option('-d, --data <data>', 'content: text, @file, or @- for standard input')
    .option('-H, --header <field>', "a header field 'Name: value'; repeatable", append, [])
    .addHelpText('after', example('keytender request GET /v1/tokens/default --socket agent.sock'))
    .action(async (method: string, path: string, options: RequestOptions) => {
      const { request } = await import('./request/request.js');
      done(await request({ method, path }, options, program.opts<SettingsOptions>(), io));
    });
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function example(command: string): string {
  return `\nExample:\n  $ ${command}\n`;
}

function refuseBehind(behind: readonly string[] | null, command: string): void {
  if (behind === null) return;
  if (command !== 'agent') {
    throw new UsageError(`${command} runs no program; write keytender agent -- program argument…`);
  }
  if (behind[0] === undefined || behind[0] === '') {
    throw new UsageError('there is no program behind --; write for instance -- node app.js');
  }
}

/** The default command is also given what was meant as a command. */
function refuseWords(words: readonly string[], program: Command): void {
  const [word] = words;
  if (word === undefined) return;
  const names = program.commands.map((command) => command.name()).join(', ');
  throw new UsageError(`unknown command '${word}'; there are ${names}`);
}
