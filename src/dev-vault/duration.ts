// Durations as Vault takes them (seconds as a number or decimal string, or Go's `1h30m`, or `2d`) and as it prints them (`1h0m0s`).
import { JsonNumber, type Json } from './json-text.js';

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
const PART = /^([0-9]*\.?[0-9]*)([^0-9.]*)/;

export type DurationRead = { readonly seconds: number } | { readonly error: string };

/** Seconds (may be a fraction or negative), or Go's words for why it is none. */
export function readDuration(value: Json): DurationRead {
  if (value instanceof JsonNumber) return readDurationText(value.literal);
  if (typeof value === 'number') return { seconds: value };
  if (typeof value !== 'string') return { error: 'could not parse duration from input' };
  return value === '' ? { seconds: 0 } : readDurationText(value);
}

function readDurationText(text: string): DurationRead {
  if (/^[+-]?[0-9]+$/.test(text)) return { seconds: Number(text) };
  if (text.endsWith('d')) {
    const days = text.slice(0, -1);
    return /^[+-]?[0-9]+$/.test(days)
      ? { seconds: Number(days) * 86_400 }
      : { error: `strconv.ParseInt: parsing "${days}": invalid syntax` };
  }
  const unsigned = text.replace(/^[+-]/, '');
  const read = sumOfParts(unsigned);
  if (typeof read === 'number') return { seconds: text.startsWith('-') ? -read : read };
  return { error: `time: ${read} duration "${text}"` };
}

/** Seconds, or what is wrong: "invalid", "missing unit in", "unknown unit …in". */
function sumOfParts(text: string): number | string {
  let seconds = 0;
  let rest = text;
  if (rest === '') return 'invalid';
  while (rest !== '') {
    const [whole, amount = '', unit = ''] = PART.exec(rest) ?? [''];
    if (amount === '' || amount === '.') return 'invalid';
    if (unit === '') return 'missing unit in';
    const scale = Object.hasOwn(UNIT_SECONDS, unit) ? UNIT_SECONDS[unit] : undefined;
    if (scale === undefined) return `unknown unit "${unit}" in`;
    seconds += Number(amount) * scale;
    rest = rest.slice(whole.length);
  }
  return seconds;
}

/** `0s`, `1m30s`, `1h0m0s`: whole seconds as Go prints them. */
export function formatDuration(seconds: number): string {
  const sign = seconds < 0 ? '-' : '';
  const whole = Math.abs(Math.trunc(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${sign}${hours}h${minutes}m${whole % 60}s`;
  return minutes > 0 ? `${sign}${minutes}m${whole % 60}s` : `${sign}${whole}s`;
}
