// The one mutable cell of a token. Every change goes through `#commit`: a pure decision, then one assignment of one
// frozen snapshot, then the listeners. Readers never see half a rotation and never wait.
import { AgentToken } from './agent-token.js';
import { changeBetween, type ChangeKind, reviseSnapshot } from './change.js';
import {
  emptyHistory,
  type InitialToken,
  type Observation,
  type ObserveContext,
  type Observed,
  observeNewest,
  observeOlder,
  settleHistory,
  type TokenHistory,
} from './history.js';
import { nextVersionToRead } from './look.js';
import type { SecretReading } from './reading.js';
import { deriveSnapshot, type TokenLimits, type TokenSnapshot } from './snapshot.js';

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

const NOTHING_YET: TokenSnapshot = Object.freeze({
  revision: 0,
  current: null,
  missing: 'absent',
  last: null,
  superseded: [],
  pending: [],
  nextChangeAt: Infinity,
});

export class TokenStore {
  #options: TokenStoreOptions;
  #history: TokenHistory;
  #snapshot: TokenSnapshot = NOTHING_YET;
  readonly #listeners = new Set<DecisionListener>();

  constructor(options: TokenStoreOptions) {
    this.#options = options;
    this.#history = { ...emptyHistory, initial: options.initial ?? null };
    this.#commit(
      { history: this.#history, observation: { kind: 'unchanged', warnings: [] } },
      options.now,
    );
  }

  /** The snapshot at `now`: what time alone has changed is settled first. */
  at(now: number): TokenSnapshot {
    if (now >= this.#snapshot.nextChangeAt) this.settle(now);
    return this.#snapshot;
  }

  observeNewest(reading: SecretReading, now: number): Decision {
    return this.#commit(observeNewest(this.#history, reading, this.#context(now)), now);
  }

  observeOlder(version: number, reading: SecretReading, now: number): Decision {
    return this.#commit(observeOlder(this.#history, version, reading, this.#context(now)), now);
  }

  /** Lets time pass: a pending token becomes current, a superseded one ends. */
  settle(now: number): Decision {
    const observation: Observation = { kind: 'unchanged', warnings: [] };
    return this.#commit({ history: this.#history, observation }, now);
  }

  /** The next version this refresh has to read by number, or null. */
  nextRead(now: number, done: ReadonlySet<number>): number | null {
    return nextVersionToRead(this.#history, this.at(now), now, done);
  }

  /** Takes new limits from reloaded settings. */
  reconfigure(
    options: Pick<TokenStoreOptions, 'field' | 'limits' | 'shortGraceMs'>,
    now: number,
  ): Decision {
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
    const context = this.#context(now);
    this.#history = settleHistory(history, before.current?.value ?? null, context);
    const content = deriveSnapshot(this.#history, now, context.limits);
    this.#snapshot = reviseSnapshot(before, content);
    const change = changeBetween(before, content, observation.kind === 'recreated');
    const decision = { observation, change, before, after: this.#snapshot };
    for (const listener of this.#listeners) listener(decision);
    return decision;
  }
}

/** An initial token, as it enters. */
export function initialToken(text: string, createdAt: number, usableUntil: number): InitialToken {
  return { value: AgentToken.fromText(text), createdAt, usableUntil };
}
