// A duration in a string field of a token request, as `ttl` and `period` have it.
import { readDuration } from '../duration.js';
import { refuse, type Refusal } from '../result.js';

/** Whole seconds of a duration in a string field, or the refusal. */
export function secondsOf(text: string, name: string): number | Refusal {
  if (text === '') return 0;
  const read = readDuration(text);
  if ('error' in read) return refuse(400, read.error);
  return read.seconds < 0 ? refuse(400, `${name} must be positive`) : Math.trunc(read.seconds);
}
