// Columns that stand under each other, whatever is coloured: widths are counted in characters, colour comes after.
import type { Paint, Colour } from './paint.js';

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

/** Lines: the header, dimmed, then a line a row. A cell that is missing is a `-`. */
export function tableOf(
  header: readonly string[],
  rows: readonly (readonly (Cell | string | null)[])[],
  paint: Paint,
): readonly string[] {
  const cells = rows.map((row) => row.map(cellOf));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: readonly Cell[]): string =>
    row.map((cell, column) => padded(cell, column, row.length, widths, paint)).join('  ');
  const head = line(header.map((text) => ({ text })));
  return [paint('dim', head), ...cells.map(line)];
}

/** The last column is not padded: no line ends in white space. */
function padded(
  { text, colour }: Cell,
  column: number,
  columns: number,
  widths: readonly number[],
  paint: Paint,
): string {
  const space = column === columns - 1 ? '' : ' '.repeat((widths[column] ?? 0) - text.length);
  return (colour === undefined ? text : paint(colour, text)) + space;
}

function cellOf(cell: Cell | string | null): Cell {
  if (cell === null) return { text: '-' };
  return typeof cell === 'string' ? { text: cell } : cell;
}
