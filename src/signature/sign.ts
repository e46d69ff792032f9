// Signing (RFC 9421 §3.1): from a message, a key and what the caller decided (time, nonce, tag) to the fields to
// send. Covers what `keytenderPolicy` asks for and `content-type`. No clock, no randomness. What cannot be signed as
// it is meant is thrown here, so that it does not come back as a 401.
import { findRequestSignature } from './answer-binding.js';
import type { RequestSignature } from './answer-binding.js';
import { componentIdentity, ofRequest, parseComponent, plainComponent } from './component.js';
import type { Component } from './component.js';
import { contentDigest, matchesContent, parseContentDigest } from './content-digest.js';
import type { DigestAlgorithm } from './content-digest.js';
import type { Fields } from './fields.js';
import type { KeyInput } from './key.js';
import { isFramedWithContent, viewRequest, viewResponse } from './message.js';
import type { RequestMessage, RequestView, ResponseMessage } from './message.js';
import { keytenderAnswerPolicy, keytenderPolicy } from './policy.js';
import type { RefusalReason } from './refusal.js';
import { signMessage } from './sign-message.js';
import type { BareItem } from './structured-field.js';
import { SigningError } from './signing-error.js';
import { withoutFragment } from './target.js';

export interface SigningParameters {
  readonly key: KeyInput;
  /** `name[:version]` or `client:id[:version]`. */
  readonly keyid: string;
  /** Whole seconds since the epoch. */
  readonly created: number;
  /** 16 to 128 printable ASCII characters that never repeat under this key. */
  readonly nonce: string;
  /** What the signature is for. */
  readonly tag: string;
  readonly expires?: number;
  /** Sends `alg="hmac-sha256"`. Default: not; the key decides. */
  readonly includeAlg?: boolean;
  /** Components beyond the required ones: `date`, `@scheme`. */
  readonly components?: readonly string[];
  /** Label in the signature fields; means nothing. Default `keytender`. */
  readonly label?: string;
  readonly digestAlgorithm?: DigestAlgorithm;
}

export interface AnswerParameters extends Omit<SigningParameters, 'nonce'> {
  /** The request's signature that is answered, where the server has parsed it already. */
  readonly requestSignature?: RequestSignature;
  /** Its tag otherwise, where the request has several. */
  readonly requestTag?: string;
}

/** The content as it will travel; of a text its UTF-8 bytes. */
export interface Signable {
  readonly body?: Uint8Array | string;
}

/** Fields to set, not to append: signatures that were there already are in them. A type, so that it fits a record. */
export type SignatureHeaders = {
  readonly 'content-digest'?: string;
  readonly 'signature-input': string;
  readonly signature: string;
};

export interface Signed {
  readonly headers: SignatureHeaders;
  /** What the MAC is over. */
  readonly base: string;
}

/**
 * Signs a request. A `content-digest` among the headers is covered as it is (and compared, when `body` is given);
 * otherwise one is made from `body`.
 * @throws SigningError
 */
export function sign(request: RequestMessage & Signable, parameters: SigningParameters): Signed {
  checkMethod(request.method);
  const view = viewRequest({ ...request, url: withoutFragment(request.url) });
  const isFramed = isFramedWithContent(view.fields);
  const content = isFramed || (request.body?.length ?? 0) > 0 ? request.body : undefined;
  const digest = digestField(view.fields, content, parameters.digestAlgorithm);
  if (isFramed && digest === undefined) {
    throw new SigningError('malformed_request', 'content needs a body or a content-digest field');
  }
  const components = covering(keytenderPolicy.components, view.fields, digest, parameters);
  return finish(view, components, digest, { ...parameters, nonce: parameters.nonce });
}

/**
 * Signs an answer to a signed request: its status, content and type, and with `;req` everything the request's
 * signature covered, under the request's nonce.
 * @throws SigningError
 */
export function signResponse(
  response: ResponseMessage & Signable,
  request: RequestMessage | RequestView,
  parameters: AnswerParameters,
): Signed {
  const requestView = viewRequest(request);
  const answered = parameters.requestSignature ?? answeredSignature(requestView.fields, parameters);
  if (answered.nonce === undefined) {
    throw new SigningError('malformed_request', 'the answered request must be signed with a nonce');
  }
  const view = viewResponse(response, requestView);
  const digest = digestField(view.fields, response.body ?? noContent, parameters.digestAlgorithm);
  const own = covering(keytenderAnswerPolicy.components, view.fields, digest, parameters);
  const components = [...own, ...answered.components.map(ofRequest)];
  return finish(view, components, digest, { ...parameters, nonce: answered.nonce });
}

const noContent = new Uint8Array(0);
const methodText = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const NONCE_CHARS = { min: keytenderPolicy.nonceCharsMin, max: keytenderPolicy.nonceCharsMax };

/** A digest that the message has, or that signing adds to it. */
interface DigestField {
  readonly added: string | undefined;
}

function digestField(
  fields: Fields,
  content: Uint8Array | string | undefined,
  algorithm: DigestAlgorithm | undefined,
): DigestField | undefined {
  const given = fields.value('content-digest');
  if (given === undefined) {
    return content === undefined ? undefined : { added: contentDigest(content, algorithm) };
  }
  const digests = parseContentDigest(given);
  const isUsable =
    typeof digests !== 'string' && (content === undefined || matchesContent(digests, content));
  if (!isUsable) {
    throw new SigningError('malformed_request', 'content-digest must be that of the body');
  }
  return { added: undefined };
}

function covering(
  required: readonly string[],
  fields: Fields,
  digest: DigestField | undefined,
  { components: extras = [] }: Pick<SigningParameters, 'components'>,
): readonly Component[] {
  const names = [...required];
  if (digest !== undefined) names.push('content-digest');
  if (fields.has('content-type')) names.push('content-type');
  const components = names.map(plainComponent);
  if (extras.length === 0) return components;
  const covered = new Set(components.map(componentIdentity));
  for (const extra of extras.map(parseComponent)) {
    if (!covered.has(componentIdentity(extra))) components.push(extra);
  }
  return components;
}

function finish(
  view: ReturnType<typeof viewRequest> | ReturnType<typeof viewResponse>,
  components: readonly Component[],
  digest: DigestField | undefined,
  parameters: SigningParameters,
): Signed {
  const added = digest?.added;
  const fields = added === undefined ? view.fields : view.fields.plus('content-digest', added);
  const { key, label } = parameters;
  const made = signMessage({ ...view, fields }, components, parameterMap(parameters), key, label);
  if (!made.ok) throw new SigningError('malformed_request', unsignable(made.reason));
  const { headers, base } = made;
  return { headers: added === undefined ? headers : { 'content-digest': added, ...headers }, base };
}

function parameterMap(parameters: SigningParameters): ReadonlyMap<string, BareItem> {
  const { created, expires, nonce, keyid, tag, includeAlg } = parameters;
  if (nonce.length < NONCE_CHARS.min || nonce.length > NONCE_CHARS.max) {
    throw new SigningError('malformed_value', 'a nonce must have 16 to 128 characters');
  }
  const map = new Map<string, BareItem>([['created', created]]);
  if (expires !== undefined) map.set('expires', expires);
  map.set('nonce', nonce);
  if (includeAlg === true) map.set('alg', 'hmac-sha256');
  map.set('keyid', keyid);
  map.set('tag', tag);
  return map;
}

function checkMethod(method: string): void {
  if (!methodText.test(method)) {
    throw new SigningError('malformed_request', 'method must be an HTTP token');
  }
}

function answeredSignature(
  request: Fields,
  { requestTag }: Pick<AnswerParameters, 'requestTag'>,
): RequestSignature {
  const found = findRequestSignature(
    request,
    keytenderPolicy,
    ({ input }) => requestTag === undefined || input.parameters.get('tag') === requestTag,
  );
  if (found !== undefined) return found;
  throw new SigningError('malformed_request', 'the answered request must have one such signature');
}

function unsignable(reason: RefusalReason): string {
  switch (reason) {
    case 'missing_component':
      return 'a covered component must be in the message';
    case 'unsupported_component':
      return 'a covered component must be known, ASCII, and named once';
    default:
      return 'method, url and signature fields must be well-formed';
  }
}
