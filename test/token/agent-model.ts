// One agent as a refresh runs it: the newest version is read, then by number whatever the store still wants to know.
import type { AgentToken } from '../../src/token/agent-token.js';
import type { Observation } from '../../src/token/observation.js';
import type { SecretReading } from '../../src/token/reading.js';
import { type Decision, TokenStore, type TokenStoreOptions } from '../../src/token/store.js';
import { readingOf, type SecretState } from './kv2-model.js';

export interface Poll {
  readonly newest: Decision | null;
  /** Versions read by number, in order. */
  readonly reads: readonly number[];
  readonly observations: readonly Observation[];
  /** Whether a live answer showed the current version to be there. */
  readonly isConfirmed: boolean;
}

/** A value's name in tests: short, padded to a strong token where it enters. */
export function tokenText(name: string): string {
  return name.padEnd(32, '.');
}

function nameOf(value: AgentToken): string {
  return value.reveal().replace(/\.+$/, '');
}

export const settings = {
  field: 'token',
  limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
  shortGraceMs: 210_000,
} as const;

export class AgentModel {
  readonly store: TokenStore;
  readonly decisions: Decision[] = [];

  constructor(options: Partial<TokenStoreOptions> & { readonly now: number }) {
    this.store = new TokenStore({ ...settings, ...options });
    this.store.subscribe((decision) => this.decisions.push(decision));
  }

  poll(node: SecretState, now: number): Poll {
    const reading = readingOf(node);
    // a bare 404 to a read of the newest is a failed refresh: the store hears nothing of it
    if (reading.kind === 'unknown') {
      return { newest: null, reads: [], observations: [], isConfirmed: false };
    }
    const newest = this.store.observeNewest(reading, now);
    const alive = new Set<number>();
    const note = (answer: SecretReading, { observation }: Decision): void => {
      if (answer.kind === 'live' && 'warnings' in observation) alive.add(answer.version);
    };
    note(reading, newest);
    const observations = [newest.observation];
    const done = new Set<number>();
    for (;;) {
      const version = this.store.nextRead(now, done);
      if (version === null) break;
      if (version < 1 || done.has(version)) throw new Error(`read ${version} again, or latest`);
      done.add(version);
      const answer = readingOf(node, version);
      const decision = this.store.observeOlder(version, answer, now);
      observations.push(decision.observation);
      note(answer, decision);
    }
    const current = this.store.at(now).current?.version ?? 0;
    return { newest, reads: [...done], observations, isConfirmed: alive.has(current) };
  }

  /** The name of what it signs with; null when nothing signs. */
  signs(now: number): string | null {
    const { current } = this.store.at(now);
    return current === null ? null : nameOf(current.value);
  }

  /** The names of all it verifies: current, then pending, then superseded, newest first. */
  verifies(now: number): string[] {
    const { current, pending, superseded } = this.store.at(now);
    return [...(current === null ? [] : [current]), ...pending, ...superseded].map((one) =>
      nameOf(one.value),
    );
  }
}
