// The process's environment and streams, and what a terminal can show. Whoever prints takes these as arguments.
import type { Writable } from 'node:stream';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export const systemEnvironment: Environment = process.env;

export function isTerminal(output: Output): boolean {
  return output.isTTY === true;
}

/**
 * Whether to colour: on a terminal that can, unless `NO_COLOR` holds anything (https://no-color.org). A stream that is
 * not a terminal is never coloured.
 */
export function wantsColour(output: Output, env: Environment): boolean {
  if (!isTerminal(output) || env['TERM'] === 'dumb') return false;
  return (env['NO_COLOR'] ?? '') === '';
}
