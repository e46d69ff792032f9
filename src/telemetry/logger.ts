// The log: pino, one JSON object a line, or readable lines on a terminal. In-process, no worker threads: the
// program ships as one file. It redacts nothing: whoever logs passes no secret (docs/dependencies.md, pino).
import { pino } from 'pino';
import type { Config } from '../config/config.js';
import type { Clock } from '../platform/clock.js';

type LogLevel = Config['log']['level'];
export type LogFields = Readonly<Record<string, unknown>>;
type LogMethod = (fields: LogFields, message: string) => void;

/** What the parts of the program see of it. Facts go into `fields`, the message is a constant phrase for a person. */
export interface Logger {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
}

export interface RootLogger extends Logger {
  /** Takes effect on the next line. */
  setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `auto` is pretty when `isTerminal`. */
  readonly format: Config['log']['format'];
  readonly isTerminal: boolean;
  /** Takes one line at a time, without its newline. */
  readonly write: (line: string) => void;
  readonly clock: Clock;
}

/** Builds the logger. Async because the pretty printer is loaded only when it is used. */
export async function buildLogger(options: LoggerOptions): Promise<RootLogger> {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && options.isTerminal);
  const print = isPretty ? await loadPrettyPrinter(options.isTerminal) : withoutNewline;
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write: (line: string) => {
        options.write(print(line));
      },
    },
  );
  return Object.assign(bindMethods(log), {
    setLevel: (level: LogLevel) => {
      log.level = level;
    },
  });
}

function bindMethods(log: pino.Logger): Logger {
  const method =
    (level: keyof Logger): LogMethod =>
    (fields, message) => {
      log[level](fields, message);
    };
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    fatal: method('fatal'),
  };
}

async function loadPrettyPrinter(colorize: boolean): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return (line) => withoutNewline(pretty(line) || line);
}

function withoutNewline(line: string): string {
  return line.endsWith('\n') ? line.slice(0, -1) : line;
}
