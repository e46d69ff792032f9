// Counts of what happens at every request, kept as plain numbers and handed to the counter when somebody scrapes: the
// metrics library writes all labels into a text and looks that up each time something is counted.
import type Counter from 'prom-client/lib/counter.js';

/** How often these label values were seen since the last scrape. */
interface Cell {
  readonly labels: Record<string, string>;
  seen: number;
}

/** The way to a cell, a label value a step. */
interface Place {
  readonly next: Map<string, Place>;
  cell: Cell | null;
}

export class Tally {
  readonly #counter: Counter;
  readonly #names: readonly string[];
  readonly #root: Place = emptyPlace();
  readonly #cells: Cell[] = [];

  /** `names`: the counter's labels, in the order in which `count` is given their values. */
  constructor(counter: Counter, names: readonly string[]) {
    this.#counter = counter;
    this.#names = names;
  }

  /** One more. The values come from closed lists, as labels do. */
  count(values: readonly string[]): void {
    let place = this.#root;
    for (const value of values) {
      let next = place.next.get(value);
      if (next === undefined) {
        next = emptyPlace();
        place.next.set(value, next);
      }
      place = next;
    }
    place.cell ??= this.#newCell(values);
    place.cell.seen += 1;
  }

  /** Hands over what was counted. */
  flush(): void {
    for (const cell of this.#cells) {
      if (cell.seen > 0) this.#counter.inc(cell.labels, cell.seen);
      cell.seen = 0;
    }
  }

  #newCell(values: readonly string[]): Cell {
    const labels = Object.fromEntries(this.#names.map((name, at) => [name, values[at] ?? '']));
    const cell = { labels, seen: 0 };
    this.#cells.push(cell);
    return cell;
  }
}

function emptyPlace(): Place {
  return { next: new Map(), cell: null };
}
