// `verify` and `verifyResponse` as the library offers them: the pure ones of `signature/` with a clock and our policy
// as the default.
import { systemClock } from '../platform/clock.js';
import {
  Keyring,
  keytenderAnswerPolicy,
  keytenderPolicy,
  verify as verifyPurely,
  verifyResponse as verifyResponsePurely,
} from '../signature/index.js';
import type { KeyringEntry, SignaturePolicy, Verdict, VerifyContext } from '../signature/index.js';
import { readRequest, readResponse, requestHead } from './http-message.js';
import type { RequestInput, ResponseInput } from './http-message.js';
import { asKeytenderError } from './keytender-error.js';

/** Time and memory. Without `replay` a captured request can be played again while it is fresh. */
export type VerifyOptions = Partial<VerifyContext>;

/** A keyring, or what it is built from (build it once where speed matters). */
export type KeyringInput = Keyring | readonly KeyringEntry[];

/**
 * Whether a request was signed by a key of this keyring, as the policy wants it. What is wrong with the request is
 * a value, `{ ok: false, reason }`.
 * @throws KeytenderError for a keyring that cannot be built, and a body that was read already
 */
export async function verify(
  request: RequestInput,
  keyring: KeyringInput,
  policy: SignaturePolicy = keytenderPolicy,
  options: VerifyOptions = {},
): Promise<Verdict> {
  const ring = keyringOf(keyring);
  const message = await readRequest(request);
  return verifyPurely(message, ring, policy, contextOf(options));
}

/**
 * Whether an answer was signed by a key of this keyring and belongs to this request. Put only the key into the
 * keyring that signed the request.
 * @param request as it was sent, its signature fields included
 * @throws KeytenderError as `verify`
 */
export async function verifyResponse(
  response: ResponseInput,
  request: RequestInput,
  keyring: KeyringInput,
  policy: SignaturePolicy = keytenderAnswerPolicy,
  options: VerifyOptions = {},
): Promise<Verdict> {
  const ring = keyringOf(keyring);
  const message = await readResponse(response);
  return verifyResponsePurely(message, requestHead(request), ring, policy, contextOf(options));
}

function keyringOf(input: KeyringInput): Keyring {
  return input instanceof Keyring ? input : asKeytenderError(() => new Keyring(input));
}

function contextOf(options: VerifyOptions): VerifyContext {
  return { ...options, nowSeconds: options.nowSeconds ?? systemClock.now() / 1000 };
}
