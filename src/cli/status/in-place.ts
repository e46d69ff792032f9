// A view that takes the place of the one before it on a terminal. It counts the rows that the terminal made of the
// lines, and shows no more of them than the terminal has: what has scrolled away cannot be written over.
import { stripVTControlCharacters } from 'node:util';

export interface Screen {
  /** Of the terminal; undefined: not known. */
  readonly columns: number | undefined;
  readonly rows: number | undefined;
}

export interface Placed {
  /** To write, with what moves the cursor. */
  readonly text: string;
  /** For the next time. */
  readonly rows: number;
}

const COLUMNS = 80;

/** `text`: lines, each ended. `before`: the rows shown last time, 0 for none. */
export function inPlace(text: string, before: number, screen: Screen): Placed {
  const fitting = fit(text.split('\n').slice(0, -1), screen);
  const shown = fitting.lines.map((line) => `${line}\n`).join('');
  // up to the first row, and clear from there
  const home = before === 0 ? '' : `\u001b[${before}A\r\u001b[0J`;
  return { text: home + shown, rows: fitting.rows };
}

function fit(
  lines: readonly string[],
  { columns, rows }: Screen,
): { readonly lines: readonly string[]; readonly rows: number } {
  const width = columns !== undefined && columns > 0 ? columns : COLUMNS;
  // the cursor stands in a row of its own
  const height = rows !== undefined && rows > 1 ? rows - 1 : Infinity;
  const shown: string[] = [];
  let used = 0;
  for (const line of lines) {
    const needs = Math.max(1, Math.ceil(stripVTControlCharacters(line).length / width));
    if (used + needs > height) break;
    shown.push(line);
    used += needs;
  }
  return { lines: shown, rows: used };
}
