// What ties an answer to one request (RFC 9421 §2.4): it carries the nonce of a signature of that request, names the
// same caller, and covers with `;req` all that this signature covered. Without it, an answer to another request with
// the same target could be passed off.
import { componentIdentity, componentOf, ofRequest } from './component.js';
import type { Component } from './component.js';
import type { Fields } from './fields.js';
import { parseKeyid } from './keyid.js';
import type { ParsedSignature } from './parse-signature.js';
import { readSignatures } from './read-signatures.js';
import type { RawSignature, SignatureLimits } from './read-signatures.js';
import type { RefusalReason } from './refusal.js';

/** What an answer repeats of a signature of its request. */
export interface RequestSignature {
  readonly components: readonly Component[];
  readonly nonce: string | undefined;
  readonly keyid: string | undefined;
}

/** The signature of a request that an answer is for, undefined when there is none (`replay`). */
export function findRequestSignature(
  request: Fields,
  limits: SignatureLimits,
  isWanted: (signature: RawSignature) => boolean,
): RequestSignature | undefined {
  const signatures = readSignatures(request, limits);
  if (typeof signatures === 'string') return undefined;
  const found = signatures.filter(isWanted);
  const [signature] = found;
  return signature === undefined || found.length > 1 ? undefined : requestSignature(signature);
}

/** Undefined when the answer is bound to this request. */
export function checkBinding(
  answer: Pick<ParsedSignature, 'components' | 'nonce' | 'keyid'>,
  request: Fields,
  limits: SignatureLimits,
): RefusalReason | undefined {
  const signature = findRequestSignature(
    request,
    limits,
    ({ input }) => answer.nonce !== undefined && input.parameters.get('nonce') === answer.nonce,
  );
  if (signature === undefined) return 'replay';
  if (callerOf(signature.keyid) !== callerOf(answer.keyid)) return 'unknown_key';
  const covered = new Set(answer.components.map(componentIdentity));
  const isWhole = signature.components.every((component) =>
    covered.has(componentIdentity(ofRequest(component))),
  );
  return isWhole ? undefined : 'missing_component';
}

function requestSignature({ input }: RawSignature): RequestSignature | undefined {
  const components: Component[] = [];
  for (const item of input.items) {
    const component = componentOf(item);
    if (component === undefined) return undefined;
    components.push(component);
  }
  const nonce = input.parameters.get('nonce');
  const keyid = input.parameters.get('keyid');
  return {
    components,
    nonce: typeof nonce === 'string' ? nonce : undefined,
    keyid: typeof keyid === 'string' ? keyid : undefined,
  };
}

function callerOf(keyid: string | undefined): string | undefined {
  return keyid === undefined ? undefined : (parseKeyid(keyid)?.caller ?? keyid);
}
