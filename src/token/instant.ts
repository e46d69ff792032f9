// Vault's time stamps: RFC 3339 with up to nanoseconds, trailing zeros dropped. Milliseconds are too coarse to tell
// two quick writes apart, so order is decided on nanoseconds.

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ]([01]\d|2[0-3]):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})$/;

/** Nanoseconds since the Unix epoch, or null when `text` is not an RFC 3339 instant. */
export function parseInstantNs(text: string): bigint | null {
  const match = RFC3339.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const offset = zone.toUpperCase();
  const seconds = Date.parse(
    `${String(year)}-${String(month)}-${String(day)}T${String(hour)}:${String(minute)}:${String(second)}${offset}`,
  );
  if (Number.isNaN(seconds)) return null;
  if (!isRealDay(Number(year), Number(month), Number(day))) return null;
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Milliseconds since the Unix epoch, or null when `text` is not an RFC 3339 instant. */
export function parseInstantMs(text: string): number | null {
  const ns = parseInstantNs(text);
  return ns === null ? null : nsToMs(ns);
}

export function nsToMs(ns: bigint): number {
  const ms = ns / 1_000_000n;
  return Number(ns < 0n && ns % 1_000_000n !== 0n ? ms - 1n : ms);
}

/** `Date.parse` takes 31 February for 3 March. */
function isRealDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
