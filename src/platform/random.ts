// Randomness, as an argument, so that jitter can be seeded in a test.

/** A uniform number in [0, 1). Not for secrets: those come from `node:crypto`. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
