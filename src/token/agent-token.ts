// The agent token: the shared secret itself. Wrapped where it enters, unwrapped in the few places that call `reveal`
// or `key`. It lives as a `KeyObject`, outside the JavaScript heap, and cannot be printed by accident.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';

const REDACTED = '[agent token]';

export class AgentToken {
  /** The HMAC key: the UTF-8 bytes of the text as it was stored, never decoded. */
  readonly key: KeyObject;

  private constructor(key: KeyObject) {
    this.key = key;
  }

  /** The text must not be empty. */
  static fromText(text: string): AgentToken {
    const bytes = Buffer.from(text, 'utf8');
    const token = new AgentToken(createSecretKey(bytes));
    bytes.fill(0);
    return token;
  }

  /** Length in bytes. */
  get bytes(): number {
    return this.key.symmetricKeySize ?? 0;
  }

  /** Compares in constant time. */
  equals(other: AgentToken): boolean {
    return this.key.equals(other.key);
  }

  /** The text, for the named places that hand it out. */
  reveal(): string {
    return this.key.export().toString('utf8');
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
