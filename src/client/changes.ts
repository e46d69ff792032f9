// A token and then each change of it, for ever: what goes wrong on the way is tried again with backoff, so that an agent
// that restarts is met again. Ends with the signal; throws only what no waiting can mend.
import type { Random } from '../platform/random.js';
import type { Clock } from './client-clock.js';
import { KeytenderError } from './keytender-error.js';
import type { Token } from './token.js';
import type { TokenSource } from './token-source.js';

const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 10_000;
const RETRY_AFTER_SECONDS_MAX = 60;

export interface ChangesOptions {
  readonly source: TokenSource;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly isBackground: boolean;
  /** Told each time the agent answered, with news or without. */
  readonly onConfirmed?: () => void;
}

/** @throws KeytenderError `not_found`, `insufficient_scope`, `tls_required`, `malformed_value`, `closed` */
export async function* changes(options: ChangesOptions): AsyncGenerator<Token, void, undefined> {
  const { source, name, signal, clock, random, isBackground, onConfirmed } = options;
  let revision: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    let token: Token | undefined;
    try {
      token = await source.next(name, revision, { signal, isBackground });
      failures = 0;
      onConfirmed?.();
    } catch (error) {
      if (isAborted(signal)) return;
      if (isFinal(error)) throw error;
      failures += 1;
      await clock.sleep(backoffMs(failures, error, random()), signal).catch(() => undefined);
    }
    if (token === undefined) continue;
    ({ revision } = token);
    yield token;
  }
}

/** Full jitter below a ceiling that doubles; never before the agent wants to be asked again. */
export function backoffMs(failures: number, error: unknown, chance: number): number {
  const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(failures, 16));
  const seconds = error instanceof KeytenderError ? (error.retryAfter ?? 0) : 0;
  const askedMs = Math.min(seconds, RETRY_AFTER_SECONDS_MAX) * 1000;
  return askedMs + BACKOFF_MIN_MS + chance * (ceilingMs - BACKOFF_MIN_MS);
}

const finalCodes: ReadonlySet<string> = new Set([
  'not_found',
  'insufficient_scope',
  'tls_required',
  'malformed_value',
  'closed',
]);

function isFinal(error: unknown): boolean {
  return !(error instanceof KeytenderError) || finalCodes.has(error.code);
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
