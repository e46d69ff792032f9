// `sign` and `signResponse` as the library offers them: the pure ones of `signature/` with a clock and a nonce. A
// signer that must control both passes `created` and `nonce`.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../platform/clock.js';
import { sign as signPurely, signResponse as signResponsePurely } from '../signature/index.js';
import type { AnswerParameters, SignatureHeaders, SigningParameters } from '../signature/index.js';
import { readRequest, readResponse, requestHead } from './http-message.js';
import type { RequestInput, ResponseInput } from './http-message.js';
import { asKeytenderError } from './keytender-error.js';

export interface SignOptions extends Omit<SigningParameters, 'created' | 'nonce' | 'tag'> {
  /** Whole seconds since the epoch. Default: now. */
  readonly created?: number;
  /** Default: 144 random bits. */
  readonly nonce?: string;
  /** Default: `keytender-service`. For requests to an agent's API: `keytender-api`. */
  readonly tag?: string;
}

export interface SignResponseOptions extends Omit<
  AnswerParameters,
  'created' | 'tag' | 'requestSignature'
> {
  /** Whole seconds since the epoch. Default: now. */
  readonly created?: number;
  /** Default: `keytender-answer`. */
  readonly tag?: string;
}

export interface SignResult {
  /** Fields to set on the message (not to append: signatures that it had already are in them). */
  readonly headers: SignatureHeaders;
  /** What the MAC is over (RFC 9421 §2.5), for debugging. */
  readonly base: string;
}

/**
 * Signs a request with HMAC-SHA256 over method, authority, path, query, content and content type.
 * @throws KeytenderError `empty_key`, `malformed_key`, `malformed_request`, `malformed_value`
 */
export async function sign(request: RequestInput, options: SignOptions): Promise<SignResult> {
  const message = await readRequest(request);
  return asKeytenderError(() =>
    signPurely(message, {
      ...options,
      created: options.created ?? nowSeconds(),
      nonce: options.nonce ?? randomBytes(NONCE_BYTES).toString('base64url'),
      tag: options.tag ?? 'keytender-service',
    }),
  );
}

/**
 * Signs an answer to a signed request, so that it cannot be passed off as an answer to another one.
 * @throws KeytenderError as `sign`; `malformed_request` too when the request is not signed with a nonce
 */
export async function signResponse(
  response: ResponseInput,
  request: RequestInput,
  options: SignResponseOptions,
): Promise<SignResult> {
  const message = await readResponse(response);
  return asKeytenderError(() =>
    signResponsePurely(message, requestHead(request), {
      ...options,
      created: options.created ?? nowSeconds(),
      tag: options.tag ?? 'keytender-answer',
    }),
  );
}

const NONCE_BYTES = 18;

function nowSeconds(): number {
  return Math.floor(systemClock.now() / 1000);
}
