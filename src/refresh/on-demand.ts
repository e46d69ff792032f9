// Asking Vault because of a request whose key we do not hold. One sequence of reads is shared by all who wait; each
// costs one permit of a bucket of its own, so that strangers cannot spend what polling needs. Who names a newer version
// than a sequence waits for has one of his own beside it: its long waits are not his. Waiters are bounded in number and
// in time; who has gone is forgotten at once.
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import type { AttemptOutcome } from './record.js';

/** Somebody who waits for a key. */
export interface Want<T> {
  /** Tried after each read; null: still not there. */
  readonly look: () => T | null;
  /** The version that the `keyid` names; undefined: none. */
  readonly version: number | undefined;
}

export type DemandOutcome<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** `refused`: no permit in time, too many waiters, or we stop. `failed`: Vault could not say. */
  | { readonly kind: 'unchanged' | 'failed' | 'refused' };

export interface RefreshOnDemandOptions {
  /** Asks once, or joins the refresh under way. */
  readonly refresh: () => Promise<AttemptOutcome>;
  /** The newest version that was read; null: none. */
  readonly newestVersion: () => number | null;
  /** Resolves when a sequence may begin; rejects when aborted. */
  readonly takePermit: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onOutcome: (outcome: DemandOutcome<unknown>['kind']) => void;
}

/** Before each read of a sequence: a standby shows a new version late (Vault: eventual consistency). */
const WAITS_MS = [0, 150, 400, 1000, 2500];
const WAITERS_MAX = 256;
const PERMIT_WITHIN_MS = 10_000;

interface Waiter {
  readonly version: number | undefined;
  /** Whether the key is there now; it is then told. */
  readonly tryNow: () => boolean;
  readonly end: (kind: 'unchanged' | 'failed' | 'refused') => void;
  isInSequence: boolean;
}

export class RefreshOnDemand {
  readonly #options: RefreshOnDemandOptions;
  readonly #waiting = new Set<Waiter>();
  readonly #stopped = new AbortController();
  /** Those whom each sequence under way reads for. */
  readonly #rounds = new Set<readonly Waiter[]>();
  /** Ends the wait for a permit when nobody needs it any more. */
  #needless = new AbortController();
  #isTakingPermit = false;
  #forced: Promise<AttemptOutcome | null> | null = null;

  constructor(options: RefreshOnDemandOptions) {
    this.#options = options;
  }

  get waiters(): number {
    return this.#waiting.size;
  }

  /** Resolves with the key once a read brings it. When `signal` aborts it is `refused`. */
  async ask<T>(want: Want<T>, signal: AbortSignal): Promise<DemandOutcome<T>> {
    if (signal.aborted || this.#stopped.signal.aborted) return { kind: 'refused' };
    const over = new AbortController();
    const outcome = await new Promise<DemandOutcome<T>>((resolve) => {
      const waiter: Waiter = {
        version: want.version,
        isInSequence: false,
        tryNow: () => {
          const value = want.look();
          if (value === null) return false;
          this.#leave(waiter);
          resolve({ kind: 'found', value });
          return true;
        },
        end: (kind) => {
          this.#leave(waiter);
          resolve({ kind });
        },
      };
      this.#enter(waiter);
      const refuse = (): void => {
        waiter.end('refused');
      };
      signal.addEventListener('abort', refuse, { once: true, signal: over.signal });
      void this.#options.clock.sleep(PERMIT_WITHIN_MS, over.signal).then(
        () => {
          if (!waiter.isInSequence) refuse();
        },
        () => undefined,
      );
    });
    over.abort();
    this.#options.onOutcome(outcome.kind);
    return outcome;
  }

  /** Asks once because a caller wants it, for a permit of the same bucket. null: none in time. */
  force(): Promise<AttemptOutcome | null> {
    this.#forced ??= this.#force().finally(() => {
      this.#forced = null;
    });
    return this.#forced;
  }

  /** Something changed without our asking: who finds its key now need wait no longer. */
  lookAgain(): void {
    for (const waiter of this.#waiting) waiter.tryNow();
  }

  /** Lets everybody go. */
  stop(): void {
    this.#stopped.abort(new Error('the agent stops'));
    for (const waiter of this.#waiting) waiter.end('refused');
  }

  async #force(): Promise<AttemptOutcome | null> {
    const { clock, takePermit, refresh } = this.#options;
    const late = new AbortController();
    const over = new AbortController();
    void clock.sleep(PERMIT_WITHIN_MS, over.signal).then(
      () => {
        late.abort(new Error('no permit in time'));
      },
      () => undefined,
    );
    try {
      await takePermit(AbortSignal.any([late.signal, this.#stopped.signal]));
    } catch {
      return null;
    } finally {
      over.abort();
    }
    return refresh();
  }

  #enter(waiter: Waiter): void {
    this.#waiting.add(waiter);
    if (this.#waiting.size > WAITERS_MAX) this.#letOneGo();
    void this.#beginSequences();
  }

  /** A random one: a flood of newcomers would otherwise put out all who came before. */
  #letOneGo(): void {
    const all = [...this.#waiting];
    all[Math.floor(this.#options.random() * all.length)]?.end('refused');
  }

  #leave(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    if (!this.#isSequenceDue()) this.#needless.abort(new Error('nobody needs it'));
  }

  /** Takes one permit at a time, as long as somebody needs a sequence. */
  async #beginSequences(): Promise<void> {
    if (this.#isTakingPermit) return;
    this.#isTakingPermit = true;
    while (this.#isSequenceDue()) {
      this.#needless = new AbortController();
      const enough = AbortSignal.any([this.#needless.signal, this.#stopped.signal]);
      const isPermitted = await this.#options.takePermit(enough).then(
        () => true,
        () => false,
      );
      if (isPermitted) void this.#sequence();
    }
    this.#isTakingPermit = false;
  }

  /** Who comes during a sequence profits from its reads, and waits for its end, unless he wants more than it does. */
  #isSequenceDue(): boolean {
    const waiting = [...this.#waiting].filter(({ isInSequence }) => !isInSequence);
    if (this.#rounds.size === 0) return waiting.length > 0;
    return waiting.some((waiter) => this.#isNewerThanAnyRound(waiter));
  }

  #isNewerThanAnyRound(waiter: Waiter): boolean {
    const { version } = waiter;
    if (version === undefined || !this.#mayStillCome(waiter)) return false;
    return [...this.#rounds].every((round) =>
      round.every((other) => !this.#waiting.has(other) || (other.version ?? 0) < version),
    );
  }

  async #sequence(): Promise<void> {
    const round = [...this.#waiting].filter(({ isInSequence }) => !isInSequence);
    for (const waiter of round) waiter.isInSequence = true;
    this.#rounds.add(round);
    try {
      await this.#readFor(round);
    } catch {
      // a bug of whoever reads, or a stop: nobody may hang for it
      for (const waiter of round) if (this.#waiting.has(waiter)) waiter.end('failed');
    } finally {
      this.#rounds.delete(round);
      void this.#beginSequences();
    }
  }

  async #readFor(round: readonly Waiter[]): Promise<void> {
    const { clock, refresh } = this.#options;
    const left = (): Waiter[] => round.filter((waiter) => this.#waiting.has(waiter));
    let hasFailed = false;
    for (const waitMs of WAITS_MS) {
      if (waitMs > 0) await clock.sleep(waitMs, this.#stopped.signal);
      const { failure } = await refresh();
      this.lookAgain();
      hasFailed = failure !== null && failure.class.startsWith('vault_');
      if (hasFailed) break;
      for (const waiter of left()) if (!this.#mayStillCome(waiter)) waiter.end('unchanged');
      if (left().length === 0) return;
    }
    for (const waiter of left()) waiter.end(hasFailed ? 'failed' : 'unchanged');
  }

  #mayStillCome({ version }: Waiter): boolean {
    return version === undefined || version > (this.#options.newestVersion() ?? 0);
  }
}
