// The options of `healthcheck`, read by hand: it is started every few seconds for as long as a container lives, and
// an option parser would be most of its work.
import { parseDurationMs } from '../../config/duration.js';
import { UsageError } from '../usage-error.js';

export type Probe = 'ready' | 'live' | 'startup';

export interface HealthcheckOptions {
  readonly probe: Probe;
  readonly url: string | undefined;
  /** How long to ask again until the answer is yes; 0: once. */
  readonly waitMs: number;
}

export const healthcheckHelp = `Usage: keytender healthcheck [options]

Ask a running agent whether it is well. The exit code is the answer: 0 yes, 1 no. Reads no configuration file.

Options:
  --ready          every required token is usable and the agent is not stopping (default)
  --live           the refresh loop is alive
  --startup        the first token is there
  --wait DURATION  ask again until the answer is yes, at most this long (90, 250ms, 90s, 5m, 1h)
  --url URL        the agent's address (default: KEYTENDER_LISTEN_PROBE_ADDRESS, then
                   KEYTENDER_LISTEN_ADDRESS, then http://127.0.0.1:8210)
  -h, --help       this text

Example:
  $ keytender healthcheck --wait 30s
`;

const probes: Readonly<Record<string, Probe>> = {
  '--ready': 'ready',
  '--live': 'live',
  '--startup': 'startup',
};

/** `help` when that was asked for. Throws `UsageError`. */
export function parseHealthcheck(argv: readonly string[]): HealthcheckOptions | 'help' {
  let probe: Probe | undefined;
  let url: string | undefined;
  let waitMs = 0;
  const words = argv.flatMap(splitAtEquals);
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const chosen = probes[word];
    if (word === '--help' || word === '-h') return 'help';
    if (chosen !== undefined) {
      if (probe !== undefined && probe !== chosen)
        throw new UsageError('give one of --ready, --live, --startup');
      probe = chosen;
    } else if (word === '--url') url = valueOf(word, words);
    else if (word === '--wait') waitMs = durationMs(valueOf(word, words));
    else throw new UsageError(`unknown option '${word}'; see keytender healthcheck --help`);
  }
  return { probe: probe ?? 'ready', url, waitMs };
}

function splitAtEquals(word: string): string[] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}

function valueOf(option: string, rest: string[]): string {
  const value = rest.shift();
  if (value === undefined) throw new UsageError(`${option} needs a value`);
  return value;
}

function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null) throw new UsageError('--wait must be a duration such as 30s, 5m or 500ms');
  return ms;
}
