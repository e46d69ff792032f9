// The library: what a service runs in its own process. Pulls in no daemon code.
export {
  Keyring,
  keytenderAnswerPolicy,
  keytenderPolicy,
  refusalReasons,
  ReplayGuard,
  ReplayPartition,
  replayCapacity,
  rfc9421Policy,
  withMaxSkew,
} from '../signature/index.js';
export type {
  FieldsInput,
  KeyInput,
  KeyringEntry,
  KeyRole,
  Refusal,
  RefusalReason,
  SignatureHeaders,
  SignaturePolicy,
  Verdict,
  Verified,
} from '../signature/index.js';
export type { BodyInput, PlainRequest, PlainResponse } from './http-message.js';
export type { RequestInput, ResponseInput } from './http-message.js';
export { KeytenderError } from './keytender-error.js';
export type { KeytenderErrorCode, KeytenderErrorDetails } from './keytender-error.js';
export { sign, signResponse } from './sign.js';
export type { SignOptions, SignResponseOptions, SignResult } from './sign.js';
export { verify, verifyResponse } from './verify.js';
export type { KeyringInput, VerifyOptions } from './verify.js';
