// The HMAC key. Text is taken as its UTF-8 bytes and never decoded, whatever it looks like: a token that happens to
// be base64 is used as the text it is. Lives as a `KeyObject`, outside the JavaScript heap; an empty key is refused
// here, because HMAC would take it.
import { createHmac, createSecretKey, KeyObject, timingSafeEqual } from 'node:crypto';
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

/** HMAC-SHA256 of a signature base, which is ASCII (RFC 9421 §3.3.3), as base64. */
export function computeMac(key: KeyObject, base: string): string {
  return createHmac('sha256', key).update(base, 'latin1').digest('base64');
}

/** Whether this is the MAC of a base; compared in constant time. `mac`: of 32 bytes. */
export function isMac(key: KeyObject, base: string, mac: Uint8Array): boolean {
  // into bytes that are there: a buffer of its own for each digest costs as much as a third of the MAC
  computed.write(createHmac('sha256', key).update(base, 'latin1').digest('binary'), 'latin1');
  return timingSafeEqual(computed, mac);
}

/** Of the last MAC that was compared; of no use to anybody. */
const computed = Buffer.alloc(MAC_BYTES);

function emptyKey(): SigningError {
  return new SigningError('empty_key', 'a key must not be empty');
}
