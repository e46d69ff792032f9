// What another implementation needs to verify a vector, and to sign the same message itself.
import { parseDictionary } from '../../src/signature/structured-field.js';
import type { InnerList } from '../../src/signature/structured-field.js';
import { componentOf, componentText } from '../../src/signature/component.js';
import { verify, verifyResponse } from '../../src/signature/index.js';
import type { Verdict } from '../../src/signature/index.js';
import { contextOf, keyBytes, keyring, policyOf, requestOf, responseOf } from './vector-file.js';
import type { AcceptedVector } from './vector-file.js';

type Lines = readonly (readonly [string, string])[];

/** The one signature of a vector that its key made. */
export function signatureOf(vector: AcceptedVector): { label: string; input: InnerList } {
  const field = signedMessage(vector)
    .headers.filter(([name]) => name === 'Signature-Input')
    .map(([, value]) => value)
    .join(', ');
  for (const [label, input] of parseDictionary(field)!) {
    const { tag } = vector.policy;
    if (input.kind !== 'inner-list') continue;
    if (tag === undefined || input.parameters.get('tag') === tag) return { label, input };
  }
  throw new Error(`no signature in ${vector.name}`);
}

export function taskOf(vector: AcceptedVector) {
  const { input } = signatureOf(vector);
  const parameter = (name: string) => input.parameters.get(name);
  return {
    name: vector.name,
    request: vector.request,
    ...(vector.response === undefined ? {} : { response: vector.response }),
    key: keyBytes(vector.key).toString('base64'),
    components: input.items.map((item) => componentText(componentOf(item)!)),
    keyid: parameter('keyid') as string,
    created: parameter('created') as number,
    expires: parameter('expires') as number | undefined,
    nonce: parameter('nonce') as string | undefined,
    tag: parameter('tag') as string | undefined,
    alg: parameter('alg') !== undefined,
  };
}

/** How we judge the message of a vector that carries somebody else's signature. */
export function judgeSigned(vector: AcceptedVector, headers: Lines): Verdict {
  const [policy, context] = [policyOf(vector), contextOf(vector)];
  const [request, response] = [requestOf(vector), responseOf(vector)];
  return response === undefined
    ? verify({ ...request, headers }, keyring, policy, context)
    : verifyResponse({ ...response, headers }, request, keyring, policy, context);
}

export function signedMessage({ request, response }: AcceptedVector): { readonly headers: Lines } {
  return response ?? request;
}
