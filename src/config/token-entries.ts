// Entries of `tokens` while they are collected: a name, and fields under it.
import type { Findings } from './findings.js';
import type { Layer } from './layer.js';
import { tokenSettings } from './settings.js';
import { suggest } from './suggestion.js';

/** Makes the token known, also without any field. */
export function addToken(layer: Layer, name: string, findings: Findings): boolean {
  if (layer.tokens.has(name)) return true;
  const problem = nameProblem(name);
  if (problem !== null) {
    findings.problem(`tokens.${name}`, problem.message, problem.fix);
    return false;
  }
  layer.tokens.set(name, new Map());
  return true;
}

export function addTokenField(
  layer: Layer,
  name: string,
  field: string,
  value: unknown,
  findings: Findings,
): void {
  if (!addToken(layer, name, findings)) return;
  const key = `tokens.${name}.${field}`;
  if (!Object.hasOwn(tokenSettings, field)) {
    const known = Object.keys(tokenSettings);
    const fix = `write one of ${known.join(', ')}${suggest(field, known)}`;
    findings.problem(key, 'is not a setting of a token', fix);
    return;
  }
  const fields = layer.tokens.get(name);
  const entry = { name: key, value };
  fields?.set(field, [...(fields.get(field) ?? []), entry]);
}

function nameProblem(name: string): { message: string; fix: string } | null {
  if (name === 'client') {
    return {
      message: 'is a reserved name: a keyid that starts with client: belongs to a named client',
      fix: 'choose another name and give the place as its path',
    };
  }
  if (/^[a-z0-9-]{1,63}$/.test(name)) return null;
  const message = name.includes('/')
    ? 'has a slash in its name: a name is not a path'
    : 'has a name that is not 1 to 63 of a-z, 0-9 and -';
  const proposal = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  const renamed = proposal === '' ? 'my-token' : proposal;
  return { message, fix: `call it tokens.${renamed} and give the place as tokens.${renamed}.path` };
}
