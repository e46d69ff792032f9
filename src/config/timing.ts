// Settings that bound each other: interval, jitter, grace, staleness, request budget, skew. What was written stands;
// a default yields to it, to the nearest value within the limits: the interval first, then the jitter; for the budget
// refreshes on demand before either; the skew for `replay_ttl`. Two written values that exclude each other are a problem.
import { formatDuration } from './duration.js';
import { ConfigProblem } from './problem.js';
import { intervalWithin, steadyNeedPerMinute } from './steady-need.js';

/** A written value and the name it was written with. */
export interface Given {
  readonly name: string;
  readonly value: number;
}

/** What was written; absent: the default, which may yield. Durations in milliseconds. */
export interface WrittenTiming {
  readonly interval?: Given | undefined;
  readonly jitter?: Given | undefined;
  readonly startSplay?: Given | undefined;
  /** Not when it means "no limit". */
  readonly maxStale?: Given | undefined;
  /** `token.grace` and those of single tokens, but not 0. */
  readonly graces: readonly Given[];
  readonly skew?: Given | undefined;
  readonly replayTtl?: Given | undefined;
  readonly onDemand?: Given | undefined;
  readonly requestsPerMinute?: Given | undefined;
  readonly supersededMax: number;
  /** How many tokens Vault is polled for; 0: static mode, no budget is needed. */
  readonly tokens: number;
}

export interface Timing {
  readonly intervalMs: number;
  readonly jitterMs: number;
  /** The default of `token.grace`. */
  readonly graceMs: number;
  readonly maxSkewMs: number;
  readonly replayTtlMs: number;
  readonly onDemandPerMinute: number;
  readonly requestsPerMinute: number;
  readonly problems: readonly ConfigProblem[];
}

const second = 1_000;
const intervalDefault = 60 * second;
const jitterDefaultMax = 10 * second;
const graceDefaultMin = 300 * second;
const skewDefault = 300 * second;
const onDemandDefault = 6;
const requestsDefaultMin = 30;
const REQUESTS_MAX = 60_000;
/** What one permit for a refresh on demand may cost: a read and four more while a standby lags. */
const REQUESTS_PER_PERMIT = 5;

/** One bound of the interval and the setting that sets it; null: the interval's own. */
interface Bound {
  readonly ms: number;
  readonly by: string | null;
}

export function resolveTiming(written: WrittenTiming): Timing {
  const problems: ConfigProblem[] = [];
  const polling = resolvePolling(written, problems);
  const { intervalMs, jitterMs } = polling;
  return {
    ...polling,
    graceMs: Math.max(graceDefaultMin, 3 * (intervalMs + jitterMs)),
    ...resolveSkew(written, problems),
    problems,
  };
}

function resolvePolling(
  written: WrittenTiming,
  problems: ConfigProblem[],
): Pick<Timing, 'intervalMs' | 'jitterMs' | 'onDemandPerMinute' | 'requestsPerMinute'> {
  const least = highest(lowerBounds(written));
  const most = lowest(upperBounds(written));
  const preferred =
    written.interval?.value ??
    clamp(
      intervalDefault,
      least.ms,
      Math.min(most.ms, Math.max(least.ms, roomWithJitter(written))),
    );
  if (written.interval !== undefined) checkInterval(written, written.interval, problems);
  else if (least.ms > most.ms) problems.push(excluded(least.by, most.by));
  const budget = fitBudget(written, preferred, written.interval?.value ?? most.ms);
  if (budget === null) problems.push(budgetProblem(written, most));
  const intervalMs = budget?.intervalMs ?? preferred;
  const onDemandPerMinute = budget?.onDemand ?? written.onDemand?.value ?? onDemandDefault;
  const jitterMs =
    written.jitter?.value ??
    Math.max(0, Math.min(defaultJitter(intervalMs), pollRoom(written).ms - intervalMs));
  return {
    intervalMs,
    jitterMs,
    onDemandPerMinute,
    requestsPerMinute:
      written.requestsPerMinute?.value ?? defaultRequests(written, intervalMs, onDemandPerMinute),
  };
}

function defaultJitter(intervalMs: number): number {
  return Math.min(jitterDefaultMax, Math.floor(intervalMs / 6));
}

function lowerBounds({ jitter, startSplay }: WrittenTiming): Bound[] {
  const bounds: Bound[] = [{ ms: second, by: null }];
  for (const given of [jitter, startSplay]) {
    if (given !== undefined) bounds.push({ ms: given.value, by: given.name });
  }
  return bounds;
}

function upperBounds(written: WrittenTiming): Bound[] {
  const { maxStale, jitter } = written;
  const room = pollRoom(written);
  return [
    { ms: 24 * 3_600 * second, by: null },
    ...(maxStale === undefined ? [] : [{ ms: maxStale.value, by: maxStale.name }]),
    { ms: room.ms - (jitter?.value ?? 0), by: room.by },
  ];
}

/** How long interval and jitter may be together: a third of the shortest grace. */
function pollRoom({ graces }: WrittenTiming): Bound {
  return lowest([
    { ms: Infinity, by: null },
    ...graces.map(({ name, value }) => ({ ms: Math.floor(value / 3), by: name })),
  ]);
}

/** The longest interval that leaves the default jitter its place in that room. */
function roomWithJitter(written: WrittenTiming): number {
  const { ms } = pollRoom(written);
  if (written.jitter !== undefined || ms === Infinity) return Infinity;
  if (ms >= 7 * jitterDefaultMax) return ms - jitterDefaultMax;
  return Math.floor((ms * 6) / 7);
}

function checkInterval(written: WrittenTiming, interval: Given, problems: ConfigProblem[]): void {
  const { jitter, startSplay, maxStale, graces } = written;
  for (const given of [jitter, startSplay]) {
    if (given !== undefined && given.value > interval.value) {
      problems.push(
        new ConfigProblem(
          given.name,
          `is longer than ${interval.name} (${formatDuration(interval.value)})`,
          'make it at most the interval',
        ),
      );
    }
  }
  if (maxStale !== undefined && maxStale.value < interval.value) {
    problems.push(
      new ConfigProblem(
        maxStale.name,
        `is shorter than ${interval.name} (${formatDuration(interval.value)})`,
        'make it at least the interval, or 0 for no limit',
      ),
    );
  }
  const leastGrace = 3 * (interval.value + (jitter?.value ?? 0));
  for (const grace of graces) {
    if (grace.value >= leastGrace) continue;
    const sum = jitter === undefined ? interval.name : `(${interval.name} + ${jitter.name})`;
    problems.push(
      new ConfigProblem(
        grace.name,
        `is shorter than 3 × ${sum} = ${formatDuration(leastGrace)}: an agent could miss a whole grace`,
        'make it longer or the interval shorter; 0 means no grace at all',
      ),
    );
  }
}

interface Budget {
  readonly onDemand: number;
  readonly intervalMs: number;
}

/** The budget's share for refreshes on demand, and an interval that the rest suffices for; null when none does. */
function fitBudget(written: WrittenTiming, preferredMs: number, mostMs: number): Budget | null {
  const given = written.onDemand?.value;
  const unhurried = given === undefined ? countdown(onDemandDefault) : [given];
  if (written.tokens === 0) return { onDemand: given ?? onDemandDefault, intervalMs: preferredMs };
  for (const onDemand of unhurried) {
    if (leastInterval(written, onDemand) <= preferredMs)
      return { onDemand, intervalMs: preferredMs };
  }
  for (const onDemand of given === undefined ? [1, 0] : [given]) {
    const intervalMs = leastInterval(written, onDemand);
    if (intervalMs <= mostMs) return { onDemand, intervalMs: Math.max(intervalMs, preferredMs) };
  }
  return null;
}

function countdown(from: number): number[] {
  return Array.from({ length: from }, (_, index) => from - index);
}

function leastInterval(written: WrittenTiming, onDemand: number): number {
  const requests = written.requestsPerMinute?.value ?? REQUESTS_MAX;
  return intervalWithin(requests - REQUESTS_PER_PERMIT * onDemand, written);
}

function defaultRequests(written: WrittenTiming, intervalMs: number, onDemand: number): number {
  const need = written.tokens === 0 ? 0 : steadyNeedPerMinute({ ...written, intervalMs });
  const requests =
    Math.max(requestsDefaultMin, Math.ceil(2 * need)) + REQUESTS_PER_PERMIT * onDemand;
  return Math.min(REQUESTS_MAX, requests);
}

function budgetProblem(written: WrittenTiming, most: Bound): ConfigProblem {
  const { requestsPerMinute, interval, onDemand } = written;
  const intervalMs = interval?.value ?? most.ms;
  const need = Math.ceil(steadyNeedPerMinute({ ...written, intervalMs }));
  const share = REQUESTS_PER_PERMIT * (onDemand?.value ?? 0);
  const pace = interval?.name ?? most.by ?? 'refresh.interval';
  const forPolling = `${need} a minute for polling (${pace} ${formatDuration(intervalMs)}, ${written.tokens} ${written.tokens === 1 ? 'token' : 'tokens'} × ${1 + written.supersededMax} versions, and clients)`;
  const forDemand = share === 0 ? '' : ` and ${share} for ${onDemand?.name ?? ''}`;
  return new ConfigProblem(
    requestsPerMinute?.name ?? pace,
    `${requestsPerMinute === undefined ? `at most ${REQUESTS_MAX} requests are allowed` : 'is below the steady need'}: ${forPolling}${forDemand}`,
    requestsPerMinute === undefined
      ? 'make the interval longer, or poll fewer tokens or versions'
      : `make it at least ${need + share}, or ${pace} longer`,
  );
}

function resolveSkew(
  { skew, replayTtl }: WrittenTiming,
  problems: ConfigProblem[],
): Pick<Timing, 'maxSkewMs' | 'replayTtlMs'> {
  if (replayTtl === undefined) {
    const maxSkewMs = skew?.value ?? skewDefault;
    return { maxSkewMs, replayTtlMs: 2 * maxSkewMs };
  }
  if (skew !== undefined && replayTtl.value < 2 * skew.value) {
    problems.push(
      new ConfigProblem(
        replayTtl.name,
        `is shorter than 2 × ${skew.name} = ${formatDuration(2 * skew.value)}: a request could be replayed`,
        `make it at least ${formatDuration(2 * skew.value)}, or ${skew.name} shorter`,
      ),
    );
  }
  const maxSkewMs = skew?.value ?? Math.min(skewDefault, Math.floor(replayTtl.value / 2));
  return { maxSkewMs, replayTtlMs: replayTtl.value };
}

function excluded(least: string | null, most: string | null): ConfigProblem {
  const [key, other] = [least ?? 'refresh.interval', most ?? 'refresh.interval'];
  return new ConfigProblem(
    key,
    `does not go together with ${other}: refresh.interval may not be shorter than the one, nor longer than the other allows`,
    `make ${key} shorter or ${other} longer`,
  );
}

function highest(bounds: readonly Bound[]): Bound {
  return bounds.reduce((a, b) => (b.ms > a.ms ? b : a));
}

function lowest(bounds: readonly Bound[]): Bound {
  return bounds.reduce((a, b) => (b.ms < a.ms ? b : a));
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(value, max));
}
