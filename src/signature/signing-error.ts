// What goes wrong on the side that signs or builds a keyring: a caller's mistake, thrown. What goes wrong with a
// message that somebody sent is a value instead (`refusal.ts`). Messages name the rule, never a key or a body.

/** `empty_key`, `malformed_key`: the key; `malformed_request`: method, URL, fields; `malformed_value`: a parameter. */
export type SigningErrorCode =
  'empty_key' | 'malformed_key' | 'malformed_request' | 'malformed_value';

export class SigningError extends Error {
  override readonly name = 'SigningError';
  readonly code: SigningErrorCode;

  constructor(code: SigningErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
