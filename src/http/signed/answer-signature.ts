// Answers to verified requests are signed with the key that verified them (RFC 9421 section 2.4): status, content,
// and everything the request's signature covered, under the request's nonce.
import { signResponse } from '../../signature/index.js';
import type { Authenticated } from './authenticate.js';

export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where there is none. */
  readonly body: string;
}

/** `createdSeconds`: by the clock that verifies, in whole seconds. */
export function signAnswer(
  answer: Outgoing,
  { request, parsed, mac }: Pick<Authenticated, 'request' | 'parsed' | 'mac'>,
  createdSeconds: number,
): Outgoing {
  const { components, nonce, keyid } = parsed;
  // what is sent to HEAD has no content
  const body = request.method === 'HEAD' ? '' : answer.body;
  const { status, headers } = answer;
  const signed = signResponse({ status, headers, body }, request, {
    key: mac.secret,
    keyid: keyid ?? '',
    created: createdSeconds,
    tag: 'keytender-answer',
    requestSignature: { components, nonce, keyid },
  });
  return { status, headers: { ...headers, ...signed.headers }, body: answer.body };
}
