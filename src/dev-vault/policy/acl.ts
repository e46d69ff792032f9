// What a token's policies together allow on a path: the most specific rule wins, rules of the same path from several
// policies add up, and a deny among those denies.
// https://developer.hashicorp.com/vault/docs/concepts/policies#priority-matching
import { encodeJson, type Json, type JsonObject } from '../json-text.js';
import type { Capability, PathRule } from './policy.js';

export type Operation =
  'read' | 'list' | 'scan' | 'create' | 'update' | 'patch' | 'delete' | 'header';

export interface AclRequest {
  readonly path: string;
  readonly operation: Operation;
  readonly data: JsonObject | undefined;
  readonly wrapSeconds: number;
}

interface Grant extends Omit<PathRule, 'capabilities'> {
  readonly capabilities: Set<Capability>;
}

export class Acl {
  readonly isRoot: boolean;
  readonly #exact = new Map<string, Grant>();
  readonly #prefixes = new Map<string, Grant>();
  readonly #wildcards = new Map<string, Grant>();

  constructor(rules: Iterable<PathRule>, isRoot = false) {
    this.isRoot = isRoot;
    for (const rule of rules) this.#add(rule);
  }

  #add(rule: PathRule): void {
    const hasSegmentWildcard = /(?:^|\/)\+/.test(rule.path);
    const [table, key] = hasSegmentWildcard
      ? [this.#wildcards, rule.path]
      : rule.path.endsWith('*')
        ? [this.#prefixes, rule.path.slice(0, -1)]
        : [this.#exact, rule.path];
    const before = table.get(key);
    table.set(key, before === undefined ? grantOf(rule) : mergeGrants(before, rule));
  }

  /** The capabilities on a path, sorted; `['root']`, or `['deny']` when there are none. */
  capabilities(path: string): string[] {
    if (this.isRoot) return ['root'];
    const grant = this.#find(path, 'list');
    if (grant === undefined || grant.capabilities.has('deny') || grant.capabilities.size === 0) {
      return ['deny'];
    }
    return [...grant.capabilities].sort();
  }

  /** Whether sudo is granted, as root-protected paths need. */
  hasSudo(path: string, operation: Operation): boolean {
    return this.isRoot || this.#find(path, operation)?.capabilities.has('sudo') === true;
  }

  allows(request: AclRequest): boolean {
    if (this.isRoot) return true;
    const grant = this.#find(request.path, request.operation);
    if (grant === undefined || request.operation === 'header') return false;
    return (
      grant.capabilities.has(request.operation) &&
      wrappingAllowed(grant, request.wrapSeconds) &&
      parametersAllowed(grant, request)
    );
  }

  /** Whether anything at all is granted on or below a mount. */
  touches(mountPath: string): boolean {
    const grants = [...this.#exact, ...this.#prefixes, ...this.#wildcards];
    return (
      this.isRoot ||
      grants.some(([path, grant]) => {
        const usable = !grant.capabilities.has('deny') && grant.capabilities.size > 0;
        return usable && (path.startsWith(mountPath) || this.#covers(path, mountPath));
      })
    );
  }

  #covers(path: string, mountPath: string): boolean {
    if (this.#prefixes.has(path)) return mountPath.startsWith(path);
    if (!this.#wildcards.has(path)) return false;
    const wanted = mountPath.split('/').slice(0, -1);
    const parts = path.split('/');
    return wanted.every((part, index) => {
      const rule = parts[index];
      return (
        rule === '+' ||
        rule === part ||
        (rule?.endsWith('*') === true && part.startsWith(rule.slice(0, -1)))
      );
    });
  }

  #find(path: string, operation: Operation): Grant | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return exact;
    if (operation !== 'list' && operation !== 'scan') return this.#findPattern(path);
    const bare = path.endsWith('/') ? path.slice(0, -1) : path;
    return (
      this.#exact.get(bare) ??
      (bare === path ? undefined : this.#findPattern(bare)) ??
      this.#findPattern(path)
    );
  }

  #findPattern(path: string): Grant | undefined {
    let best: Candidate | undefined;
    for (const candidate of this.#candidates(path)) {
      if (best === undefined || compareCandidates(candidate, best) > 0) best = candidate;
    }
    return best?.grant;
  }

  *#candidates(path: string): Iterable<Candidate> {
    for (const [prefix, grant] of this.#prefixes) {
      if (path.startsWith(prefix)) {
        yield { grant, firstWildcard: prefix.length, isPrefix: true, wildcards: 0, path: prefix };
      }
    }
    for (const [pattern, grant] of this.#wildcards) {
      const isPrefix = pattern.endsWith('*');
      const bare = isPrefix ? pattern.slice(0, -1) : pattern;
      if (!matchesSegments(path.split('/'), bare.split('/'), isPrefix)) continue;
      yield {
        grant,
        firstWildcard: pattern.indexOf('+'),
        isPrefix,
        wildcards: bare.split('/').filter((part) => part === '+').length,
        path: bare,
      };
    }
  }
}

interface Candidate {
  readonly grant: Grant;
  readonly firstWildcard: number;
  readonly isPrefix: boolean;
  readonly wildcards: number;
  readonly path: string;
}

function matchesSegments(parts: string[], pattern: string[], isPrefix: boolean): boolean {
  if (parts.length < pattern.length || (!isPrefix && parts.length !== pattern.length)) return false;
  return pattern.every((expected, index) => {
    const part = parts[index] ?? '';
    const isLast = index === pattern.length - 1;
    return (
      expected === '+' || expected === part || (isPrefix && isLast && part.startsWith(expected))
    );
  });
}

/** Positive when `a` is the more specific one. */
function compareCandidates(a: Candidate, b: Candidate): number {
  if (a.firstWildcard !== b.firstWildcard) return a.firstWildcard - b.firstWildcard;
  if (a.isPrefix !== b.isPrefix) return a.isPrefix ? -1 : 1;
  if (a.wildcards !== b.wildcards) return b.wildcards - a.wildcards;
  if (a.path.length !== b.path.length) return a.path.length - b.path.length;
  return a.path < b.path ? -1 : 1;
}

function grantOf(rule: PathRule): Grant {
  return { ...rule, capabilities: new Set(rule.capabilities) };
}

function mergeGrants(a: Grant, b: PathRule): Grant {
  if (a.capabilities.has('deny')) return a;
  if (b.capabilities.has('deny')) return grantOf(b);
  return {
    path: a.path,
    capabilities: new Set([...a.capabilities, ...b.capabilities]),
    requiredParameters: [...a.requiredParameters, ...b.requiredParameters],
    allowedParameters: mergeParameters(a.allowedParameters, b.allowedParameters),
    deniedParameters: mergeParameters(a.deniedParameters, b.deniedParameters),
    minWrappingSeconds: leastSet(a.minWrappingSeconds, b.minWrappingSeconds),
    maxWrappingSeconds: Math.max(a.maxWrappingSeconds, b.maxWrappingSeconds),
  };
}

function leastSet(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return Math.min(a, b);
}

type Parameters = ReadonlyMap<string, readonly Json[]> | undefined;

function mergeParameters(a: Parameters, b: Parameters): Parameters {
  if (a === undefined || b === undefined) return a ?? b;
  const merged = new Map(a);
  for (const [name, values] of b) {
    const before = merged.get(name);
    const takesAll = before?.length === 0 || values.length === 0;
    merged.set(name, takesAll ? [] : [...(before ?? []), ...values]);
  }
  return merged;
}

function wrappingAllowed(grant: Grant, wrapSeconds: number): boolean {
  const { minWrappingSeconds: min, maxWrappingSeconds: max } = grant;
  if (max > 0 && (wrapSeconds === 0 || wrapSeconds > max)) return false;
  return min === 0 || wrapSeconds >= min;
}

function parametersAllowed(grant: Grant, { operation, data }: AclRequest): boolean {
  if (operation === 'list' || operation === 'scan' || operation === 'delete') return true;
  const names = Object.keys(data ?? {});
  if (!grant.requiredParameters.every((name) => names.includes(name.toLowerCase()))) return false;
  if (names.length === 0) return true;
  const { allowedParameters: allowed, deniedParameters: denied } = grant;
  if (denied?.has('*') === true) return false;
  if (names.some((name) => isListed(denied?.get(name.toLowerCase()), data?.[name]))) return false;
  if (allowed === undefined || allowed.size === 0) return true;
  return names.every((name) => {
    const values = allowed.get(name.toLowerCase());
    return values === undefined ? allowed.has('*') : isListed(values, data?.[name]);
  });
}

/** An empty list of values means any value; strings may hold globs. */
function isListed(values: readonly Json[] | undefined, value: Json | undefined): boolean {
  if (values === undefined) return false;
  return values.length === 0 || values.some((listed) => sameParameter(listed, value ?? null));
}

function sameParameter(listed: Json, value: Json): boolean {
  if (typeof listed !== 'string' || typeof value !== 'string') {
    return encodeJson(listed) === encodeJson(value);
  }
  const starts = listed.endsWith('*');
  const ends = listed.startsWith('*');
  if (starts && ends && listed.length > 1) return value.includes(listed.slice(1, -1));
  if (starts) return value.startsWith(listed.slice(0, -1));
  return ends ? value.endsWith(listed.slice(1)) : listed === value;
}
