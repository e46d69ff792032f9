// How an instant is written: RFC 3339 in UTC with milliseconds, as `Date` does. What is told is nearly always the same
// from one answer to the next, so the last ones are kept.

/** `ms`: milliseconds since the epoch, clamped to what a date can show: a hostile clock must not throw here. */
export function instantText(ms: number): string {
  const whole = Math.trunc(Math.min(Math.max(ms, -8.64e15), 8.64e15));
  const place = Math.abs(whole) % memo.length;
  const held = memo[place];
  if (held?.ms === whole) return held.text;
  const text = new Date(whole).toISOString();
  memo[place] = { ms: whole, text };
  return text;
}

export function instantTextOrNull(ms: number | null): string | null {
  return ms === null ? null : instantText(ms);
}

const memo = Array.from({ length: 64 }, () => ({ ms: Number.NaN, text: '' }));
