// The one mutable cell of a token. Every change goes through `#commit`: a pure decision, then one assignment of one
// frozen snapshot, then the listeners. Readers never see half a rotation and never wait.
import { AgentToken } from './agent-token.js';
import { changeBetween, type ChangeKind, reviseSnapshot } from './change.js';
import { emptyHistory, type InitialToken, startNewEpoch, type TokenHistory } from './history.js';
import type { TokenLimits } from './limits.js';
import { nextVersionToRead } from './look.js';
import { type Observation, type ObserveContext, type Observed, unchanged } from './observation.js';
import { observeNewest } from './observe-newest.js';
import { observeOlder } from './observe-older.js';
import type { SecretReading } from './reading.js';
import { settleHistory } from './settle.js';
import { deriveSnapshot, type TokenSnapshot } from './snapshot.js';
import type { TokenSource } from './source.js';

export interface TokenStoreOptions {
  /** The field of the secret that holds the token. */
  readonly field: string;
  readonly limits: TokenLimits;
  /** Graces below this are obeyed with a warning. Milliseconds. */
  readonly shortGraceMs: number;
  readonly initial?: InitialToken;
  /** Vault's clock at the start. */
  readonly now: number;
}

/** What one observation did. */
export interface Decision {
  readonly observation: Observation;
  readonly change: ChangeKind;
  readonly before: TokenSnapshot;
  readonly after: TokenSnapshot;
}

export type DecisionListener = (decision: Decision) => void;

/** A clock set back by more than this is believed: the snapshot is derived anew. Milliseconds. */
const CLOCK_STEP_MS = 1000;

const NOTHING_YET: TokenSnapshot = Object.freeze({
  revision: 0,
  current: null,
  missing: 'absent',
  last: null,
  superseded: Object.freeze([]),
  pending: Object.freeze([]),
  nextChangeAt: Infinity,
});

export class TokenStore implements TokenSource {
  #options: TokenStoreOptions;
  #history: TokenHistory;
  #snapshot: TokenSnapshot = NOTHING_YET;
  #settledAt: number;
  readonly #listeners = new Set<DecisionListener>();

  constructor(options: TokenStoreOptions) {
    this.#options = options;
    this.#settledAt = options.now;
    this.#history = { ...emptyHistory, initial: options.initial ?? null };
    this.#commit({ history: this.#history, observation: unchanged }, options.now);
  }

  /** The snapshot at `now`: what time alone has changed is settled first. */
  at(now: number): TokenSnapshot {
    const isSetBack = now < this.#settledAt - CLOCK_STEP_MS;
    if (isSetBack || now >= this.#snapshot.nextChangeAt) this.settle(now);
    return this.#snapshot;
  }

  observeNewest(reading: SecretReading, now: number): Decision {
    this.at(now);
    return this.#commit(observeNewest(this.#history, reading, this.#context(now)), now);
  }

  observeOlder(version: number, reading: SecretReading, now: number): Decision {
    this.at(now);
    return this.#commit(observeOlder(this.#history, version, reading, this.#context(now)), now);
  }

  /**
   * Lets time pass: a pending token becomes current, a superseded one ends; each at its own instant and each with a
   * decision of its own, however late we look. Returns the last.
   */
  settle(now: number): Decision {
    for (;;) {
      const at = Math.min(now, this.#snapshot.nextChangeAt);
      const decision = this.#commit({ history: this.#history, observation: unchanged }, at);
      if (!(at < now)) return decision;
    }
  }

  /** The next version this refresh has to read by number, or null. */
  nextRead(now: number, done: ReadonlySet<number>): number | null {
    this.at(now);
    return nextVersionToRead(this.#history, now, this.#options.limits, done);
  }

  /** Takes new limits from reloaded settings. Another field is another secret: the next answer is read anew. */
  reconfigure(
    options: Pick<TokenStoreOptions, 'field' | 'limits' | 'shortGraceMs'>,
    now: number,
  ): Decision {
    if (options.field !== this.#options.field) {
      this.#history = { ...startNewEpoch(this.#history, null), left: [] };
    }
    this.#options = { ...this.#options, ...options };
    return this.settle(now);
  }

  /** Told of every decision, after the assignment. Returns the unsubscriber. */
  subscribe(listener: DecisionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #context(now: number): ObserveContext {
    const { field, limits, shortGraceMs } = this.#options;
    return { now, field, limits, shortGraceMs };
  }

  #commit({ history, observation }: Observed, now: number): Decision {
    const before = this.#snapshot;
    const { limits } = this.#options;
    this.#history = settleHistory(history, now, limits);
    const content = deriveSnapshot(this.#history, now, limits);
    this.#snapshot = reviseSnapshot(before, content);
    this.#settledAt = now;
    const change = changeBetween(before, content, observation.kind === 'recreated');
    const decision = { observation, change, before, after: this.#snapshot };
    for (const listener of [...this.#listeners]) listener(decision);
    return decision;
  }
}

/** An initial token, as it enters. */
export function initialToken(text: string, createdAt: number, usableUntil: number): InitialToken {
  return { value: AgentToken.fromText(text), createdAt, usableUntil };
}
