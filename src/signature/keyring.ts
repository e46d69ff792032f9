// The keys that a verifier holds, grouped by whom they belong to. Built once, immutable, replaced as a whole when a
// token rotates. Every group is tried at the width of the widest one, with a dummy key in the empty places, so that
// neither an unknown `keyid` nor the number of superseded keys shows in the time it takes.
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { secretKey } from './key.js';
import type { KeyInput } from './key.js';
import { parseKeyid } from './keyid.js';
import { SigningError } from './signing-error.js';

/** `current` signs; `pending` will; `superseded` verifies until its grace ends. */
export type KeyRole = 'current' | 'pending' | 'superseded';

export interface KeyringEntry {
  readonly key: KeyInput;
  /** The token's name, as in `keyid="name:version"`. This or `client`. */
  readonly name?: string;
  /** The client's id, as in `keyid="client:id:version"`. */
  readonly client?: string;
  /** Every version that has this value, in any order; none for a static token. */
  readonly versions?: readonly number[];
  /** Default: `current`. */
  readonly role?: KeyRole;
  /** Seconds since the epoch from which on it is refused as `retired_key`; default: never. */
  readonly usableUntil?: number;
}

export interface Candidate {
  readonly key: KeyObject;
  readonly caller: string;
  readonly role: KeyRole;
  /** Newest first. */
  readonly versions: readonly number[];
  readonly usableUntil: number;
}

/** Who a `keyid` names, and whether the version it names is one we hold (true when it names none). */
export interface KeyLookup {
  readonly candidates: readonly Candidate[];
  readonly caller: string | undefined;
  readonly version: number | undefined;
  readonly isVersionHeld: boolean;
}

export class Keyring {
  readonly #groups = new Map<string, Candidate[]>();
  /** How many MACs each verification computes. */
  readonly width: number;

  /** @throws SigningError `empty_key`, `malformed_key`, `malformed_value` (neither or both of name and client) */
  constructor(entries: readonly KeyringEntry[]) {
    for (const candidate of entries.map(candidateOf).sort(byRoleThenAge)) {
      const group = this.#groups.get(candidate.caller);
      if (group === undefined) this.#groups.set(candidate.caller, [candidate]);
      else group.push(candidate);
    }
    this.width = Math.max(1, ...[...this.#groups.values()].map((group) => group.length));
  }

  /** The candidates for a `keyid`; without one, those of the only group there is. */
  find(keyid: string | undefined): KeyLookup {
    if (keyid === undefined) return this.#only();
    const exact = this.#groups.get(keyid);
    if (exact !== undefined) return lookup(exact, keyid, undefined);
    const parsed = parseKeyid(keyid);
    if (parsed === undefined) return nothing;
    return lookup(this.#groups.get(parsed.caller) ?? [], parsed.caller, parsed.version);
  }

  #only(): KeyLookup {
    const [group] = this.#groups.values();
    if (group === undefined || this.#groups.size > 1) return nothing;
    return lookup(group, group[0]?.caller, undefined);
  }
}

/** What the empty places of a group are computed with. Its MACs are never accepted. */
export const dummyKey: KeyObject = createSecretKey(new Uint8Array(32).fill(0x2a));

const nothing: KeyLookup = {
  candidates: [],
  caller: undefined,
  version: undefined,
  isVersionHeld: false,
};

const roleOrder: Readonly<Record<KeyRole, number>> = { current: 0, pending: 1, superseded: 2 };

function lookup(
  candidates: readonly Candidate[],
  caller: string | undefined,
  version: number | undefined,
): KeyLookup {
  const isVersionHeld =
    candidates.length > 0 &&
    (version === undefined || candidates.some((candidate) => candidate.versions.includes(version)));
  return { candidates, caller, version, isVersionHeld };
}

function candidateOf(entry: KeyringEntry): Candidate {
  return {
    key: secretKey(entry.key),
    caller: callerOf(entry),
    role: entry.role ?? 'current',
    versions: [...(entry.versions ?? [])].sort((a, b) => b - a),
    usableUntil: entry.usableUntil ?? Infinity,
  };
}

function callerOf({ name, client }: KeyringEntry): string {
  const isOne = (name === undefined) !== (client === undefined);
  const isNamed = name !== '' && client !== '' && name !== 'client' && !name?.startsWith('client:');
  if (!isOne || !isNamed) {
    throw new SigningError('malformed_value', 'a key must belong to one name or one client');
  }
  return name ?? `client:${client ?? ''}`;
}

function byRoleThenAge(a: Candidate, b: Candidate): number {
  return roleOrder[a.role] - roleOrder[b.role] || (b.versions[0] ?? 0) - (a.versions[0] ?? 0);
}
