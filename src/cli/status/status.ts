// `keytender status`: a running agent's state for a person, or as JSON for a script. Exit code 0 when what was asked
// about is usable (ok or degraded), 1 when it is not or nobody answers.
import { exitCode, type ExitCode } from '../exit-code.js';
import type { Io } from '../io.js';
import type { SettingsOptions } from '../settings.js';
import { isTerminal, wantsColour } from '../../platform/terminal.js';
import { fetchHealth, nameOf, type Fetched, type HealthSource } from './fetch-health.js';
import { sourceOf } from './source.js';
import { inPlace, type Placed } from './in-place.js';
import { parseHealth, type HealthAnswer } from './health-answer.js';
import { renderHealth } from './render.js';

export interface StatusOptions {
  readonly url?: string;
  readonly socket?: string;
  readonly name?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

const watchPauseMs = 1000;

/** Throws `UsageError` for an address that is none. */
export async function status(
  options: StatusOptions,
  settings: SettingsOptions,
  io: Io,
): Promise<ExitCode> {
  const source = await sourceOf(options, settings, io);
  if (source === null) return exitCode.usage;
  if (options.watch === true) return watch(source, options, io);
  io.signals.release();
  const view = look(await fetchHealth(source, io.clock), source, options, io);
  (view.isRefusal ? io.stderr : io.stdout).write(view.text);
  return view.code;
}

interface View {
  readonly text: string;
  readonly code: ExitCode;
  /** A sentence instead of what was asked for. */
  readonly isRefusal: boolean;
}

/** Until a signal ends the process (with 0: nobody took it over), or whoever reads goes away. */
async function watch(source: HealthSource, options: StatusOptions, io: Io): Promise<ExitCode> {
  const unread = new AbortController();
  io.stdout.on('error', () => {
    unread.abort();
  });
  let shownRows = 0;
  while (!unread.signal.aborted) {
    const view = look(await fetchHealth(source, io.clock), source, options, io);
    const placed = place(view.text, shownRows, io);
    io.stdout.write(placed.text);
    shownRows = placed.rows;
    await io.clock.sleep(watchPauseMs, unread.signal).catch(() => undefined);
  }
  return exitCode.done;
}

/** On a terminal the new state takes the place of the old one; a file or a pipe gets one after the other. */
function place(text: string, before: number, { stdout }: Io): Placed {
  if (!isTerminal(stdout)) return { text, rows: 0 };
  return inPlace(text, before, { columns: stdout.columns, rows: stdout.rows });
}

function look(fetched: Fetched, source: HealthSource, options: StatusOptions, io: Io): View {
  if (!fetched.ok) return unreachable(`no agent at ${nameOf(source)}: ${fetched.problem}`, options);
  const health = parseHealth(fetched.body);
  if (health === null) {
    return unreachable(`${nameOf(source)} does not answer as a keytender agent does`, options);
  }
  return options.name === undefined
    ? whole(health, fetched.body, options, io)
    : one(options.name, health, fetched.body, options, io);
}

function unreachable(sentence: string, options: StatusOptions): View {
  const code = exitCode.failed;
  return options.json === true
    ? {
        text: `${JSON.stringify({ status: 'unreachable', error: sentence })}\n`,
        code,
        isRefusal: false,
      }
    : { text: `keytender: ${sentence}\n`, code, isRefusal: true };
}

function whole(health: HealthAnswer, body: unknown, options: StatusOptions, io: Io): View {
  const isWell = health.status === 'ok' || health.status === 'degraded';
  return {
    text: textOf(health, body, options, io),
    code: isWell ? exitCode.done : exitCode.failed,
    isRefusal: false,
  };
}

function one(
  name: string,
  health: HealthAnswer,
  body: unknown,
  options: StatusOptions,
  io: Io,
): View {
  const token = health.tokens.get(name);
  if (token === undefined) {
    const names = [...health.tokens.keys()].join(', ');
    return unreachable(`the agent has no token '${name}'; it has: ${names}`, options);
  }
  const { tokens } = body as { tokens: Readonly<Record<string, unknown>> };
  const only = { ...health, tokens: new Map([[name, token]]), sinks: new Map<string, never>() };
  return {
    text: textOf(only, tokens[name], options, io),
    code: token.usable ? exitCode.done : exitCode.failed,
    isRefusal: false,
  };
}

function textOf(health: HealthAnswer, body: unknown, options: StatusOptions, io: Io): string {
  if (options.json === true) return `${JSON.stringify(body)}\n`;
  return renderHealth(health, io.clock.now(), { colour: wantsColour(io.stdout, io.env) });
}
