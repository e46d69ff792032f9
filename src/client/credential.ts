// Who signs requests to the agent: a named client with a key of its own, or a holder with the token itself; either
// key is in a file. By Unix socket nobody signs: its permissions are the proof (docs/api.md).
import { KeytenderError } from './keytender-error.js';
import { KeyFile, type FileKey } from './key-file.js';

export interface Credential {
  /** As in `keyid`: the token's name, or `client:id`. */
  readonly keyid: string;
  /** The same for a keyring. */
  readonly owner: { readonly name: string } | { readonly client: string };
  /** Reads the file. */
  read(): Promise<FileKey>;
}

/** @throws KeytenderError `malformed_value` */
export function clientCredential(client: string, keyFile: string): Credential {
  checkName('client', client);
  const file = new KeyFile(keyFile);
  return { keyid: `client:${client}`, owner: { client }, read: () => file.read() };
}

/** @throws KeytenderError `malformed_value` */
export function holderCredential(name: string, file: KeyFile): Credential {
  checkName('name', name);
  return { keyid: name, owner: { name }, read: () => file.read() };
}

/** Names of tokens and clients. Throws `malformed_value`. */
export function checkName(what: string, name: string): void {
  if (/^[a-z0-9-]{1,63}$/.test(name) && (what !== 'name' || name !== 'client')) return;
  throw new KeytenderError(
    'malformed_value',
    `${what} must be 1 to 63 of a-z, 0-9 and -, and a token is not called client`,
  );
}
