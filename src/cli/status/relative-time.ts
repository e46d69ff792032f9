// Times as a person compares them: `12s`, `3h 5m`, `in 57s`, `4m ago`. Two units at most.

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** A length of time; fractions of a second are dropped. */
export function ageOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const first = units.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0s';
  let rest = whole;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.filter((part) => part !== '').join(' ');
}

/** An RFC 3339 time as seen from `now` (milliseconds since the epoch); a text that is no time stays as it is. */
export function relative(instant: string, now: number): string {
  const at = Date.parse(instant);
  if (Number.isNaN(at)) return instant;
  const seconds = Math.round((at - now) / 1000);
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${ageOf(seconds)}` : `${ageOf(-seconds)} ago`;
}
