// The dev Vault with one status or error text changed: every such literal of its handlers, one mutant each. The whole
// of it is bundled once; a mutant is that text with one literal replaced, imported as a module of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { devVault } from '../../src/dev-vault/index.js';

export interface Mutant {
  /** Source file below src/dev-vault. */
  readonly file: string;
  readonly what: 'status' | 'text';
  readonly before: string;
  readonly after: string;
  /** The error text of the refusal it is in, placeholders cut out; empty where there is none. */
  readonly texts: readonly string[];
  /** Where the literal begins in the bundle, its quotes included, and its length. */
  readonly at: number;
  readonly length: number;
  readonly code: string;
}

/** Told the number of a mutant whenever its literal, unchanged, is evaluated. */
export const REACHED = '__keytenderReached';

/** The bundle in which nothing is changed, but every literal that a mutant changes tells that it is evaluated. */
export function reportingBundle(bundle: string, mutants: readonly Mutant[]): string {
  const last = mutants.map((mutant, index) => ({ ...mutant, index })).sort((a, b) => b.at - a.at);
  return last.reduce((code, { at, length, index }) => {
    const literal = code.slice(at, at + length);
    return `${code.slice(0, at)}(globalThis.${REACHED}(${index}), ${literal})${code.slice(at + length)}`;
  }, bundle);
}

export async function bundleDevVault(): Promise<string> {
  const entry = fileURLToPath(new URL('../../src/dev-vault/index.ts', import.meta.url));
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

/** Folders and files in which answers are made. */
const HANDLERS =
  /^src\/dev-vault\/((?:kv|token|auth|sys)\/.*|http\/(?:answer|dispatch|request-body|standby)\.ts|result\.ts|fields\.ts)$/;
/** A status in a refusal or an answer. */
const STATUS =
  /(?<=\brefuse\d*\(\s*|\bstatus: |\brefusedWith: |return \{ status: )([2-5][0-9]{2})\b/g;
/** A text that is long enough to be words: in quotes or backquotes, up to the first placeholder. */
const REFUSAL =
  /\brefuse\d*\(\s*[2-5][0-9]{2},\s*(?:oneError\d*\()?(?:"((?:[^"\\]|\\.)+)"|`((?:[^`\\]|\\.)+)`)/g;

/** Any other text of several words. */
const WORDS = /(?<=[=:?(,+]\s*|\breturn )(?:"((?:[^"\\\n]|\\.)+)"|`((?:[^`\\]|\\.)+)`)/g;

/** A text of several words outside a refusal is taken where `isRecorded` says that an answer with it was recorded. */
export function mutantsOf(
  bundle: string,
  isRecorded: (texts: readonly string[]) => boolean,
): Mutant[] {
  const mutants: Mutant[] = [];
  const parts = bundle.split(/^(\/\/ src\/dev-vault\/.*)$/m);
  let offset = parts[0]?.length ?? 0;
  for (let index = 1; index < parts.length; index += 2) {
    const name = parts[index] ?? '';
    const body = parts[index + 1] ?? '';
    const file = HANDLERS.exec(name.slice('// '.length))?.[1];
    if (file !== undefined) {
      mutants.push(...mutantsIn(bundle, file, offset + name.length, body, isRecorded));
    }
    offset += name.length + body.length;
  }
  return mutants;
}

function mutantsIn(
  bundle: string,
  file: string,
  offset: number,
  body: string,
  isRecorded: (texts: readonly string[]) => boolean,
): Mutant[] {
  const mutants: Mutant[] = [];
  const texts = [...body.matchAll(REFUSAL)].map((found) => {
    const quoted = found[1] ?? found[2] ?? '';
    return { quoted, start: found.index, end: found.index + found[0].length };
  });
  for (const found of body.matchAll(WORDS)) {
    const quoted = found[1] ?? found[2] ?? '';
    const start = found.index;
    const end = start + found[0].length;
    const parts = staticParts(quoted);
    const isInRefusal = texts.some((text) => end > text.start && start < text.end);
    if (!isInRefusal && parts.some((part) => part.includes(' ')) && isRecorded(parts)) {
      texts.push({ quoted, start, end });
    }
  }
  const replaced = (at: number, length: number, by: string): string =>
    bundle.slice(0, offset + at) + by + bundle.slice(offset + at + length);
  for (const found of body.matchAll(STATUS)) {
    const [before] = found;
    const after = before === '418' ? '419' : '418';
    const inside = texts.find(({ start, end }) => found.index > start && found.index < end);
    const own = inside === undefined ? [] : staticParts(inside.quoted);
    const code = replaced(found.index, before.length, after);
    const place = { at: offset + found.index, length: before.length };
    mutants.push({ file, what: 'status', before, after, texts: own, ...place, code });
  }
  for (const { quoted, end } of texts) {
    // The last letter of the text: beyond it there is only the closing quote.
    const at = end - 1 - quoted.length;
    const letter = quoted.search(/[a-z](?![^$]*\})/);
    if (letter === -1) continue;
    const after = `${quoted.slice(0, letter)}#${quoted.slice(letter + 1)}`;
    const code = replaced(at, quoted.length, after);
    const place = { at: offset + at - 1, length: quoted.length + 2 };
    const own = staticParts(quoted);
    mutants.push({ file, what: 'text', before: quoted, after, texts: own, ...place, code });
  }
  return mutants;
}

/** What a text says between its placeholders. */
function staticParts(quoted: string): string[] {
  return quoted
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replaceAll('\\"', '"').replaceAll("\\'", "'").replaceAll('\\n', '\n'))
    .filter((part) => part.trim().length > 3);
}

export class MutantLoader {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keytender-mutants-'));
  #count = 0;

  async load(code: string): Promise<typeof devVault> {
    this.#count += 1;
    const file = join(this.#folder, `mutant-${this.#count}.mjs`);
    writeFileSync(file, code);
    const module = (await import(pathToFileURL(file).href)) as { devVault: typeof devVault };
    return module.devVault;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
