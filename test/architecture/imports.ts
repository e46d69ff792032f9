// The import lines of src/, read as text: which file imports which, and which folder which.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

export interface Import {
  /** Relative to the repository, with slashes. */
  readonly from: string;
  /** A file of src/, or the name of a package or of a part of Node. */
  readonly to: string;
  /** `import type`: gone when the program runs. */
  readonly isType: boolean;
}

/** Every import of every file under src/, of types too. */
export function importsOfSource(): Import[] {
  return sourceFiles().flatMap((from) => {
    const text = readFileSync(from, 'utf8');
    const isType = (end: number): boolean =>
      /(?:import|export)\s+type\s[^;]*$/.test(text.slice(0, end).slice(-2000));
    return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName, pos }) => ({
      from,
      to: resolveImport(from, fileName),
      isType: isType(pos),
    }));
  });
}

export function sourceFiles(): string[] {
  return readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function resolveImport(from: string, name: string): string {
  if (!name.startsWith('.')) return name;
  return normalize(join(dirname(from), name)).replace(/\.js$/, '.ts');
}

/** The folder right under src/; for a file that lies there itself, its name without `.ts`. */
export function folderOf(file: string): string {
  const [, first = ''] = file.split('/');
  return first.replace(/\.ts$/, '');
}

/** Files that reach themselves, each as the way round. */
export function cyclesOf(imports: readonly Pick<Import, 'from' | 'to'>[]): string[][] {
  const edges = new Map<string, string[]>();
  for (const { from, to } of imports) edges.set(from, [...(edges.get(from) ?? []), to]);
  const done = new Set<string>();
  const cycles: string[][] = [];
  const walk = (file: string, way: readonly string[]): void => {
    const seenAt = way.indexOf(file);
    if (seenAt >= 0) cycles.push([...way.slice(seenAt), file]);
    if (seenAt >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) walk(next, [...way, file]);
    done.add(file);
  };
  for (const file of edges.keys()) walk(file, []);
  return cycles;
}
