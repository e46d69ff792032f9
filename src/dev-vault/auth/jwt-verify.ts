// A signed JWT against public keys and what is expected of its claims, refused in the words of the real server.
// RFC 7515 (compact serialisation), RFC 7518 (algorithms), RFC 7519 (claims). Never `none`, never a shared key.
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { decodeJson, isJsonObject, JsonNumber, type Json, type JsonObject } from '../json-text.js';

export interface JwtExpected {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Defaults: 150, 150 and 60; negative: none. */
  readonly notBeforeLeewaySeconds: number;
  readonly expirationLeewaySeconds: number;
  readonly clockSkewLeewaySeconds: number;
}

export type JwtRead = { readonly claims: JsonObject } | { readonly error: string };

interface Algorithm {
  readonly hash: string;
  readonly keyType: string;
  readonly isPss?: true;
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { hash: 'sha256', keyType: 'rsa' },
  RS384: { hash: 'sha384', keyType: 'rsa' },
  RS512: { hash: 'sha512', keyType: 'rsa' },
  PS256: { hash: 'sha256', keyType: 'rsa', isPss: true },
  PS384: { hash: 'sha384', keyType: 'rsa', isPss: true },
  PS512: { hash: 'sha512', keyType: 'rsa', isPss: true },
  ES256: { hash: 'sha256', keyType: 'ec' },
  ES384: { hash: 'sha384', keyType: 'ec' },
  ES512: { hash: 'sha512', keyType: 'ec' },
};
const RSA_PSS_PADDING = 6;
const RSA_PSS_SALT_DIGEST = -1;
const LEEWAY_SECONDS = 150;
const SKEW_SECONDS = 60;

/** A public key or certificate in PEM; undefined when it is none. */
export function readPublicKey(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

/** The parts of a JWT without any verification. */
export function parseJwt(token: string): JwtRead & { readonly header?: JsonObject } {
  const parts = token.split('.');
  if (parts.length !== 3) {
    return { error: 'go-jose/go-jose: compact JWS format must have three parts' };
  }
  const header = decodePart(parts[0] ?? '');
  const claims = decodePart(parts[1] ?? '');
  if (header === undefined || claims === undefined) {
    return { error: 'go-jose/go-jose: invalid character in JWS' };
  }
  const algorithm = header['alg'];
  if (typeof algorithm !== 'string' || !Object.hasOwn(ALGORITHMS, algorithm)) {
    const named = typeof algorithm === 'string' ? algorithm : '';
    return { error: `go-jose/go-jose: unexpected signature algorithm "${named}"` };
  }
  return { header, claims };
}

function decodePart(part: string): JsonObject | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) return undefined;
  try {
    const value = decodeJson(Buffer.from(part, 'base64url').toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether one of the keys signed it. `error`: what follows "error verifying token signature: ". */
export function verifySignature(token: string, keys: readonly KeyObject[]): JwtRead {
  const parsed = parseJwt(token);
  if ('error' in parsed) return parsed;
  const name = parsed.header?.['alg'];
  const algorithm = typeof name === 'string' ? ALGORITHMS[name] : undefined;
  if (algorithm !== undefined && keys.some((key) => signedBy(token, key, algorithm))) return parsed;
  return { error: 'no known key successfully validated the token signature' };
}

function signedBy(token: string, key: KeyObject, algorithm: Algorithm): boolean {
  if (key.asymmetricKeyType !== algorithm.keyType) return false;
  const dot = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(dot + 1), 'base64url');
  const options =
    algorithm.keyType === 'ec'
      ? { key, dsaEncoding: 'ieee-p1363' as const }
      : algorithm.isPss === true
        ? { key, padding: RSA_PSS_PADDING, saltLength: RSA_PSS_SALT_DIGEST }
        : { key };
  return verify(algorithm.hash, Buffer.from(token.slice(0, dot)), options, signature);
}

/** What is wrong with the claims; undefined when nothing is. */
export function claimsError(
  claims: JsonObject,
  expected: JwtExpected,
  nowSeconds: number,
): string | undefined {
  if (expected.issuer !== '' && claims['iss'] !== expected.issuer)
    return 'invalid issuer (iss) claim';
  if (expected.subject !== '' && claims['sub'] !== expected.subject) {
    return 'invalid subject (sub) claim';
  }
  const audiences = audiencesOf(claims);
  const { audiences: wanted } = expected;
  if (wanted.length > 0 && !wanted.some((audience) => audiences.includes(audience))) {
    return 'invalid audience (aud) claim: audience claim does not match any expected audience';
  }
  return timesError(claims, expected, nowSeconds);
}

export function audiencesOf(claims: JsonObject): string[] {
  const aud: Json | undefined = claims['aud'];
  if (typeof aud === 'string') return [aud];
  return Array.isArray(aud) ? aud.filter((element) => typeof element === 'string') : [];
}

function timesError(claims: JsonObject, expected: JwtExpected, now: number): string | undefined {
  const issued = secondsOf(claims['iat']);
  const given = { notBefore: secondsOf(claims['nbf']), expiry: secondsOf(claims['exp']) };
  if (issued === 0 && given.expiry === 0 && given.notBefore === 0) {
    return 'no issued at (iat), not before (nbf), or expiration time (exp) claims in token';
  }
  const expiry =
    given.expiry ||
    Math.max(issued, given.notBefore) + leeway(expected.expirationLeewaySeconds, LEEWAY_SECONDS);
  const notBefore =
    given.notBefore || issued || expiry - leeway(expected.notBeforeLeewaySeconds, LEEWAY_SECONDS);
  const skew = leeway(expected.clockSkewLeewaySeconds, SKEW_SECONDS);
  if (now + skew < notBefore) return 'invalid not before (nbf) claim: token not yet valid';
  if (now - skew > expiry) return 'invalid expiration time (exp) claim: token is expired';
  return now + skew < issued
    ? 'invalid issued at (iat) claim: token issued in the future'
    : undefined;
}

function secondsOf(value: Json | undefined): number {
  return value instanceof JsonNumber ? Math.trunc(Number(value.literal)) : 0;
}

function leeway(seconds: number, byDefault: number): number {
  return seconds === 0 ? byDefault : Math.max(0, seconds);
}
