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

  has([a, b, c, d]: NonceHash): boolean {
    return this.#words[this.#placeOf(a, b, c, d) + 3] !== 0;
  }

  /** Adds a hash that is not in the table. */
  add([a, b, c, d]: NonceHash): void {
    const places = this.#mask + 1;
    if ((this.#size + 1) * FULL_DENOMINATOR > places * FULL_NUMERATOR) this.#grow();
    this.#put(a, b, c, d);
    this.#size += 1;
  }

  #put(a: number, b: number, c: number, d: number): void {
    const words = this.#words;
    const at = this.#placeOf(a, b, c, d);
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + 3] = d;
  }

  /** Where the hash is, or the empty place where it belongs. */
  #placeOf(a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    let place = a & this.#mask;
    for (;;) {
      const at = place * WORDS;
      if (words[at + 3] === 0) return at;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) {
        return at;
      }
      place = (place + 1) & this.#mask;
    }
  }

  #grow(): void {
    const before = this.#words;
    this.#mask = this.#mask * 2 + 1;
    this.#words = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += WORDS) {
      const last = before[at + 3] ?? 0;
      if (last !== 0) this.#put(before[at] ?? 0, before[at + 1] ?? 0, before[at + 2] ?? 0, last);
    }
  }
}
