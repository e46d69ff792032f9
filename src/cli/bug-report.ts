// What is said of an exception that nobody expected: its kind and where it came from, never its message, which may
// quote a secret that was being read (`JSON.parse` quotes its input). The frames come with log.level debug.
import type { Environment } from '../platform/terminal.js';

/** One sentence, and the stack's frames when asked for. Ends with a line end. */
export function bugReport(error: unknown, withStack: boolean): string {
  const frames = framesOf(error);
  const where = frames[0] === undefined ? '' : ` ${frames[0].trim()}`;
  const hint = withStack ? '' : ' (LOG_LEVEL=debug shows where)';
  const sentence = `keytender: unexpected ${kindOf(error)}${where}; this is a bug of ours, please report it${hint}\n`;
  return withStack ? sentence + frames.map((frame) => `${frame}\n`).join('') : sentence;
}

/** Before there are settings, or without them: whether debugging was asked for. */
export function wantsStack(argv: readonly string[], env: Environment): boolean {
  const asked = argv
    .findLast((word) => /^(--set=)?log\.level=/.test(word))
    ?.split('=')
    .at(-1);
  return /^(debug|trace)$/.test(asked ?? env['KEYTENDER_LOG_LEVEL'] ?? env['LOG_LEVEL'] ?? '');
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' && /^[\w.-]{1,40}$/.test(code)
    ? `${error.constructor.name} ${code}`
    : error.constructor.name;
}

function framesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return (error.stack ?? '').split('\n').filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line));
}
