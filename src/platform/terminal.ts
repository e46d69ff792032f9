// What a stream shows: a terminal in colour, a file or a pipe without. Whoever prints takes streams and environment
// as arguments; this is where the process's own come from.
import type { Writable } from 'node:stream';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A stream that may be a terminal. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** Its descriptor, where it has one. */
  readonly fd?: number;
};

/** The process's environment as it is, not a copy: for the health check, which loads no module it can do without. */
export const processEnvironment: Environment = process.env;

export function isTerminal(output: Output): boolean {
  return output.isTTY === true;
}

/**
 * Whether to colour: as `FORCE_COLOR` says (`0` and `false`: no, anything else: also where no terminal is), which wins
 * as it does in Node; else on a terminal that can, unless `NO_COLOR` holds anything (https://no-color.org).
 */
export function wantsColour(output: Output, env: Environment): boolean {
  const forced = env['FORCE_COLOR'] ?? '';
  if (forced !== '') return forced !== '0' && forced !== 'false';
  if (!isTerminal(output) || env['TERM'] === 'dumb') return false;
  return (env['NO_COLOR'] ?? '') === '';
}

/**
 * The process's own streams. Whoever read them may go away (`… | head -1`): that is no failure of ours, so their errors
 * end here, unless a command listens for them too.
 */
export const systemOutput = {
  get stdout(): Output {
    return forgiving(process.stdout);
  },
  get stderr(): Output {
    return forgiving(process.stderr);
  },
};

const forgiven = new WeakSet<Output>();

function forgiving(output: Output): Output {
  if (!forgiven.has(output)) output.on('error', () => undefined);
  forgiven.add(output);
  return output;
}

/** A socket that is ended is ended at once, or never. */
const CUT_OFF_MS = 200;

/**
 * Ends a write to a socket (systemd's journal) whose reader stalls, with `EPIPE`. It waits in the kernel, in a thread that the
 * process joins at its exit: it would never exit. Whether a write may wait is a flag that all who share the socket may
 * change, and a supervised program's start does. Nobody can write to it afterwards; so only at the end.
 */
export async function cutOff(output: Output): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, CUT_OFF_MS);
    output.end(resolve);
  });
}
