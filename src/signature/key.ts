// The HMAC key. Text is taken as its UTF-8 bytes and never decoded, whatever it looks like: a token that happens to
// be base64 is used as the text it is. Lives as a `KeyObject`, outside the JavaScript heap; an empty key is refused
// here, because HMAC would take it.
import { createHmac, createSecretKey, KeyObject } from 'node:crypto';
import { SigningError } from './signing-error.js';

/** A token as text (its UTF-8 bytes are the key), raw bytes, or a secret `KeyObject`. */
export type KeyInput = string | Uint8Array | KeyObject;

export const MAC_BYTES = 32;

/** @throws SigningError `empty_key`, `malformed_key` (a public or private key) */
export function secretKey(input: KeyInput): KeyObject {
  if (input instanceof KeyObject) {
    if (input.type !== 'secret') {
      throw new SigningError('malformed_key', 'a key must be a shared secret');
    }
    if (!input.symmetricKeySize) throw emptyKey();
    return input;
  }
  if (input.length === 0) throw emptyKey();
  return typeof input === 'string' ? createSecretKey(input, 'utf8') : createSecretKey(input);
}

/** HMAC-SHA256 of a signature base, which is ASCII (RFC 9421 §3.3.3): always 32 bytes. */
export function computeMac(key: KeyObject, base: string): Buffer {
  return createHmac('sha256', key).update(base, 'latin1').digest();
}

function emptyKey(): SigningError {
  return new SigningError('empty_key', 'a key must not be empty');
}
