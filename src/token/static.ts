// A token from the settings alone: no Vault, no versions. It is swapped by a changed file or by `rotate-token`; the
// old one keeps its grace. Read like any other token.
import type { AgentToken } from './agent-token.js';
import { changeBetween, reviseSnapshot } from './change.js';
import type { TokenLimits } from './limits.js';
import type { CurrentToken, SupersededToken, TokenSnapshot } from './snapshot.js';
import type { TokenSource } from './source.js';
import type { Decision, DecisionListener } from './store.js';

export interface StaticTokenOptions {
  readonly value: AgentToken;
  /** When its file was written, or when it was first seen. Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly limits: Pick<TokenLimits, 'graceMs' | 'supersededMax'>;
}

export class StaticToken implements TokenSource {
  #limits: StaticTokenOptions['limits'];
  #snapshot: TokenSnapshot;
  readonly #listeners = new Set<DecisionListener>();

  constructor({ value, createdAt, limits }: StaticTokenOptions) {
    this.#limits = limits;
    this.#snapshot = Object.freeze({
      revision: 1,
      ...contentOf(currentOf(value, createdAt), []),
    });
  }

  at(now: number): TokenSnapshot {
    if (now >= this.#snapshot.nextChangeAt) {
      this.#commit(this.#current(), this.#snapshot.superseded, now);
    }
    return this.#snapshot;
  }

  /** Swaps the token; the old one verifies for its grace. The same value again changes nothing. */
  replace(value: AgentToken, createdAt: number, now: number): Decision {
    const old = this.#current();
    if (old.value.equals(value)) return this.#commit(old, this.#snapshot.superseded, now);
    const retired: SupersededToken = Object.freeze({
      value: old.value,
      version: null,
      firstVersion: null,
      usableUntil: now + this.#limits.graceMs,
    });
    const superseded = [retired, ...this.#snapshot.superseded];
    return this.#commit(currentOf(value, createdAt), superseded, now);
  }

  reconfigure(limits: StaticTokenOptions['limits']): void {
    this.#limits = limits;
  }

  subscribe(listener: DecisionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A static token is never missing. */
  #current(): CurrentToken {
    return this.#snapshot.current as CurrentToken;
  }

  #commit(current: CurrentToken, superseded: readonly SupersededToken[], now: number): Decision {
    const before = this.#snapshot;
    const standing = superseded
      .filter((one) => one.usableUntil > now && !one.value.equals(current.value))
      .slice(0, this.#limits.supersededMax);
    const content = contentOf(current, standing);
    this.#snapshot = reviseSnapshot(before, content);
    const decision: Decision = {
      observation: { kind: 'unchanged', warnings: [] },
      change: changeBetween(before, content),
      before,
      after: this.#snapshot,
    };
    for (const listener of this.#listeners) listener(decision);
    return decision;
  }
}

function currentOf(value: AgentToken, createdAt: number): CurrentToken {
  return Object.freeze({
    value,
    source: 'static',
    version: null,
    firstVersion: null,
    createdAt,
    expiresAt: null,
    deletionAt: null,
  });
}

function contentOf(
  current: CurrentToken,
  superseded: readonly SupersededToken[],
): Omit<TokenSnapshot, 'revision'> {
  return Object.freeze({
    current,
    missing: null,
    last: null,
    superseded: Object.freeze(superseded),
    pending: Object.freeze([]),
    nextChangeAt: Math.min(Infinity, ...superseded.map((one) => one.usableUntil)),
  });
}
