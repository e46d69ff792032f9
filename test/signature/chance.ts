// Randomness that a seed repeats.

export const SEED = Number(
  process.env['KEYTENDER_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32),
);

const random = mulberry32(SEED);

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function below(limit: number): number {
  return Math.floor(random() * limit);
}

export function chance(probability: number): boolean {
  return random() < probability;
}

export function pick<T>(from: readonly T[]): T {
  return from[below(from.length)]!;
}

export function shuffle<T>(from: readonly T[]): T[] {
  return from
    .map((value): [number, T] => [random(), value])
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}
