// Logins that we made and do not need any more are given back, best effort: once each, after the reads that may still
// use them are over, and not when they end by themselves soon. Batch tokens cannot be revoked.
import type { Clock } from '../platform/clock.js';
import { withDeadline } from './deadline.js';
import type { HeldLogin } from './held-login.js';

export interface LoginRevocationsOptions {
  readonly clock: Clock;
  /** How long a read that holds a replaced login may at most take. Milliseconds. */
  readonly readsEndWithinMs: () => number;
  readonly revoke: (held: HeldLogin, signal: AbortSignal) => Promise<boolean>;
  readonly closed: AbortSignal;
}

const WORTH_MS = 30_000;
/** What the end of the program waits for. */
const AT_THE_END_MS = 700;

export class LoginRevocations {
  readonly #options: LoginRevocationsOptions;
  readonly #retired = new Set<HeldLogin>();

  constructor(options: LoginRevocationsOptions) {
    this.#options = options;
  }

  /** `held` was replaced. */
  retire(held: HeldLogin): void {
    const { clock, readsEndWithinMs, revoke, closed } = this.#options;
    if (!this.#isWorth(held)) return;
    this.#retired.add(held);
    clock
      .sleep(readsEndWithinMs(), closed)
      .then(() => (this.#retired.delete(held) ? revoke(held, closed) : false))
      .catch(() => undefined);
  }

  /** Gives back what still waits, and `held`; takes at most 0.7 s. Never rejects. */
  async finish(held: HeldLogin | null): Promise<void> {
    const { clock, revoke, closed } = this.#options;
    const all = [...this.#retired];
    this.#retired.clear();
    if (held !== null && this.#isWorth(held)) all.push(held);
    if (all.length === 0) return;
    try {
      await withDeadline(clock, AT_THE_END_MS, closed, (signal) =>
        Promise.all(all.map((one) => revoke(one, signal))),
      );
    } catch {
      // they end with their TTL
    }
  }

  #isWorth({ login, isAlive, endsAtMs }: HeldLogin): boolean {
    if (login.vaultToken === null || login.type === 'batch' || isAlive === false) return false;
    return endsAtMs - this.#options.clock.monotonicMs() > WORTH_MS;
  }
}
