// What a run leaves: bench/results/latest.json, and the tables of docs/performance.md and README.md made from it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { format, resolveConfig } from 'prettier';
import { type Figure, ratioOf } from './figure.js';
import { outcomesOf } from './targets.js';

export const RESULTS = 'bench/results/latest.json';

export interface Results {
  readonly node: string;
  readonly cores: number;
  readonly isFull: boolean;
  readonly figures: readonly Figure[];
}

export function resultsOf(figures: readonly Figure[], isFull: boolean): Results {
  return { node: process.version, cores: cpus().length, isFull, figures };
}

/** The figures of parts that were measured anew, in the place of the older ones. Throws for another Node.js. */
export function withMeasured(results: Results, measured: readonly Figure[]): Results {
  if (results.node !== process.version) {
    throw new Error(`the other parts were measured on ${results.node}: run them all`);
  }
  const anew = new Map(measured.map((figure) => [figure.id, figure]));
  const older = new Set(results.figures.map(({ id }) => id));
  return {
    ...results,
    figures: [
      ...results.figures.map((figure) => anew.get(figure.id) ?? figure),
      ...measured.filter(({ id }) => !older.has(id)),
    ],
  };
}

export function readResults(): Results {
  return JSON.parse(readFileSync(RESULTS, 'utf8')) as Results;
}

export async function writeResults(results: Results): Promise<void> {
  mkdirSync('bench/results', { recursive: true });
  const options = await resolveConfig(RESULTS);
  writeFileSync(RESULTS, await format(JSON.stringify(results), { ...options, filepath: RESULTS }));
}

/** Every page with tables of a run: its name, and what is between each pair of markers. */
export function tables(results: Results): readonly (readonly [page: string, Table])[] {
  return [
    ['docs/performance.md', { name: 'targets', lines: targetLines(results) }],
    ['docs/performance.md', { name: 'figures', lines: figureLines(results) }],
    ['README.md', { name: 'numbers', lines: readmeLines(results) }],
  ];
}

interface Table {
  readonly name: string;
  readonly lines: readonly string[];
}

export function updatePages(results: Results): void {
  for (const [page, table] of tables(results)) {
    writeFileSync(page, withTable(readFileSync(page, 'utf8'), table));
  }
}

/** The text with the table between its markers. Throws where there are none. */
export function withTable(text: string, { name, lines }: Table): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`no ${begin}`);
  return `${text.slice(0, from + begin.length)}\n\n${lines.join('\n')}\n\n${text.slice(to)}`;
}

function targetLines({ figures }: Results): readonly string[] {
  const rows = outcomesOf(figures).map(
    ({ text, against, limit, isAtLeast = false, found, isMet }) => [
      text,
      against === null ? '–' : `\`${against}\``,
      `${isAtLeast ? '≥' : '≤'} ${limit}`,
      found === null ? '–' : String(found),
      isMet === null ? 'not in this run' : isMet ? 'yes' : '**no**',
    ],
  );
  return tableLines([['what', 'against', 'target', 'found', 'met'], ...rows]);
}

function figureLines({ figures }: Results): readonly string[] {
  const rows = figures.flatMap(({ text, unit, values }) =>
    Object.entries(values).map(([program, { median, min, max, samples }], at) => [
      at === 0 ? `${text}${unit === '' ? '' : `, ${unit}`}` : '',
      program,
      String(median),
      samples.length > 1 ? `${min} to ${max}` : '',
    ]),
  );
  return tableLines([['what', 'program', 'median', 'from, to'], ...rows]);
}

const README_ROWS = [
  ['memory.rss', 'Memory, idle', 'MB'],
  ['start.readyz', 'Start, to ready with a token from Vault', 'ms'],
  ['throughput.signed', 'Signed requests a second', ''],
  ['rotation.on-demand.p50', 'Rotation: written to accepted', 'ms'],
] as const;

function readmeLines({ figures }: Results): readonly string[] {
  const rows = README_ROWS.flatMap(([id, text, unit]) => {
    const figure = figures.find((one) => one.id === id);
    if (figure === undefined) return [];
    const shown = (value = Number.NaN) =>
      `${value >= 10 ? Math.round(value) : value} ${unit}`.trim();
    const others = Object.entries(figure.values)
      .filter(([program]) => program !== 'keytender')
      .map(([program, { median }]) => {
        const ratio = ratioOf(figure, 'keytender', program)?.toPrecision(2) ?? '';
        return `${program} ${shown(median)} (× ${ratio})`;
      });
    return [[text, shown(figure.values['keytender']?.median), others.join(', ')]];
  });
  return tableLines([['', 'keytender', 'beside it, in the same minute'], ...rows]);
}

/** As the formatter of this repository writes a table. */
function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const [head = []] = rows;
  const widths = head.map((_, at) => Math.max(3, ...rows.map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(head), rule, ...rows.slice(1).map(line)];
}
