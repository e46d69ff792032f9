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
const GO_DURATION = /^([+-]?)((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|ms|s|m|h))+$/;
const GO_PART = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)/g;

export type DurationRead = { readonly seconds: number } | { readonly error: string };

/** Seconds (may be a fraction or negative), or Go's words for why it is none. */
export function readDuration(value: Json): DurationRead {
  if (value instanceof JsonNumber) return readSecondsText(value.literal);
  if (typeof value === 'number') return { seconds: value };
  if (typeof value !== 'string') return { error: 'could not parse duration from input' };
  return readDurationText(value);
}

function readSecondsText(literal: string): DurationRead {
  return /^-?[0-9]+$/.test(literal)
    ? { seconds: Number(literal) }
    : { error: `strconv.ParseInt: parsing "${literal}": invalid syntax` };
}

function readDurationText(text: string): DurationRead {
  if (text === '') return { seconds: 0 };
  if (/^[+-]?[0-9]+$/.test(text)) return { seconds: Number(text) };
  const days = /^([+-]?[0-9]+)d$/.exec(text);
  if (days !== null) return { seconds: Number(days[1]) * 86_400 };
  const parsed = GO_DURATION.exec(text);
  if (parsed !== null) return { seconds: sumOfParts(text) * (parsed[1] === '-' ? -1 : 1) };
  if (text.endsWith('d')) {
    return { error: `strconv.ParseInt: parsing "${text.slice(0, -1)}": invalid syntax` };
  }
  return /[smh]$/.test(text)
    ? { error: `time: invalid duration "${text}"` }
    : { error: `strconv.ParseInt: parsing "${text}": invalid syntax` };
}

function sumOfParts(text: string): number {
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(GO_PART)) {
    seconds += Number(amount) * (UNIT_SECONDS[unit ?? ''] ?? 0);
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
