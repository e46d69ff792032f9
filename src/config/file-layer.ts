// Settings from a file: YAML 1.2 (and so JSON), one mapping, nested or with dotted keys. Refuses doubled and unknown
// keys, tags, several documents, and files beyond a size or depth. Parser messages are never passed on: they quote the file.
import { FileRefusal } from '../platform/files.js';
import type { FileReader } from '../platform/files.js';
import type { Findings } from './findings.js';
import { emptyLayer } from './layer.js';
import type { Entry, Layer } from './layer.js';
import { fileKeys, groups } from './names.js';
import { printable } from './problem.js';
import { settings } from './settings.js';
import { nearest } from './suggestion.js';
import { addToken, addTokenField } from './token-entries.js';

const SETTINGS_FILE_BYTES_MAX = 1_048_576;
const FIRST_MISTAKES = 5;

/** Null when the file as a whole could not be read; the findings say why. */
export async function fileLayer(
  path: string,
  files: FileReader,
  findings: Findings,
): Promise<Layer | null> {
  const text = await readText(path, files, findings);
  if (text === null) return null;
  const content = await parse(path, text, findings);
  if (content === undefined) return null;
  const layer: { -readonly [K in keyof Layer]: Layer[K] } = emptyLayer();
  for (const [key, value] of Object.entries(content)) visit(layer, key, value, findings);
  return layer;
}

async function readText(
  path: string,
  files: FileReader,
  findings: Findings,
): Promise<string | null> {
  try {
    const { bytes } = await files.read(path, SETTINGS_FILE_BYTES_MAX);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const [message, fix] = refusalText(error);
    findings.problem('--config', `${printable(path)} ${message}`, fix);
    return null;
  }
}

function refusalText(error: unknown): [string, string] {
  if (!(error instanceof FileRefusal)) return ['is not UTF-8 text', 'save it as UTF-8'];
  switch (error.reason) {
    case 'absent':
      return [error.message, 'create it, or correct the path after --config'];
    case 'forbidden':
      return [error.message, 'let the user that runs the agent read it (chown or chmod)'];
    case 'too_large':
      return [error.message, 'this is no settings file: correct the path after --config'];
    case 'not_a_file':
    case 'unreadable':
      return [error.message, 'name a YAML or JSON file after --config'];
  }
}

/** The file's mapping; an empty file is an empty one. Undefined when there is none. */
async function parse(path: string, text: string, findings: Findings): Promise<object | undefined> {
  // loaded where there is a settings file
  const { LineCounter, parseDocument } = await import('yaml');
  const name = printable(path);
  const lines = new LineCounter();
  const fix = 'write a mapping of settings in YAML or JSON, as in docs/configuration.md';
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error', // with 'silent' a second document would pass
    });
    for (const { code, pos } of [...document.errors, ...document.warnings].slice(
      0,
      FIRST_MISTAKES,
    )) {
      const { line, col } = lines.linePos(pos[0]);
      const [message, mend] = mistake(code);
      findings.problem('--config', `${name}, line ${line}, column ${col}: ${message}`, mend);
    }
    if (document.errors.length + document.warnings.length > 0) return undefined;
    const content: unknown = document.toJS({ maxAliasCount: 100 });
    if (content === null || content === undefined) return {};
    if (isMapping(content)) return content;
    findings.problem('--config', `${name} holds no mapping of settings`, fix);
  } catch {
    // nested too deep, or aliases that multiply: the parser's own message may quote the file
    findings.problem(
      '--config',
      `${name} cannot be taken apart: too deep, or aliases without end`,
      fix,
    );
  }
  return undefined;
}

function mistake(code: string): [string, string] {
  switch (code) {
    case 'DUPLICATE_KEY':
      return ['a key is there twice', 'remove one of them'];
    case 'MULTIPLE_DOCS':
      return ['a second document starts', 'keep one document in the file'];
    case 'TAB_AS_INDENT':
      return ['a tab indents the line', 'indent with spaces'];
    case 'TAG_RESOLVE_FAILED':
      return ['a tag is not known', 'remove it'];
    default:
      return [
        `this is neither YAML nor JSON (${code.toLowerCase().replaceAll('_', ' ')})`,
        'correct the line; put values that start with [ * & ! or @ or contain ": " in quotes',
      ];
  }
}

function visit(
  layer: { sinks: Entry | null } & Layer,
  key: string,
  value: unknown,
  findings: Findings,
): void {
  const named = fileKeys.get(key);
  if (named !== undefined) {
    if (value === null && !(settings[named.key].kind === 'list' && named.form === 'value')) return;
    layer.settings.push({ ...named, name: key, value });
  } else if (key === 'sinks') {
    layer.sinks = value === null ? null : { name: key, value };
  } else if (key === 'tokens' || key.startsWith('tokens.')) {
    visitTokens(layer, key.split('.').slice(1), value, findings);
  } else if (!groups.has(key)) {
    findings.problem(key, 'is not a setting', unknownKeyFix(key));
  } else if (isMapping(value)) {
    for (const [part, inner] of Object.entries(value))
      visit(layer, `${key}.${part}`, inner, findings);
  } else if (value !== null) {
    findings.problem(key, 'is not a mapping', `write the settings of ${key} under it, indented`);
  }
}

function visitTokens(
  layer: Layer,
  [name, ...rest]: readonly string[],
  value: unknown,
  findings: Findings,
): void {
  if (name !== undefined && rest.length > 0) {
    addTokenField(layer, name, rest.join('.'), value, findings);
    return;
  }
  if (name === undefined && value === null) return;
  const key = name === undefined ? 'tokens' : `tokens.${name}`;
  if (value !== null && !isMapping(value)) {
    findings.problem(key, 'is not a mapping', 'write tokens: { default: {}, other: { path: … } }');
    return;
  }
  const entries = Object.entries(value ?? {});
  if (name === undefined) {
    if (entries.length === 0) {
      findings.problem(
        key,
        'lists no token',
        'name at least one, or leave tokens out for the default one',
      );
    }
    for (const [each, fields] of entries) visitTokens(layer, [each], fields, findings);
    return;
  }
  if (!addToken(layer, name, findings)) return;
  for (const [field, one] of entries) {
    if (one !== null) addTokenField(layer, name, field, one, findings);
  }
}

/** What to do about a file key that is none. */
export function unknownKeyFix(key: string): string {
  const known = [...fileKeys.keys(), ...groups, 'tokens', 'sinks'];
  const ending = known.filter((one) => one.endsWith(`.${key}`));
  const near = ending.length === 1 ? (ending[0] ?? null) : nearest(key, known);
  if (near !== null) return `did you mean ${near}?`;
  return 'remove it, or look the key up in docs/configuration.md';
}

function isMapping(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}
