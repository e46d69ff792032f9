// What Vault refuses in custom metadata, in its words.
// https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#custom_metadata
export const PREFIX = 'custom_metadata validation failed';

const KEYS_MAX = 64;
const KEY_BYTES_MAX = 128;
const VALUE_BYTES_MAX = 512;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Everything that is wrong, keys in order. */
export function customMetadataErrors(pairs: Readonly<Record<string, string>>): string[] {
  const keys = Object.keys(pairs);
  if (keys.length > KEYS_MAX) {
    return [`${PREFIX}: payload must contain at most ${KEYS_MAX} keys, provided ${keys.length}`];
  }
  return keys.flatMap((key) => pairErrors(key, pairs[key] ?? ''));
}

function pairErrors(key: string, value: string): string[] {
  const quoted = quote(key);
  const keyBytes = Buffer.byteLength(key);
  const valueBytes = Buffer.byteLength(value);
  const errors: string[] = [];
  if (keyBytes === 0 || keyBytes > KEY_BYTES_MAX) {
    errors.push(
      `length of key ${quoted} is ${keyBytes} but must be 0 < len(key) <= ${KEY_BYTES_MAX}`,
    );
  }
  if (valueBytes === 0 || valueBytes > VALUE_BYTES_MAX) {
    errors.push(
      `length of value for key ${quoted} is ${valueBytes} but must be 0 < len(value) <= ${VALUE_BYTES_MAX}`,
    );
  }
  if (UNPRINTABLE.test(key)) errors.push(`key ${quoted} (${key}) contains unprintable characters`);
  if (UNPRINTABLE.test(value)) {
    errors.push(`value for key ${quoted} contains unprintable characters`);
  }
  return errors.map((error) => `${PREFIX}: ${error}`);
}

/** As Go quotes: what cannot be printed is escaped. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    new RegExp(UNPRINTABLE.source, 'gu'),
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
