// A set of 128-bit hashes in one flat array, open addressing: 16 bytes a place and at most three quarters full, where
// a `Set` of strings needs about 90 bytes an entry and gives the collector an object for each.

const WORDS = 4;
const PLACES_MIN = 16;
const FULL_NUMERATOR = 3;
const FULL_DENOMINATOR = 4;

/** Four 32-bit words; the last is never zero, which marks an empty place. */
export type NonceHash = readonly [number, number, number, number];

export class NonceTable {
  #words = new Uint32Array(PLACES_MIN * WORDS);
  #mask = PLACES_MIN - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Bytes of the array behind it. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  has(hash: NonceHash): boolean {
    return !this.#isEmpty(this.#placeOf(hash));
  }

  /** Adds a hash that is not in the table. */
  add(hash: NonceHash): void {
    const places = this.#mask + 1;
    if ((this.#size + 1) * FULL_DENOMINATOR > places * FULL_NUMERATOR) this.#grow();
    this.#words.set(hash, this.#placeOf(hash));
    this.#size += 1;
  }

  /** Where the hash is, or the empty place where it belongs. */
  #placeOf([a, b, c, d]: NonceHash): number {
    const words = this.#words;
    let place = a & this.#mask;
    for (;;) {
      const at = place * WORDS;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) {
        return at;
      }
      if (this.#isEmpty(at)) return at;
      place = (place + 1) & this.#mask;
    }
  }

  #isEmpty(at: number): boolean {
    return this.#words[at + 3] === 0;
  }

  #grow(): void {
    const before = this.#words;
    this.#mask = this.#mask * 2 + 1;
    this.#words = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += WORDS) {
      const [a = 0, b = 0, c = 0, d = 0] = before.subarray(at, at + WORDS);
      if (d !== 0) this.#words.set([a, b, c, d], this.#placeOf([a, b, c, d]));
    }
  }
}
