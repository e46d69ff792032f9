// The one mutable cell of the named clients: a pure decision, then one assignment, then the listeners. Read by the same
// loop as a token's store.
import type { Observation } from '../observation.js';
import type { TokenLimits } from '../limits.js';
import type { SecretReading } from '../reading.js';
import { isSameEntry, type ParsedEntry } from './document.js';
import {
  emptyClients,
  inForce,
  observeClients,
  observeOlderClients,
  type ClientsHistory,
  type ClientsObserved,
} from './history.js';
import { nextClientsVersion } from './look.js';
import { deriveClients, type ClientsSnapshot } from './snapshot.js';

/** Ids by what became of them; none twice. */
export interface ClientsChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Another key, scope, token or rate. */
  readonly changed: readonly string[];
  /** Malformed now and not before. */
  readonly refused: ReadonlyMap<string, string>;
  /** Fields whose name is no id, where their number is another one. */
  readonly misnamed: number | null;
}

export interface ClientsDecision {
  readonly observation: Observation;
  readonly change: 'changed' | 'unchanged';
  readonly clients: ClientsChange;
  readonly after: ClientsSnapshot;
}

export interface ClientsStoreOptions {
  readonly limits: TokenLimits;
  /** The closed list. */
  readonly scopes: readonly string[];
}

type Listener = (decision: ClientsDecision) => void;

/** A clock set back by more than this is believed. Milliseconds. */
const CLOCK_STEP_MS = 1000;

export class ClientsStore {
  #options: ClientsStoreOptions;
  #history: ClientsHistory = emptyClients;
  #snapshot: ClientsSnapshot;
  #derivedAt = -Infinity;
  #mayLook = true;
  readonly #listeners = new Set<Listener>();

  constructor(options: ClientsStoreOptions) {
    this.#options = options;
    this.#snapshot = deriveClients(this.#history, 0, options.limits);
  }

  /** Whether there ever was such a secret. */
  get hasHeld(): boolean {
    return this.#history.newest !== null;
  }

  /** At `now` (Vault's clock): the same object as long as nothing changed. */
  at(now: number): ClientsSnapshot {
    const isSetBack = now < this.#derivedAt - CLOCK_STEP_MS;
    if (isSetBack || now >= this.#snapshot.nextChangeAt) this.#derive(now);
    return this.#snapshot;
  }

  observeNewest(reading: SecretReading, now: number): ClientsDecision {
    this.#mayLook = true;
    return this.#commit(observeClients(this.#history, reading, this.#context(now)), now);
  }

  observeOlder(version: number, reading: SecretReading, now: number): ClientsDecision {
    if (this.#history.readBack?.next !== version) this.#mayLook = false;
    const context = this.#context(now);
    return this.#commit(observeOlderClients(this.#history, version, reading, context), now);
  }

  /** The next version to read by number, or null: of those that are only looked at, one in a refresh. */
  nextRead(now: number, done: ReadonlySet<number>): number | null {
    const version = nextClientsVersion(this.#history, this.at(now), now, this.#mayLook);
    return version === null || done.has(version) ? null : version;
  }

  reconfigure(limits: TokenLimits, now: number): void {
    this.#options = { ...this.#options, limits };
    this.#derive(now);
  }

  /** Told of every decision, after the assignment. Returns the unsubscriber. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #context(now: number): ClientsStoreOptions & { readonly now: number } {
    return { ...this.#options, now };
  }

  #derive(now: number): void {
    this.#snapshot = deriveClients(this.#history, now, this.#options.limits);
    this.#derivedAt = now;
  }

  #commit({ history, observation }: ClientsObserved, now: number): ClientsDecision {
    const before = entriesOf(this.#history, this.#snapshot);
    const misnamedBefore = inForce(this.#history)?.misnamed ?? 0;
    const isSame =
      history.versions === this.#history.versions &&
      history.secretGraceMs === this.#history.secretGraceMs &&
      now < this.#snapshot.nextChangeAt;
    this.#history = history;
    if (!isSame) this.#derive(now);
    const misnamed = inForce(history)?.misnamed ?? 0;
    const clients = changeBetween(before, entriesOf(history, this.#snapshot));
    const told = { ...clients, misnamed: misnamed === misnamedBefore ? null : misnamed };
    const isChanged = told.added.length + told.removed.length + told.changed.length > 0;
    const change = isChanged ? 'changed' : 'unchanged';
    const decision = { observation, change, clients: told, after: this.#snapshot } as const;
    for (const listener of [...this.#listeners]) listener(decision);
    return decision;
  }
}

type Entries = ReadonlyMap<string, ParsedEntry>;

const none: Entries = new Map();

function entriesOf(history: ClientsHistory, { current }: ClientsSnapshot): Entries {
  return current === null ? none : (inForce(history)?.entries ?? none);
}

function changeBetween(before: Entries, after: Entries): Omit<ClientsChange, 'misnamed'> {
  const good = (entries: Entries): string[] =>
    [...entries.keys()].filter((id) => isGood(entries, id));
  const refused = [...after].flatMap(([id, parsed]): [string, string][] => {
    const was = before.get(id);
    const isNews = !parsed.ok && !(was?.ok === false && was.problem === parsed.problem);
    return isNews ? [[id, parsed.problem]] : [];
  });
  return {
    added: good(after).filter((id) => !isGood(before, id)),
    removed: good(before).filter((id) => !isGood(after, id)),
    changed: good(after).filter((id) => {
      const [was, is] = [before.get(id), after.get(id)];
      return was?.ok === true && is?.ok === true && !isSameEntry(was.entry, is.entry);
    }),
    refused: new Map(refused),
  };
}

function isGood(entries: Entries, id: string): boolean {
  return entries.get(id)?.ok === true;
}
