// Reads a kustomization as `kustomize build` does, as far as ours go: resources, components, generated ConfigMaps, merge
// patches and JSON patches by target kind. Anything else is an error. kustomize.check.ts compares it with the real one.
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

interface Patch {
  readonly target: { readonly kind: string };
  readonly path?: string;
  readonly patch?: string;
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly Patch[];
  readonly configMapGenerator?: readonly { name: string; files: readonly string[] }[];
}

const known = ['apiVersion', 'kind', 'resources', 'components', 'patches', 'generatorOptions'];

export function buildKustomization(folder: string): Manifest[] {
  return build(folder, []);
}

function build(folder: string, above: readonly Manifest[]): Manifest[] {
  const file = read(join(folder, 'kustomization.yaml')) as Kustomization;
  for (const key of Object.keys(file)) {
    if (![...known, 'configMapGenerator'].includes(key)) throw new Error(`${folder}: ${key}`);
  }
  const own = (file.resources ?? []).flatMap((path) => resource(join(folder, path)));
  const generated = (file.configMapGenerator ?? []).map((it) => configMap(folder, it));
  const all = [...above, ...own, ...generated];
  const joined = (file.components ?? []).reduce((sum, path) => build(join(folder, path), sum), all);
  return (file.patches ?? []).reduce((sum, patch) => applied(folder, patch, sum), joined);
}

function read(path: string): unknown {
  return parse(readFileSync(path, 'utf8'));
}

function resource(path: string): Manifest[] {
  if (statSync(path).isDirectory()) return buildKustomization(path);
  return parseAllDocuments(readFileSync(path, 'utf8')).map((it) => it.toJS() as Manifest);
}

function configMap(
  folder: string,
  { name, files }: { name: string; files: readonly string[] },
): Manifest {
  const data = Object.fromEntries(
    files.map((file) => [basename(file), readFileSync(join(folder, file), 'utf8')]),
  );
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

function applied(
  folder: string,
  { target, path, patch }: Patch,
  all: readonly Manifest[],
): Manifest[] {
  const content = path === undefined ? (parse(patch ?? '') as unknown) : read(join(folder, path));
  return all.map((manifest) => {
    if (manifest.kind !== target.kind) return manifest;
    if (Array.isArray(content)) return jsonPatched(manifest, content as Operation[]) as Manifest;
    const { metadata } = manifest;
    return { ...(merged(manifest, content) as Manifest), metadata };
  });
}

/** A strategic merge: lists of things with names are joined by name, what the patch names goes in front. */
function merged(base: unknown, patch: unknown): unknown {
  if (Array.isArray(patch) && Array.isArray(base) && patch.every(isNamed)) {
    const named = patch.map((own) => {
      const found = base.find((it: Named) => it.name === own.name) as Named | undefined;
      return found === undefined ? own : merged(found, own);
    });
    const rest = (base as Named[]).filter((it) => !patch.some(({ name }) => name === it.name));
    return [...named, ...rest];
  }
  if (isObject(patch) && isObject(base)) {
    const entries = Object.entries(patch).map(([key, value]) => [key, merged(base[key], value)]);
    return { ...base, ...(Object.fromEntries(entries) as object) };
  }
  return patch;
}

interface Named {
  readonly name: string;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is Named {
  return isObject(value) && typeof value['name'] === 'string';
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** RFC 6902: add, remove, move. */
function jsonPatched(manifest: unknown, operations: readonly Operation[]): unknown {
  const whole = structuredClone(manifest);
  for (const { op, path, from = '', value } of operations) {
    if (op === 'add') add(whole, path, value);
    else if (op === 'remove') remove(whole, path);
    else if (op === 'move') add(whole, path, remove(whole, from));
    else throw new Error(`JSON patch: ${op}`);
  }
  return whole;
}

function place(whole: unknown, path: string): [parent: Record<string, unknown>, key: string] {
  const keys = path.split('/').slice(1);
  const key = keys.pop() ?? '';
  const parent = keys.reduce((at, name) => (at as Record<string, unknown>)[name], whole);
  if (typeof parent !== 'object' || parent === null) throw new Error(`nothing at ${path}`);
  return [parent as Record<string, unknown>, key];
}

function add(whole: unknown, path: string, value: unknown): void {
  const [parent, key] = place(whole, path);
  if (!Array.isArray(parent)) parent[key] = value;
  else if (key === '-') parent.push(value);
  else parent.splice(Number(key), 0, value);
}

function remove(whole: unknown, path: string): unknown {
  const [parent, key] = place(whole, path);
  if (!(key in parent)) throw new Error(`nothing at ${path}`);
  const value = parent[key];
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else Reflect.deleteProperty(parent, key);
  return value;
}
