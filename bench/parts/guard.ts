// Ratios against those that are committed: a program that became a quarter worse is found, three times in a row, so that
// a busy machine is not taken for it.
import { type Figure, ratioOf } from './figure.js';
import { type Outcome, targets } from './targets.js';

const WORSE = 1.25;
export const TRIES = 3;

/** The targets whose ratio is by more than a quarter worse than in `committed`. Limits in units are not compared. */
export function regressions(
  measured: readonly Figure[],
  committed: readonly Figure[],
): readonly Pick<Outcome, 'text'>[] {
  return targets.filter(({ figure, against, isAtLeast = false }) => {
    if (against === null) return false;
    const ratio = (figures: readonly Figure[]): number | null => {
      const found = figures.find(({ id }) => id === figure);
      return found === undefined ? null : ratioOf(found, 'keytender', against);
    };
    const [now, before] = [ratio(measured), ratio(committed)];
    if (now === null || before === null) return false;
    return isAtLeast ? now * WORSE < before : now > before * WORSE;
  });
}
