// A named set of path rules, read from HCL or JSON. Refuses what Vault refuses, in its words: unknown keys,
// unknown capabilities, `+*`. https://developer.hashicorp.com/vault/docs/concepts/policies
import { readDuration } from '../duration.js';
import { isJsonObject, JsonNumber, type Json, type JsonObject } from '../json-text.js';
import { HclError, parseHcl, type HclItem } from './hcl.js';

export const CAPABILITIES = [
  'create',
  'delete',
  'deny',
  'list',
  'patch',
  'read',
  'scan',
  'sudo',
  'update',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

export interface PathRule {
  /** With its `*` and `+`, relative to the namespace, without a leading slash. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly requiredParameters: readonly string[];
  readonly allowedParameters: ReadonlyMap<string, readonly Json[]> | undefined;
  readonly deniedParameters: ReadonlyMap<string, readonly Json[]> | undefined;
  readonly minWrappingSeconds: number;
  readonly maxWrappingSeconds: number;
}

export type PolicyRead = { readonly rules: readonly PathRule[] } | { readonly error: string };

const KEYS = new Set([
  'comment',
  'policy',
  'capabilities',
  'allowed_parameters',
  'denied_parameters',
  'required_parameters',
  'min_wrapping_ttl',
  'max_wrapping_ttl',
  'mfa_methods',
  'pagination_limit',
  'expiration',
  'list_scan_response_keys_filter_path',
]);
const OLD_POLICIES: Readonly<Record<string, readonly Capability[]>> = {
  deny: ['deny'],
  read: ['read', 'list'],
  write: ['create', 'read', 'update', 'delete', 'list'],
  sudo: ['create', 'read', 'update', 'delete', 'list', 'sudo'],
};

/** The rules of a policy text; `error` is what Vault says after "failed to parse policy: ". */
export function readPolicy(text: string, nowMs: number): PolicyRead {
  try {
    const rules = parseHcl(text)
      .filter(isPathBlock)
      .flatMap((item) => readRule(item, nowMs));
    return { rules };
  } catch (error) {
    if (error instanceof HclError) return { error: error.message };
    throw error;
  }
}

function isPathBlock(item: HclItem): boolean {
  if (item.key === 'name') return false;
  if (item.key !== 'path') {
    throw new HclError(`1 error occurred:\n\t* invalid key "${item.key}" on line 1\n\n`);
  }
  return true;
}

function readRule(item: HclItem, nowMs: number): PathRule[] {
  const key = item.label ?? 'path';
  if (!isJsonObject(item.value)) throw new HclError(`path "${key}": not a block`);
  const body = item.value;
  const unknown = Object.keys(body).find((name) => !KEYS.has(name));
  if (unknown !== undefined) {
    throw new HclError(
      `1 error occurred:\n\t* path "${key}": invalid key "${unknown}" on line 1\n\n`,
    );
  }
  if (key.includes('+*')) {
    throw new HclError(`path "${key}": invalid use of wildcards ('+*' is forbidden)`);
  }
  if (isOver(body['expiration'], nowMs)) return [];
  return [
    {
      path: key.startsWith('/') ? key.slice(1) : key,
      capabilities: readCapabilities(key, body),
      requiredParameters: stringsOf(body['required_parameters']),
      allowedParameters: readParameters(body['allowed_parameters']),
      deniedParameters: readParameters(body['denied_parameters']),
      minWrappingSeconds: readSeconds(body['min_wrapping_ttl']),
      maxWrappingSeconds: readSeconds(body['max_wrapping_ttl']),
    },
  ];
}

function isOver(expiration: Json | undefined, nowMs: number): boolean {
  return typeof expiration === 'string' && Date.parse(expiration) < nowMs;
}

function readCapabilities(key: string, body: JsonObject): Set<Capability> {
  const old = body['policy'];
  const listed = [...stringsOf(body['capabilities'])];
  if (typeof old === 'string' && old !== '') {
    listed.push(...(OLD_POLICIES[old] ?? refuse(`path "${key}": invalid policy "${old}"`)));
  }
  const capabilities = new Set<Capability>();
  for (const name of listed) {
    if (name === 'deny') return new Set<Capability>(['deny']);
    if (!isCapability(name)) throw new HclError(`path "${key}": invalid capability "${name}"`);
    capabilities.add(name);
  }
  return capabilities;
}

function refuse(message: string): never {
  throw new HclError(message);
}

function isCapability(name: string): name is Capability {
  return (CAPABILITIES as readonly string[]).includes(name);
}

function stringsOf(value: Json | undefined): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : [];
}

function readParameters(value: Json | undefined): ReadonlyMap<string, readonly Json[]> | undefined {
  if (!isJsonObject(value)) return undefined;
  const parameters = new Map<string, readonly Json[]>();
  for (const name of Object.keys(value)) {
    const values = value[name] ?? null;
    parameters.set(name.toLowerCase(), Array.isArray(values) ? values : [values]);
  }
  return parameters;
}

function readSeconds(value: Json | undefined): number {
  if (typeof value !== 'string' && !(value instanceof JsonNumber)) return 0;
  const read = readDuration(value);
  if ('error' in read) throw new HclError(read.error);
  return read.seconds;
}
