// What a handler gives back: a reply, a refusal, or nothing at all (which Vault shows as 404 to a read and as 204 to
// anything else). Expected refusals are values here, never exceptions.
import type { Json, JsonObject, RawJson } from './json-text.js';

export interface Reply {
  readonly data?: JsonObject | RawJson | null;
  /** The `auth` block: a new or renewed token. */
  readonly auth?: RawJson | null;
  readonly warnings?: readonly string[];
  readonly status?: number;
  /** Of the secret; 0 when not given. */
  readonly leaseSeconds?: number;
  /** Give the keys of `data` at the top level too, as most of `sys/` does. */
  readonly alsoAtTop?: boolean;
  /** The whole body instead of the usual envelope; `null` for none at all. */
  readonly bare?: Json;
  /** Accessor of what the answer holds, told to whoever gets it wrapped. */
  readonly accessor?: string;
  /** Where the answer was put away, instead of the answer. */
  readonly wrapInfo?: RawJson;
  /** Never wrapped, although the request asks for it. */
  readonly wrappable?: false;
}

export interface Refusal {
  readonly refusedWith: number;
  readonly errors: readonly string[];
  readonly data?: Json;
}

export type Result = Reply | Refusal | undefined;

/** Never ask it of what a client sent. */
export function isRefusal(result: object | undefined): result is Refusal {
  return result !== undefined && 'refusedWith' in result;
}

/** An error status with Vault's words for it. */
export function refuse(status: number, ...errors: string[]): Refusal {
  return { refusedWith: status, errors };
}

/** How Vault words an error that went through its collecting error type. */
export function oneError(text: string): string {
  return `1 error occurred:\n\t* ${text}\n\n`;
}

export const permissionDenied: Refusal = refuse(403, 'permission denied');
export const policyDenied: Refusal = refuse(403, oneError('permission denied'));
export const unsupportedPath: Refusal = refuse(404, oneError('unsupported path'));
export const unsupportedOperation: Refusal = refuse(405, oneError('unsupported operation'));
