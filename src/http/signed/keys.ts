// The keys that verify a request to the API: of each token what is current, pending and superseded, and those that
// only just stopped (so that one is refused by name and Vault is not asked for it). Rebuilt when a snapshot changed,
// shared by all requests until then.
import { Keyring, type KeyringEntry, type KeyRole } from '../../signature/index.js';
import type { KeyObject } from 'node:crypto';
import type { AgentToken } from '../../token/agent-token.js';
import type { TokenSnapshot } from '../../token/snapshot.js';
import type { ApiToken, TokenLook } from './api-token.js';
import type { ClientDirectory, ClientDocument, NamedClient } from './named-client.js';

/** All keys at one instant, with the looks they came from. */
export interface KeySet {
  readonly keyring: Keyring;
  readonly entries: readonly HeldKey[];
  look(token: string): TokenLook | null;
  /** The keys of one token alone: a named client's key is for the agent's API. */
  ofToken(name: string): Keyring;
  client(id: string): NamedClient | null;
}

export interface HeldKey extends KeyringEntry {
  readonly key: KeyObject;
  readonly role: KeyRole;
  readonly versions: readonly number[];
}

/** Remembered of each token, and of each client, after they stopped. */
const RETIRED_MAX = 4;
const RETIRED_OWNERS_MAX = 1024;
/** Versions of one generation that a `keyid` may name; older ones count as not held. */
const VERSIONS_MAX = 256;

export class Keys {
  readonly #tokens: readonly ApiToken[];
  readonly #clients: ClientDirectory | null;
  /** By token or `client:id`: one that went stays known. */
  readonly #retired = new Map<string, readonly HeldKey[]>();
  #held: ReadonlyMap<string, readonly HeldKey[]> = new Map();
  #seen: readonly TokenLook[] = [];
  #seenClients: ClientDocument | null = null;
  #rings: Rings = ringsOf([]);

  constructor(tokens: readonly ApiToken[], clients: ClientDirectory | null) {
    this.#tokens = tokens;
    this.#clients = clients;
  }

  current(): KeySet {
    const looks = this.#tokens.map((token) => token.look());
    const clients = this.#clients?.current() ?? null;
    if (clients !== this.#seenClients || !areSame(looks, this.#seen)) {
      this.#rebuild(looks, clients?.clients ?? new Map());
      this.#seenClients = clients;
    }
    this.#seen = looks;
    return new LookedAt(this.#rings, this.#tokens, looks, clients);
  }

  #rebuild(looks: readonly TokenLook[], clients: ReadonlyMap<string, NamedClient>): void {
    const held = new Map<string, readonly HeldKey[]>();
    this.#tokens.forEach(({ name }, at) => {
      const look = looks[at];
      held.set(name, look && isAccepted(look) ? heldKeys(name, look.snapshot) : []);
    });
    for (const [id, { keys }] of clients) held.set(`client:${id}`, keys);
    for (const owner of new Set([...held.keys(), ...this.#held.keys()])) {
      this.#retire(owner, held.get(owner) ?? []);
    }
    this.#held = held;
    this.#rings = ringsOf([...[...held.values()].flat(), ...[...this.#retired.values()].flat()]);
  }

  /** Remembers what `owner` (a token's name or `client:id`) had until now and has no more. */
  #retire(owner: string, held: readonly HeldKey[]): void {
    const before = [...(this.#held.get(owner) ?? []), ...(this.#retired.get(owner) ?? [])];
    const retired = before
      .filter(({ key }) => !held.some((one) => one.key.equals(key)))
      .filter(({ key }, at, all) => all.findIndex((one) => one.key.equals(key)) === at)
      .slice(0, RETIRED_MAX)
      .map((one): HeldKey => ({ ...one, role: 'superseded', usableUntil: 0 }));
    if (retired.length === 0) this.#retired.delete(owner);
    else this.#retired.set(owner, retired);
    const [oldest] = this.#retired.keys();
    if (oldest !== undefined && this.#retired.size > RETIRED_OWNERS_MAX)
      this.#retired.delete(oldest);
  }
}

/** What is built when a key came or went. */
interface Rings {
  readonly keyring: Keyring;
  readonly entries: readonly HeldKey[];
  /** By token, made when it is asked for. */
  readonly ofToken: Map<string, Keyring>;
}

function ringsOf(entries: readonly HeldKey[]): Rings {
  return { keyring: new Keyring(entries), entries, ofToken: new Map() };
}

class LookedAt implements KeySet {
  readonly #rings: Rings;
  readonly #tokens: readonly ApiToken[];
  readonly #looks: readonly TokenLook[];
  readonly #clients: ClientDocument | null;

  constructor(
    rings: Rings,
    tokens: readonly ApiToken[],
    looks: readonly TokenLook[],
    clients: ClientDocument | null,
  ) {
    this.#rings = rings;
    this.#tokens = tokens;
    this.#looks = looks;
    this.#clients = clients;
  }

  get keyring(): Keyring {
    return this.#rings.keyring;
  }

  get entries(): readonly HeldKey[] {
    return this.#rings.entries;
  }

  look(token: string): TokenLook | null {
    return this.#looks[this.#tokens.findIndex(({ name }) => name === token)] ?? null;
  }

  ofToken(name: string): Keyring {
    const { ofToken, entries } = this.#rings;
    const held = ofToken.get(name);
    if (held !== undefined) return held;
    const made = new Keyring(entries.filter((entry) => entry.name === name));
    ofToken.set(name, made);
    return made;
  }

  client(id: string): NamedClient | null {
    return this.#clients?.clients.get(id) ?? null;
  }
}

/** Whether nothing that decides about keys has changed. */
function areSame(looks: readonly TokenLook[], before: readonly TokenLook[]): boolean {
  if (looks.length !== before.length) return false;
  return looks.every(({ snapshot, isUsable }, at) => {
    const other = before[at];
    return snapshot === other?.snapshot && isUsable === other.isUsable;
  });
}

/** What time alone or an operator took away still lets superseded ones verify; past `max_stale` nothing does. */
function isAccepted({ snapshot, isUsable }: TokenLook): boolean {
  return isUsable || snapshot.current === null;
}

function heldKeys(
  name: string,
  { current, pending, superseded }: TokenSnapshot,
): readonly HeldKey[] {
  return [
    ...(current === null ? [] : [heldKey(name, 'current', current)]),
    ...pending.map((one) => heldKey(name, 'pending', one)),
    ...superseded.map((one) => ({
      ...heldKey(name, 'superseded', one),
      usableUntil: one.usableUntil / 1000,
    })),
  ];
}

interface Versioned {
  readonly value: AgentToken;
  readonly version: number | null;
  readonly firstVersion: number | null;
}

function heldKey(name: string, role: KeyRole, token: Versioned): HeldKey {
  return { name, role, key: token.value.key, versions: versionsOf(token) };
}

function versionsOf({ version, firstVersion }: Versioned): readonly number[] {
  if (version === null) return [];
  const first = Math.max(firstVersion ?? version, version - VERSIONS_MAX + 1);
  return Array.from({ length: Math.max(1, version - first + 1) }, (_, at) => version - at);
}

/** As a `keyid` names him: a token's name or `client:id`. */
export function ownerOf({ name, client }: KeyringEntry): string {
  return name ?? `client:${client ?? ''}`;
}
