// `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date, held within bounds: what a server says is a wish, and
// neither "now" nor "tomorrow" is granted.

const RETRY_AFTER_MS_MIN = 1_000;
const RETRY_AFTER_MS_MAX = 300_000;

/**
 * How long to wait, within 1 s and 5 min; null when there is no such header or it cannot be read.
 * A date is compared with the server's own `Date` where it sent one, else with `nowMs`.
 */
export function retryAfterMs(
  header: string | null,
  dateHeader: string | null,
  nowMs: number,
): number | null {
  const value = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(value)) return clamp(Number(value) * 1_000);
  if (!HTTP_DATE.test(value)) return null;
  const at = Date.parse(value);
  if (Number.isNaN(at)) return null;
  const serverNow = Date.parse(dateHeader ?? '');
  return clamp(at - (Number.isNaN(serverNow) ? nowMs : serverNow));
}

const HTTP_DATE = /^[A-Z][a-z]{2,8},? [ 0-9A-Za-z:-]{8,32}$/;

function clamp(ms: number): number {
  return Math.min(Math.max(ms, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX);
}
