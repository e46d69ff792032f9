// One measured thing, of several programs in the same minute, round by round; and the table of all.
import { type Summary, summaryOf } from './statistics.js';

export interface Figure {
  /** `part.what`, which targets and the pages refer to. */
  readonly id: string;
  readonly text: string;
  readonly unit: string;
  /** By program; round N of one and round N of another were measured together. */
  readonly values: Readonly<Record<string, Summary>>;
}

/** Collects rounds. */
export class Rounds {
  readonly #samples = new Map<string, Map<string, number[]>>();
  readonly #texts: Readonly<Record<string, readonly [text: string, unit: string]>>;

  /** Text and unit by id. */
  constructor(texts: Readonly<Record<string, readonly [text: string, unit: string]>>) {
    this.#texts = texts;
  }

  add(id: string, program: string, value: number): void {
    const programs = this.#samples.get(id) ?? new Map<string, number[]>();
    this.#samples.set(id, programs);
    programs.set(program, [...(programs.get(program) ?? []), value]);
  }

  figures(): Figure[] {
    return [...this.#samples].map(([id, programs]) => {
      const [text = id, unit = ''] = this.#texts[id] ?? [];
      const values = [...programs].map(([name, samples]) => [name, summaryOf(samples)] as const);
      return { id, text, unit, values: Object.fromEntries(values) };
    });
  }
}

/** Of the medians; null where one of them was not measured. */
export function ratioOf(
  { values }: Pick<Figure, 'values'>,
  program: string,
  baseline: string,
): number | null {
  const [one, other] = [values[program], values[baseline]];
  return one === undefined || other === undefined || other.median === 0
    ? null
    : one.median / other.median;
}

/** One line for each program of each figure. */
export function tableOf(figures: readonly Figure[]): string {
  const lines = figures.flatMap(({ text, unit, values }) => [
    `${text} (${unit})`,
    ...Object.entries(values).map(([program, { median, min, max, samples }]) => {
      const spread = samples.length > 1 ? `${min} to ${max}, ${samples.length} rounds` : '';
      return `  ${program.padEnd(34)}${String(median).padStart(10)}   ${spread}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}
