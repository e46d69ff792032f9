// Answers to verified requests are signed with the key that verified them (RFC 9421 section 2.4): status, content,
// and everything the request's signature covered, under the request's nonce.
import { signResponse } from '../../signature/index.js';
import type { RequestMessage } from '../../signature/index.js';
import type { Authenticated } from './authenticate.js';

export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const NO_CONTENT = Buffer.alloc(0);

/** `createdSeconds`: by the clock that verifies, in whole seconds. */
export function signAnswer(
  answer: Outgoing,
  request: RequestMessage,
  { parsed, key }: Pick<Authenticated, 'parsed' | 'key'>,
  createdSeconds: number,
): Outgoing {
  const { components, nonce, keyid } = parsed;
  // what is sent to HEAD has no content
  const body = request.method === 'HEAD' ? NO_CONTENT : answer.body;
  const signed = signResponse({ status: answer.status, headers: answer.headers, body }, request, {
    key,
    keyid: keyid ?? '',
    created: createdSeconds,
    tag: 'keytender-answer',
    requestSignature: { components, nonce, keyid },
  });
  return { ...answer, headers: { ...answer.headers, ...signed.headers } };
}
