// The nonces of one caller, remembered for as long as a request with them could still be fresh. Bounded: full means
// refuse; a live nonce is never evicted to make room. Two generations by the window in which `created` falls, each
// one span of freshness wide, so that forgetting is dropping a table. Time is an argument; every step is synchronous.
import { hash } from 'node:crypto';
import { NonceTable } from './nonce-table.js';
import type { NonceHash } from './nonce-table.js';

export interface ReplayWindow {
  /** As in the policy the requests are checked by. */
  readonly maxSkewSeconds: number;
  readonly aheadSeconds: number;
}

export interface ReplayPartitionOptions extends ReplayWindow {
  /** Nonces held at once. */
  readonly capacity: number;
  /** Random for each process, so that nobody can choose nonces whose hashes collide in the table. */
  readonly salt: string;
  /** `created` at or before this is refused as forgotten. */
  readonly forgottenUpToSeconds?: number;
}

/**
 * `claimed`: not seen before, now remembered. `replay`: seen. `full`: no room for a live nonce. `forgotten`: so old
 * that its nonce may have been seen and forgotten.
 */
export type ClaimOutcome = 'claimed' | 'replay' | 'full' | 'forgotten';

export class ReplayPartition {
  /** Nonces held at once; lowering it below `size` refuses until enough have gone. */
  capacity: number;
  readonly #salt: string;
  readonly #maxSkewSeconds: number;
  readonly #spanSeconds: number;
  #older: Generation | undefined;
  #newer: Generation | undefined;
  #forgottenUpToSeconds: number;

  constructor(options: ReplayPartitionOptions) {
    this.capacity = options.capacity;
    this.#salt = options.salt;
    this.#maxSkewSeconds = options.maxSkewSeconds;
    this.#spanSeconds = options.maxSkewSeconds + options.aheadSeconds + 1;
    this.#forgottenUpToSeconds = options.forgottenUpToSeconds ?? -Infinity;
  }

  get size(): number {
    return (this.#older?.table.size ?? 0) + (this.#newer?.table.size ?? 0);
  }

  /** Newest `created` whose nonce is no longer known; -Infinity when nothing was forgotten. */
  get forgottenUpToSeconds(): number {
    return this.#forgottenUpToSeconds;
  }

  /** Newest `created` seen at all. */
  get newestCreatedSeconds(): number {
    const held = [this.#older, this.#newer].map((one) => one?.newestCreatedSeconds ?? -Infinity);
    return Math.max(this.#forgottenUpToSeconds, ...held);
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return (this.#older?.table.bytes ?? 0) + (this.#newer?.table.bytes ?? 0);
  }

  /** What a nonce is remembered by, for who asks about it twice. */
  hashOf(nonce: string): NonceHash {
    // as text: a buffer of its own costs more than the hash
    const digest = hash('sha256', this.#salt + nonce, 'binary');
    return [word(digest, 0), word(digest, 4), word(digest, 8), (word(digest, 12) | 1) >>> 0];
  }

  /** Whether the nonce is remembered; claims nothing. */
  has(nonce: string | NonceHash): boolean {
    return this.#holds(this.#hashed(nonce));
  }

  /**
   * Check and set in one step: of any number of equal nonces one is claimed.
   * @param createdSeconds of a signature that is fresh at `nowSeconds`
   */
  claim(nonce: string | NonceHash, createdSeconds: number, nowSeconds: number): ClaimOutcome {
    if (createdSeconds <= this.#forgottenUpToSeconds) return 'forgotten';
    const hash = this.#hashed(nonce);
    if (this.#holds(hash)) return 'replay';
    this.#forgetStale(Math.floor(nowSeconds));
    if (this.size >= this.capacity) return 'full';
    const generation = this.#generationFor(createdSeconds);
    if (typeof generation === 'string') return generation;
    generation.table.add(hash);
    generation.newestCreatedSeconds = Math.max(generation.newestCreatedSeconds, createdSeconds);
    return 'claimed';
  }

  #hashed(nonce: string | NonceHash): NonceHash {
    return typeof nonce === 'string' ? this.hashOf(nonce) : nonce;
  }

  #holds(hash: NonceHash): boolean {
    return (this.#newer?.table.has(hash) ?? false) || (this.#older?.table.has(hash) ?? false);
  }

  /** Drops a generation once every `created` in it is too old to be accepted. */
  #forgetStale(nowSeconds: number): void {
    if (this.#older !== undefined && this.#isStale(this.#older, nowSeconds)) {
      this.#forget(this.#older);
      this.#older = undefined;
    }
    if (this.#newer !== undefined && this.#isStale(this.#newer, nowSeconds)) {
      this.#forget(this.#newer);
      this.#newer = this.#older;
      this.#older = undefined;
    }
  }

  #isStale(generation: Generation, nowSeconds: number): boolean {
    return generation.newestCreatedSeconds + this.#maxSkewSeconds < nowSeconds;
  }

  #forget(generation: Generation): void {
    this.#forgottenUpToSeconds = Math.max(
      this.#forgottenUpToSeconds,
      generation.newestCreatedSeconds,
    );
  }

  /** Live requests span at most two windows; a third one means that the clock was stepped back. */
  #generationFor(createdSeconds: number): Generation | 'full' | 'forgotten' {
    const window = Math.floor(createdSeconds / this.#spanSeconds);
    if (this.#newer?.window === window) return this.#newer;
    if (this.#older?.window === window) return this.#older;
    if (this.#newer === undefined) return (this.#newer = generationOf(window));
    if (this.#older !== undefined) return window > this.#newer.window ? 'full' : 'forgotten';
    if (window < this.#newer.window) return (this.#older = generationOf(window));
    this.#older = this.#newer;
    return (this.#newer = generationOf(window));
  }
}

interface Generation {
  readonly window: number;
  readonly table: NonceTable;
  newestCreatedSeconds: number;
}

/** Four bytes of a digest whose characters are its bytes. */
function word(digest: string, at: number): number {
  const low = digest.charCodeAt(at) | (digest.charCodeAt(at + 1) << 8);
  return (low | (digest.charCodeAt(at + 2) << 16) | (digest.charCodeAt(at + 3) << 24)) >>> 0;
}

function generationOf(window: number): Generation {
  return { window, table: new NonceTable(), newestCreatedSeconds: -Infinity };
}
