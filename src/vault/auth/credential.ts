// The credential of a login as it was last tried: read again for each login, so that one that was replaced in its file
// is used by the next. Says whether another one is there than the one that was refused. Keeps a digest, not the value.
import { createHash } from 'node:crypto';
import type { Failure } from '../../health/failure.js';
import type { LoginResult } from './auth-method.js';

export type CredentialReading =
  { readonly ok: true; readonly value: string } | { readonly ok: false; readonly failure: Failure };

/** How the credential is read; what it rejects with is not told, because it may hold what was read. */
export async function readCredential(
  key: string,
  read: () => Promise<string>,
): Promise<CredentialReading> {
  try {
    const value = (await read()).trim();
    if (value !== '') return { ok: true, value };
    return refuse(`${key} is empty`);
  } catch {
    return refuse(`${key} cannot be read: check that it exists and is readable`);
  }
}

function refuse(message: string): CredentialReading {
  return { ok: false, failure: { class: 'vault_login_failed', message } };
}

/** Remembers the credential that a login was refused with. */
export class RefusedCredential {
  #digest: string | null = null;

  /** To be told how each login went. */
  note(credential: string, result: LoginResult): void {
    const isRefused = !result.ok && result.failure.class === 'vault_login_failed';
    this.#digest = isRefused ? digest(credential) : null;
  }

  /** Whether the last login was refused, and `read` now gives another credential. */
  async isReplaced(read: () => Promise<string>): Promise<boolean> {
    if (this.#digest === null) return false;
    const found = await readCredential('the credential', read);
    return found.ok && digest(found.value) !== this.#digest;
  }
}

export function digest(credential: string): string {
  return createHash('sha256').update(credential).digest('hex');
}
