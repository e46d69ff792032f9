// `Content-Digest` (RFC 9530 §2): sha-256 and sha-512 of the content as sent, after content coding. Members of other
// algorithms are ignored; every known one must match, and at least one must be there.
import { hash, timingSafeEqual } from 'node:crypto';
import { parseDictionary } from './structured-field.js';

export type DigestAlgorithm = 'sha-256' | 'sha-512';

export interface ExpectedDigest {
  readonly algorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
}

/** A `Content-Digest` field for this content: `sha-256=:…:`. Of a text its UTF-8 bytes are the content. */
export function contentDigest(
  content: Uint8Array | string,
  algorithm: DigestAlgorithm = 'sha-256',
): string {
  return `${algorithm}=:${hash(hashNames[algorithm], content, 'base64')}:`;
}

/**
 * The known digests of a field. `malformed`: no dictionary, or a known member that is no digest of its algorithm.
 * `unknown`: nothing we can compute.
 */
export function parseContentDigest(
  field: string,
): readonly ExpectedDigest[] | 'malformed' | 'unknown' {
  const dictionary = parseDictionary(field);
  if (dictionary === undefined) return 'malformed';
  const digests: ExpectedDigest[] = [];
  for (const [algorithm, member] of dictionary) {
    if (!isKnown(algorithm)) continue;
    const value = member.kind === 'item' ? member.value : undefined;
    if (typeof value !== 'object' || value.type !== 'bytes') return 'malformed';
    if (value.value.length !== digestBytes[algorithm]) return 'malformed';
    digests.push({ algorithm, digest: value.value });
  }
  return digests.length > 0 ? digests : 'unknown';
}

/** Whether every digest is that of this content; false for none. Compares in constant time. */
export function matchesContent(
  digests: readonly ExpectedDigest[],
  content: Uint8Array | string,
): boolean {
  let all = digests.length > 0;
  for (const { algorithm, digest } of digests) {
    const actual = hash(hashNames[algorithm], content, 'buffer');
    if (!timingSafeEqual(actual, digest)) all = false;
  }
  return all;
}

const hashNames = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const;
const digestBytes = { 'sha-256': 32, 'sha-512': 64 } as const;

function isKnown(algorithm: string): algorithm is DigestAlgorithm {
  return Object.hasOwn(hashNames, algorithm);
}
