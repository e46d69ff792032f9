// What the secrets of one Vault have in common when it refuses them all: one backoff. Each that is told so waits for the
// same instant, and then one of them asks for all. What could be the fault of one secret alone (a policy, a path, a
// slow answer) is nobody else's: those are asked for one by one. docs/vault.md.
import type { Failure, FailureClass } from '../health/failure.js';
import type { Clock } from '../platform/clock.js';
import type { AttemptOutcome } from './record.js';

/** Said of the way to Vault, of Vault as a whole, or of the login. */
const ofAll: ReadonlySet<FailureClass> = new Set<FailureClass>([
  'vault_unreachable',
  'vault_tls',
  'vault_sealed',
  'vault_login_failed',
]);

/** Whether another secret of the same Vault would be told the same. */
export function isOfAll(failure: Failure): boolean {
  return ofAll.has(failure.class) || failure.isLoginDead === true;
}

/** One of those who wait: compared by identity. */
type Member = object;

export class Outage {
  readonly #clock: Clock;
  #next: Round | null = null;
  /** In a row, all who were told so taken together. */
  #failures = 0;
  /** Who asked longest ago is first: what only one of them is told does not hide that Vault is back from the others. */
  readonly #asked = new WeakMap<Member, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * `member` was refused as all are, for the `failures`th time in a row. The round that it waits for: the one that others
   * wait for already, or one in `delayMs` of as many failures as there were.
   */
  join(member: Member, failures: number, delayMs: (failures: number) => number): Round {
    if (this.#next === null || this.#next.hasBegun) {
      this.#failures = Math.max(failures, this.#failures + 1);
      const dueMs = this.#clock.monotonicMs() + delayMs(this.#failures);
      this.#next = new Round(dueMs, this.#asked, () => {
        this.#failures = 0;
      });
    }
    this.#next.add(member);
    return this.#next;
  }
}

/** One try for all who wait for it. */
export class Round {
  /** Monotonic. */
  readonly dueMs: number;
  readonly #members: Member[] = [];
  readonly #asked: WeakMap<Member, number>;
  readonly #onOver: () => void;
  readonly #told: Promise<Failure | null>;
  #tell: (failure: Failure | null) => void = () => undefined;
  #asker: Member | null = null;

  /** `onOver`: it was no failure of all. */
  constructor(dueMs: number, asked: WeakMap<Member, number>, onOver: () => void) {
    this.dueMs = dueMs;
    this.#asked = asked;
    this.#onOver = onOver;
    this.#told = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  get hasBegun(): boolean {
    return this.#asker !== null;
  }

  add(member: Member): void {
    this.#members.push(member);
  }

  /**
   * What `member` is told, by its own `ask` (`isOwn`) when it is the one who asks, or when that one was told nothing that
   * holds for all; else what that one was told. Rejects as `ask` does, and when `signal` is aborted.
   */
  async attempt(
    member: Member,
    ask: () => Promise<AttemptOutcome>,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: AttemptOutcome; readonly isOwn: boolean }> {
    this.#asker ??= this.#longestAgo() ?? member;
    if (member !== this.#asker) {
      const failure = await untilAborted(this.#told, signal);
      if (failure !== null) return { outcome: { failure, isConfirmed: false }, isOwn: false };
      return { outcome: await ask(), isOwn: true };
    }
    this.#asked.set(member, this.dueMs);
    let failure: Failure | null = null;
    try {
      const outcome = await ask();
      if (outcome.failure !== null && isOfAll(outcome.failure)) ({ failure } = outcome);
      return { outcome, isOwn: true };
    } finally {
      if (failure === null) this.#onOver();
      this.#tell(failure);
    }
  }

  #longestAgo(): Member | undefined {
    const at = (member: Member): number => this.#asked.get(member) ?? -Infinity;
    return [...this.#members].sort((a, b) => at(a) - at(b))[0];
  }
}

function untilAborted<T>(told: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void told.then((value) => {
      signal.removeEventListener('abort', onAbort);
      resolve(value);
    });
  });
}
