// "Did you mean": the known name nearest to what was written, when it is near enough to be a slip of the keys.

const LENGTH_MAX = 100;
const SLIPS_MAX = 4;

/** The nearest candidate within a third of the longer one's length, at most 4 slips; for a beginning 4. Or null. */
export function nearest(written: string, candidates: Iterable<string>): string | null {
  if (written.length > LENGTH_MAX) return null;
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const third = Math.floor(Math.max(written.length, candidate.length) / 3);
    const limit = isBeginning(written, candidate) ? SLIPS_MAX : Math.min(SLIPS_MAX, third);
    const distance = slips(written.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Ready to append to a fix: ` (did you mean x?)`, or nothing. */
export function suggest(written: string, candidates: Iterable<string>): string {
  const found = nearest(written, candidates);
  return found === null ? '' : ` (did you mean ${found}?)`;
}

/** One is how the other begins: `warning` for `warn`. */
function isBeginning(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 4 && (a.startsWith(b) || b.startsWith(a));
}

/** Levenshtein distance with swaps of neighbours (optimal string alignment). */
function slips(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > SLIPS_MAX) return Infinity;
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (older[j - 2] ?? 0) + 1);
      row.push(least);
    }
    older = previous;
    previous = row;
  }
  return previous[b.length] ?? Infinity;
}
