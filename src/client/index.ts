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
export type { Agent } from './agent.js';
export type { AgentRequestInit, WaitOptions } from './agent.js';
export type { Clock } from './client-clock.js';
export { connect } from './connect.js';
export type { ClientOptions, ConnectOptions, HolderOptions } from './connect.js';
export type { SharedConnectOptions, SocketOptions } from './connect.js';
export type { ExpressMiddleware, SignedExpressRequest } from './express.js';
export type { SignedFastifyRequest } from './fastify.js';
export type { GuardOptions } from './guard.js';
export type { RotationListener } from './held-token.js';
export { KeytenderError, libraryErrorCodes } from './keytender-error.js';
export type { KeytenderErrorCode, KeytenderErrorDetails } from './keytender-error.js';
export type { LibraryErrorCode } from './keytender-error.js';
export type { Service } from './service.js';
export type { ServiceOptions } from './service.js';
export type { ServiceRequestInit } from './service-fetch.js';
export type { SignedRequest } from './service-signer.js';
export type { RefusedRequest, ServiceVerdict, VerifiedRequest } from './service-verifier.js';
export type { PendingToken, SupersededToken, Token } from './token.js';
export type { RefreshResult } from './token-source.js';
export type { SigningInterceptor, SigningOptions } from './undici.js';
export { sign, signResponse } from './sign.js';
export type { SignOptions, SignResponseOptions, SignResult } from './sign.js';
export { verify, verifyResponse } from './verify.js';
export type { KeyringInput, VerifyOptions } from './verify.js';
