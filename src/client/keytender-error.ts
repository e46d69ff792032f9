// The one error class of the library: a literal code, and for an agent's refusal its status and when to try again.
// A message that fails to verify is no error but a value with a reason.
import { SigningError } from '../signature/index.js';
import type { SigningErrorCode } from '../signature/index.js';

/** What each code means and what to do about it: docs/library.md. */
export const libraryErrorCodes = [
  'empty_key',
  'malformed_key',
  'malformed_request',
  'malformed_value',
  'agent_unreachable',
  'agent_timeout',
  'agent_unavailable',
  'unverified_answer',
  'malformed_answer',
  'answer_too_large',
  'file_unreadable',
  'token_unavailable',
  'not_ready',
  'origin_not_allowed',
  'digest_required',
  'body_too_large',
  'replay_guard_full',
  'closed',
] as const;

export type LibraryErrorCode = (typeof libraryErrorCodes)[number];

/** Codes of the library; the agent's own codes (docs/api.md) are passed on as they are. */
export type KeytenderErrorCode = LibraryErrorCode | SigningErrorCode | (string & {});

export interface KeytenderErrorDetails {
  /** HTTP status of the agent's answer. */
  readonly status?: number;
  /** Seconds. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

export class KeytenderError extends Error {
  override readonly name = 'KeytenderError';
  readonly code: KeytenderErrorCode;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: KeytenderErrorCode, message: string, details: KeytenderErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.retryAfter = details.retryAfter;
  }
}

/** Runs a signing step; what the caller got wrong comes out as a `KeytenderError` of the same code. */
export function asKeytenderError<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof SigningError)) throw error;
    throw new KeytenderError(error.code, error.message, { cause: error });
  }
}
