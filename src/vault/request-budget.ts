// The one budget that stands before every request to Vault: whatever faults occur, in whatever order, one agent
// asks no more often than this. Two shares that do not lend to each other: `poll` for what keeps the token fresh,
// `on_demand` for what callers can trigger, so that strangers cannot spend what polling needs.
import type { Clock } from '../platform/clock.js';

/** `background` is paid by the share of `poll`, and leaves a permit for a read that comes now. */
export type BudgetKind = 'poll' | 'on_demand' | 'background';

export interface RequestBudget {
  /**
   * Resolves when a request may be made; it is then counted. Waiters of one kind are served in order. `onWait` is
   * told before each wait how long it takes at least, in milliseconds. Rejects with `signal.reason` when aborted.
   */
  take(kind: BudgetKind, signal: AbortSignal, onWait?: (ms: number) => void): Promise<void>;
  /** Takes a permit if there is one now, behind nobody. */
  tryTake(kind: BudgetKind): boolean;
  /** Other limits, from now on. What was taken in the last minute counts against them. */
  reconfigure(limits: RequestLimits): void;
}

export interface RequestLimits {
  /**
   * Requests in any 60 s, a third of them at once: at least 1, on demand at least the reads of one sequence. Whole,
   * ≥ 0; 0 means never.
   */
  readonly pollPerMinute: number;
  readonly onDemandPerMinute: number;
}

export interface RequestBudgetOptions extends RequestLimits {
  readonly clock: Clock;
  /** Told once for each request that was not allowed at once. */
  readonly refusals?: (kind: BudgetKind) => void;
}

export function buildRequestBudget(options: RequestBudgetOptions): RequestBudget {
  const poll = new Share(options.pollPerMinute);
  const onDemand = new Share(options.onDemandPerMinute, SEQUENCE_READS);
  const { clock, refusals } = options;
  const isTaken = (kind: BudgetKind): boolean => {
    const share = kind === 'on_demand' ? onDemand : poll;
    if (share.waiting.length > 0) return false;
    const spareMs = kind === 'background' ? share.spareMs(clock.monotonicMs()) : 0;
    return spareMs === 0 && share.take(clock.monotonicMs());
  };
  return {
    reconfigure({ pollPerMinute, onDemandPerMinute }) {
      const nowMs = clock.monotonicMs();
      poll.reconfigure(pollPerMinute, nowMs);
      onDemand.reconfigure(onDemandPerMinute, nowMs);
    },
    tryTake(kind) {
      if (isTaken(kind)) return true;
      refusals?.(kind);
      return false;
    },
    async take(kind, signal, onWait) {
      signal.throwIfAborted();
      if (isTaken(kind)) return;
      refusals?.(kind);
      if (kind !== 'background') {
        await waitForTurn(kind === 'on_demand' ? onDemand : poll, clock, signal, onWait);
        return;
      }
      do {
        const ms = Math.max(1_000, poll.spareMs(clock.monotonicMs()));
        onWait?.(ms);
        await clock.sleep(ms, signal);
      } while (!isTaken(kind));
    },
  };
}

/** What one miss may read: once, and again after each of four waits. A sequence that waited inside would hold up the poll. */
const SEQUENCE_READS = 5;

function burstOf(perMinute: number, atLeast: number): number {
  return Math.max(1, Math.min(atLeast, perMinute), Math.floor(perMinute / 3));
}

/** How many requests a minute each share has, of all that are allowed; polling is never left below its steady need. */
export function shareRequests(limits: {
  readonly requestsPerMinute: number;
  /** What callers may trigger at most, requests a minute. */
  readonly onDemandRequestsPerMinute: number;
  /** What polling needs when all is well, requests a minute. */
  readonly steadyPerMinute: number;
}): { readonly pollPerMinute: number; readonly onDemandPerMinute: number } {
  const total = Math.max(1, Math.floor(limits.requestsPerMinute));
  const steady = Math.min(total, Math.max(1, Math.ceil(limits.steadyPerMinute)));
  const onDemandPerMinute = Math.min(Math.floor(limits.onDemandRequestsPerMinute), total - steady);
  return { pollPerMinute: total - onDemandPerMinute, onDemandPerMinute };
}

async function waitForTurn(
  share: Share,
  clock: Clock,
  signal: AbortSignal,
  onWait: ((ms: number) => void) | undefined,
): Promise<void> {
  const turn = Symbol('turn');
  share.waiting.push(turn);
  try {
    for (;;) {
      const ahead = share.waiting.indexOf(turn);
      const nowMs = clock.monotonicMs();
      if (ahead === 0 && share.take(nowMs)) return;
      // 1 ms at least: when two wake together, the one behind must let the other go first
      const ms = Math.max(1, Math.ceil(share.waitMs(nowMs, ahead + 1)));
      onWait?.(ms);
      await clock.sleep(ms, signal);
    }
  } finally {
    share.waiting.splice(share.waiting.indexOf(turn), 1);
  }
}

const WINDOW_MS = 60_000;
/** How long somebody waits who may never ask: until his signal ends it. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * A bucket for the burst and a ring of the last permits for the minute: the bucket alone would allow a third more
 * than the rate in a minute that begins with a full one.
 */
class Share {
  readonly waiting: symbol[] = [];
  readonly #burstMin: number;
  #rate: number;
  #burst: number;
  #permits: Float64Array;
  #oldest = 0;
  #level: number;
  #filledAt: number | null = null;

  /** `burstMin`: permits at once, however few a minute; all of a minute's where those are fewer. */
  constructor(perMinute: number, burstMin = 1) {
    this.#rate = perMinute;
    this.#burstMin = burstMin;
    this.#burst = burstOf(perMinute, burstMin);
    this.#level = this.#burst;
    this.#permits = new Float64Array(perMinute).fill(-Infinity);
  }

  reconfigure(perMinute: number, nowMs: number): void {
    if (perMinute === this.#rate) return;
    this.#fill(nowMs);
    const newestFirst = [...this.#permits].sort((a, b) => b - a).slice(0, perMinute);
    this.#rate = perMinute;
    this.#burst = burstOf(perMinute, this.#burstMin);
    this.#level = Math.min(this.#level, this.#burst);
    this.#permits = new Float64Array(perMinute).fill(-Infinity);
    this.#permits.set(newestFirst.reverse(), perMinute - newestFirst.length);
    this.#oldest = 0;
  }

  take(nowMs: number): boolean {
    if (this.waitMs(nowMs, 1) > 0) return false;
    this.#level -= 1;
    this.#permits[this.#oldest] = nowMs;
    this.#oldest = (this.#oldest + 1) % this.#rate;
    return true;
  }

  /** Until `count` permits could have been taken, one after another; 0 when now. */
  waitMs(nowMs: number, count: number): number {
    if (this.#rate === 0) return NEVER_MS;
    this.#fill(nowMs);
    const bucketMs = ((count - this.#level) * WINDOW_MS) / this.#rate;
    const leaving = this.#permits[(this.#oldest + Math.min(count, this.#rate) - 1) % this.#rate];
    const windowMs = (leaving ?? 0) + WINDOW_MS - nowMs;
    return Math.max(0, bucketMs, windowMs);
  }

  /** Until one permit could be taken and one would be left; until one could be, where there is never a second. */
  spareMs(nowMs: number): number {
    return this.waitMs(nowMs, Math.min(2, this.#burst));
  }

  #fill(nowMs: number): void {
    const gained = ((nowMs - (this.#filledAt ?? nowMs)) * this.#rate) / WINDOW_MS;
    this.#level = Math.min(this.#burst, this.#level + gained);
    this.#filledAt = nowMs;
  }
}
