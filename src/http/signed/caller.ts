// Who asks, and what he may do: a holder of the token, a named client, or a peer on the Unix socket. Scopes are
// closed lists; an empty one means none.
import type { Scope } from '../../config/config.js';

export interface Caller {
  readonly kind: 'holder' | 'client' | 'socket';
  /** What rate and nonces are counted under: a token's name, `client:id` or `socket`. */
  readonly key: string;
  /** In the audit trail and the metrics: `holder`, a client's id or `socket`. */
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** The tokens it may do that with; null: all. */
  readonly tokens: readonly string[] | null;
  readonly requestsPerMinute: number;
}

/** What a key that has a successor never gets: a value, a signature, a rotation. */
const withheldFromSuperseded: ReadonlySet<Scope> = new Set([
  'token:read',
  'token:sign',
  'auth:rotate',
]);

/** The scopes that are left when the request was verified by a superseded token. */
export function scopesOf(scopes: readonly Scope[], isSuperseded: boolean): readonly Scope[] {
  return isSuperseded ? scopes.filter((scope) => !withheldFromSuperseded.has(scope)) : scopes;
}

/** `token`: null for what concerns no single one. */
export function mayDo(
  { scopes, tokens }: Pick<Caller, 'scopes' | 'tokens'>,
  scope: Scope,
  token: string | null,
): boolean {
  if (!scopes.includes(scope)) return false;
  return token === null || tokens === null || tokens.includes(token);
}
