// docs/vectors.json as the tests use it.
import { readFileSync } from 'node:fs';
import {
  Keyring,
  keytenderAnswerPolicy,
  keytenderPolicy,
  rfc9421Policy,
  verify,
  verifyResponse,
} from '../../src/signature/index.js';
import type {
  KeyringEntry,
  KeyRole,
  RefusalReason,
  SignaturePolicy,
  VerifiableRequest,
  VerifiableResponse,
  Verdict,
  VerifyContext,
} from '../../src/signature/index.js';

type Lines = readonly (readonly [string, string])[];

export interface Vector {
  readonly name: string;
  readonly policy: {
    readonly profile: 'keytender' | 'keytender-answer' | 'rfc9421';
    readonly tag?: string;
    readonly audience?: readonly string[];
  };
  readonly now: number;
  readonly not_before?: number;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Lines;
    readonly body: string | null;
  };
  readonly response?: {
    readonly status: number;
    readonly headers: Lines;
    readonly body: string | null;
  };
}

export interface AcceptedVector extends Vector {
  readonly key: string;
  readonly base: string;
  readonly mac: string;
  readonly result: { readonly key: KeyRole; readonly version: number | null };
}

export interface RefusedVector extends Vector {
  readonly reason: RefusalReason;
}

interface VectorKey {
  readonly name?: string;
  readonly client?: string;
  readonly role: KeyRole;
  readonly versions: readonly number[];
  readonly text?: string;
  readonly base64?: string;
  readonly usable_until?: number;
}

interface VectorFile {
  readonly keys: Readonly<Record<string, VectorKey>>;
  readonly accepted: readonly AcceptedVector[];
  readonly refused: readonly RefusedVector[];
}

export const vectors = JSON.parse(
  readFileSync(new URL('../../docs/vectors.json', import.meta.url), 'utf8'),
) as VectorFile;

export const keyring = new Keyring(Object.values(vectors.keys).map(entryOf));

/** Text stays text, so that the tests hold that it is never decoded. */
export function keyOf(name: string): string | Buffer {
  const { text, base64 = '' } = vectors.keys[name]!;
  return text ?? Buffer.from(base64, 'base64');
}

export function keyBytes(name: string): Buffer {
  const key = keyOf(name);
  return typeof key === 'string' ? Buffer.from(key, 'utf8') : key;
}

export function requestOf({ request }: Vector): VerifiableRequest {
  const { method, url, headers, body } = request;
  return { method, url, headers, ...bodyOf(body) };
}

export function responseOf({ response }: Vector): VerifiableResponse | undefined {
  if (response === undefined) return undefined;
  const { status, headers, body } = response;
  return { status, headers, ...bodyOf(body) };
}

export function policyOf({ policy }: Vector): SignaturePolicy {
  const { profile, ...rest } = policy;
  return { ...profiles[profile], ...rest };
}

export function contextOf({ now, not_before }: Vector): VerifyContext {
  const notBefore = not_before === undefined ? {} : { notBeforeSeconds: not_before };
  return { nowSeconds: now, ...notBefore };
}

export function judge(vector: Vector): Verdict {
  const [request, response] = [requestOf(vector), responseOf(vector)];
  const [policy, context] = [policyOf(vector), contextOf(vector)];
  return response === undefined
    ? verify(request, keyring, policy, context)
    : verifyResponse(response, request, keyring, policy, context);
}

export function hasContent({ request, response }: Vector): boolean {
  return ((response ?? request).body ?? '') !== '';
}

const profiles = {
  keytender: keytenderPolicy,
  'keytender-answer': keytenderAnswerPolicy,
  rfc9421: rfc9421Policy,
};

function bodyOf(body: string | null): { readonly body?: Buffer } {
  return body === null ? {} : { body: Buffer.from(body, 'base64') };
}

function entryOf({ text, base64 = '', usable_until, ...rest }: VectorKey): KeyringEntry {
  const usableUntil = usable_until === undefined ? {} : { usableUntil: usable_until };
  return { ...rest, ...usableUntil, key: text ?? Buffer.from(base64, 'base64') };
}
