// Every living Vault token, by id and by accessor. A token that is used up, past its end or whose parent went is gone
// from here and from then on like one that never was.
import { randomBytes } from 'node:crypto';
import { NANOS_PER_MS, type Nanos, type ServerClock } from '../instant.js';
import type { TokenEntry } from './token-entry.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** What a token says of its uses while it is used for the last time. */
const LAST_USE = -1;

/** Random letters and digits. */
export function randomName(length: number): string {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

export type NewToken = Omit<
  TokenEntry,
  'id' | 'accessor' | 'createdAt' | 'expiresAt' | 'lastRenewedAt' | 'usesLeft' | 'ttlSeconds'
> & { readonly id?: string | undefined };

export class TokenStore {
  readonly #clock: ServerClock;
  readonly #byId = new Map<string, TokenEntry>();
  readonly #byAccessor = new Map<string, TokenEntry>();

  constructor(clock: ServerClock) {
    this.#clock = clock;
  }

  /** Makes a token; `creationTtlSeconds` 0 means it never expires. */
  create(wanted: NewToken): TokenEntry {
    const createdAt = this.#clock.stamp();
    const suffix = wanted.namespace === '' ? '' : `.${wanted.namespace.replaceAll('/', '')}`;
    const letter = wanted.type === 'batch' ? 'b' : 's';
    const entry: TokenEntry = {
      ...wanted,
      id: wanted.id ?? `${letter}.${randomName(24)}${suffix}`,
      accessor: wanted.type === 'batch' ? '' : `${randomName(24)}${suffix}`,
      createdAt,
      expiresAt: endOf(createdAt, wanted.creationTtlSeconds),
      lastRenewedAt: undefined,
      ttlSeconds: wanted.creationTtlSeconds,
      usesLeft: wanted.numUses,
    };
    this.#byId.set(entry.id, entry);
    if (entry.accessor !== '') this.#byAccessor.set(entry.accessor, entry);
    return entry;
  }

  has(id: string): boolean {
    return this.find(id) !== undefined;
  }

  /** The living token with this id. */
  find(id: string): TokenEntry | undefined {
    const entry = this.#byId.get(id);
    if (entry?.expiresAt === undefined || entry.expiresAt > this.#now()) return entry;
    this.revoke(entry);
    return undefined;
  }

  findByAccessor(accessor: string): TokenEntry | undefined {
    const entry = this.#byAccessor.get(accessor);
    return entry === undefined ? undefined : this.find(entry.id);
  }

  accessors(): string[] {
    return [...this.#byAccessor.values()]
      .filter((entry) => this.find(entry.id) !== undefined)
      .map((entry) => entry.accessor);
  }

  /** Counts one use; true when it was the last, and the token is to be revoked after it. */
  use(entry: TokenEntry): boolean {
    if (entry.usesLeft <= 0) return false;
    entry.usesLeft = entry.usesLeft === 1 ? LAST_USE : entry.usesLeft - 1;
    return entry.usesLeft === LAST_USE;
  }

  renew(entry: TokenEntry, ttlSeconds: number): void {
    entry.lastRenewedAt = this.#clock.stamp();
    entry.ttlSeconds = ttlSeconds;
    entry.expiresAt = endOf(entry.lastRenewedAt, ttlSeconds);
  }

  /** The token and everything made with it. */
  revoke(entry: TokenEntry): void {
    this.revokeAlone(entry);
    for (const child of this.#byId.values()) {
      if (child.parent === entry.id) this.revoke(child);
    }
  }

  revokeAlone(entry: TokenEntry): void {
    this.#byId.delete(entry.id);
    this.#byAccessor.delete(entry.accessor);
  }

  revokeWhere(matches: (entry: TokenEntry) => boolean): void {
    for (const entry of [...this.#byId.values()]) {
      if (matches(entry)) this.revoke(entry);
    }
  }

  /** Between the second it was created in and this one, as Vault counts. */
  ageSeconds(entry: TokenEntry): number {
    const second = 1_000_000_000n;
    return Number(this.#now() / second - entry.createdAt / second);
  }

  /** Whole seconds left as Vault counts them, from now rounded to the second; 0 for a token without an end. */
  ttlSeconds(entry: TokenEntry): number {
    if (entry.expiresAt === undefined) return 0;
    const now = Math.round(this.#clock.nowMs() / 1000);
    return Math.max(0, Math.trunc(Number(entry.expiresAt) / 1e9 - now));
  }

  #now(): Nanos {
    return BigInt(Math.trunc(this.#clock.nowMs())) * NANOS_PER_MS;
  }
}

function endOf(from: Nanos, ttlSeconds: number): Nanos | undefined {
  return ttlSeconds === 0 ? undefined : from + BigInt(Math.round(ttlSeconds)) * 1_000_000_000n;
}
