// Just enough Markdown to hold a page to the code: its tables, headings, links and fenced blocks.
import { readFileSync } from 'node:fs';

export function page(path: string): string {
  return readFileSync(path, 'utf8');
}

export interface Block {
  /** The first word after the fence. */
  readonly language: string;
  /** The rest of that line: what a test does with it. */
  readonly mark: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

export function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^( *)```([a-z]*)(?: ([^\n`]*))?\n([^]*?)^\1```$/gm)].map((match) => {
    const [, indent = '', language = '', mark = '', body = ''] = match;
    return {
      language,
      mark: mark.trim(),
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line: text.slice(0, match.index).split('\n').length,
    };
  });
}

/** Without fenced blocks: what is left is prose. */
export function proseOf(text: string): string {
  return text.replaceAll(/^( *)```[^]*?^\1```$/gm, '');
}

/** What stands between backquotes in the prose. */
export function codeSpansOf(text: string): string[] {
  return [...proseOf(text).matchAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map(([, , code = '']) =>
    code.trim(),
  );
}

/** The rows of the first table after a heading, each a list of cells, without the head. */
export function tableUnder(text: string, heading: string): string[][] {
  const at = text.search(new RegExp(`^#+ ${escape(heading)}$`, 'm'));
  if (at < 0) throw new Error(`no heading "${heading}"`);
  const rows = /(?:^\|.*\|$\n?)+/m.exec(text.slice(at))?.[0].trimEnd().split('\n') ?? [];
  return rows.slice(2).map(cellsOf);
}

function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** As GitHub makes them of headings. */
export function anchorsOf(text: string): string[] {
  const headings = [...proseOf(text).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title);
  return headings.map((title) =>
    title
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

export interface Link {
  readonly path: string;
  readonly anchor: string;
}

/** Links that stay inside the repository. */
export function localLinksOf(text: string): Link[] {
  const targets = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { path, anchor };
    });
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
