// RFC 9421 message signatures with HMAC-SHA256 (and RFC 9530 digests), for the agent's API and for the library.
// Pure: time, nonces and keys are arguments; imports nothing but `node:crypto`.
export { checkBinding, findRequestSignature } from './answer-binding.js';
export type { RequestSignature } from './answer-binding.js';
export { componentLabel, componentText, parseComponent, signatureParamsText } from './component.js';
export type { Component } from './component.js';
export { structuredTypes } from './component-value.js';
export type { StructuredTypes } from './component-value.js';
export { contentDigest, matchesContent, parseContentDigest } from './content-digest.js';
export type { DigestAlgorithm, ExpectedDigest } from './content-digest.js';
export { Fields } from './fields.js';
export type { FieldsInput } from './fields.js';
export { checkFreshness } from './freshness.js';
export type { FreshnessContext } from './freshness.js';
export { secretKey } from './key.js';
export type { KeyInput } from './key.js';
export { parseKeyid } from './keyid.js';
export type { Keyid } from './keyid.js';
export { Keyring } from './keyring.js';
export type { KeyRole, KeyringEntry } from './keyring.js';
export { isFramedWithContent, viewRequest, viewResponse } from './message.js';
export type { MessageView, RequestMessage, RequestView, ResponseMessage } from './message.js';
export type { ResponseView } from './message.js';
export { parseSignature } from './parse-signature.js';
export type { ParsedSignature, ParseOutcome } from './parse-signature.js';
export { keytenderAnswerPolicy, keytenderPolicy, rfc9421Policy, withMaxSkew } from './policy.js';
export type { SignaturePolicy } from './policy.js';
export { refusalReasons } from './refusal.js';
export type { Refusal, RefusalReason } from './refusal.js';
export { ReplayGuard, replayCapacity } from './replay/replay-guard.js';
export type { NonceHash } from './replay/nonce-table.js';
export { ReplayPartition } from './replay/replay-partition.js';
export type { ClaimOutcome } from './replay/replay-partition.js';
export { sign, signResponse } from './sign.js';
export type { AnswerParameters, Signed, SignatureHeaders, SigningParameters } from './sign.js';
export { signMessage } from './sign-message.js';
export { signatureBase } from './signature-base.js';
export { SigningError } from './signing-error.js';
export type { SigningErrorCode } from './signing-error.js';
export { normalizeAuthority } from './target.js';
export { checkDigest, verify, verifyResponse } from './verify.js';
export type {
  VerifiableRequest,
  VerifiableResponse,
  Verdict,
  Verified,
  VerifyContext,
} from './verify.js';
export { verifyMac } from './verify-mac.js';
export type { MacRefused, MacVerified } from './verify-mac.js';
