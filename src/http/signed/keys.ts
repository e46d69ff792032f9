// The keys that verify a request to the API: of each token what is current, pending and superseded, and those that
// only just stopped (so that one is refused by name and Vault is not asked for it). Rebuilt when a snapshot changed,
// shared by all requests until then.
import {
  Keyring,
  verifyMac,
  type KeyringEntry,
  type KeyRole,
  type MacVerified,
  type ParsedSignature,
} from '../../signature/index.js';
import type { KeyObject } from 'node:crypto';
import type { AgentToken } from '../../token/agent-token.js';
import type { TokenSnapshot } from '../../token/snapshot.js';
import type { ApiToken, TokenLook } from './api-token.js';
import type { ClientDirectory, NamedClient } from './named-client.js';

/** All keys at one instant, with the looks they came from. */
export interface KeySet {
  readonly keyring: Keyring;
  readonly entries: readonly HeldKey[];
  look(token: string): TokenLook | null;
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
  #seen: readonly unknown[] = [];
  #entries: readonly HeldKey[] = [];
  #keyring = new Keyring([]);

  constructor(tokens: readonly ApiToken[], clients: ClientDirectory | null) {
    this.#tokens = tokens;
    this.#clients = clients;
  }

  current(): KeySet {
    const looks = new Map(this.#tokens.map((token) => [token.name, token.look()]));
    const clients = this.#clients?.current() ?? null;
    const seen = [
      clients,
      ...[...looks.values()].flatMap(({ snapshot, isUsable }) => [snapshot, isUsable]),
    ];
    if (seen.length !== this.#seen.length || seen.some((one, at) => one !== this.#seen[at])) {
      this.#rebuild(looks, clients?.clients ?? new Map());
      this.#seen = seen;
    }
    return {
      keyring: this.#keyring,
      entries: this.#entries,
      look: (token) => looks.get(token) ?? null,
      client: (id) => clients?.clients.get(id) ?? null,
    };
  }

  #rebuild(looks: ReadonlyMap<string, TokenLook>, clients: ReadonlyMap<string, NamedClient>): void {
    const held = new Map<string, readonly HeldKey[]>();
    for (const [name, look] of looks) {
      held.set(name, isAccepted(look) ? heldKeys(name, look.snapshot) : []);
    }
    for (const [id, { keys }] of clients) held.set(`client:${id}`, keys);
    for (const owner of new Set([...held.keys(), ...this.#held.keys()])) {
      this.#retire(owner, held.get(owner) ?? []);
    }
    this.#held = held;
    this.#entries = [...[...held.values()].flat(), ...[...this.#retired.values()].flat()];
    this.#keyring = new Keyring(this.#entries);
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

/** The key that a request was verified by. */
export function verifyingKey(
  { entries }: KeySet,
  mac: MacVerified,
  parsed: Pick<ParsedSignature, 'base' | 'mac' | 'keyid'>,
): KeyObject | null {
  const possible = entries.filter(
    (entry) =>
      ownerOf(entry) === mac.caller &&
      entry.role === mac.key &&
      (Math.max(0, ...entry.versions) || null) === mac.version &&
      entry.usableUntil !== 0,
  );
  if (possible.length <= 1) return possible[0]?.key ?? null;
  // several without a version: static tokens
  return possible.find((entry) => verifyMac(parsed, new Keyring([entry]), 0).ok)?.key ?? null;
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
