// The partitions of the replay guard by caller, so that one caller's requests can neither use up another's room nor
// claim another's nonces. Callers come from configuration, so their number is bounded by it.
import { ReplayPartition } from './replay-partition.js';
import type { ReplayWindow } from './replay-partition.js';

export interface ReplayGuardOptions extends ReplayWindow {
  /** Random for each process. */
  readonly salt: string;
}

export class ReplayGuard {
  readonly #options: ReplayGuardOptions;
  readonly #partitions = new Map<string, ReplayPartition>();
  #removedUpToSeconds = -Infinity;

  constructor(options: ReplayGuardOptions) {
    this.#options = options;
  }

  /** The partition of a caller, made on first use; a changed capacity applies at once. */
  partition(name: string, capacity: number): ReplayPartition {
    const held = this.#partitions.get(name);
    if (held !== undefined) {
      held.capacity = capacity;
      return held;
    }
    const forgottenUpToSeconds = this.#removedUpToSeconds;
    const made = new ReplayPartition({ ...this.#options, capacity, forgottenUpToSeconds });
    this.#partitions.set(name, made);
    return made;
  }

  /** Forgets a caller. Should one of that name come back, its old requests stay refused. */
  remove(name: string): void {
    const held = this.#partitions.get(name);
    if (held === undefined) return;
    this.#removedUpToSeconds = Math.max(this.#removedUpToSeconds, held.newestCreatedSeconds);
    this.#partitions.delete(name);
  }

  /** Nonces held, over all partitions. */
  get entries(): number {
    return this.#sum((partition) => partition.size);
  }

  /** Nonces that could be held. */
  get capacity(): number {
    return this.#sum((partition) => partition.capacity);
  }

  #sum(amount: (partition: ReplayPartition) => number): number {
    let sum = 0;
    for (const partition of this.#partitions.values()) sum += amount(partition);
    return sum;
  }
}

/** Room for a caller that may make this many requests a minute: two spans of freshness and a minute's burst. */
export function replayCapacity(requestsPerMinute: number, window: ReplayWindow): number {
  const spanSeconds = window.maxSkewSeconds + window.aheadSeconds + 1;
  return Math.ceil((requestsPerMinute * 2 * spanSeconds) / 60) + requestsPerMinute;
}
