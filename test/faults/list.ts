// Every fault there is, in the order of docs/faults.md. A test holds it against the directory.
import type { Fault } from './fault.js';
import acceptsCallersAheadOfASlowStandby from './faults/accepts-callers-ahead-of-a-slow-standby.js';
import acceptsCallersAheadOfAStandby from './faults/accepts-callers-ahead-of-a-standby.js';
import obeysADestroyedSecret from './faults/obeys-a-destroyed-secret.js';
import survivesABadGateway from './faults/survives-a-bad-gateway.js';
import survivesACertificateOfAStranger from './faults/survives-a-certificate-of-a-stranger.js';
import survivesACertificateOfAnotherName from './faults/survives-a-certificate-of-another-name.js';
import survivesADeletedSecret from './faults/survives-a-deleted-secret.js';
import survivesADenial from './faults/survives-a-denial.js';
import survivesADescriptorLimit from './faults/survives-a-descriptor-limit.js';
import survivesAFullDisk from './faults/survives-a-full-disk.js';
import survivesAHangAtConnect from './faults/survives-a-hang-at-connect.js';
import survivesAHangBeforeHeaders from './faults/survives-a-hang-before-headers.js';
import survivesALoginThatEnded from './faults/survives-a-login-that-ended.js';
import survivesAMissingField from './faults/survives-a-missing-field.js';
import survivesAMountThatMoved from './faults/survives-a-mount-that-moved.js';
import survivesARateLimit from './faults/survives-a-rate-limit.js';
import survivesARateLimitWithATime from './faults/survives-a-rate-limit-with-a-time.js';
import survivesARedirectElsewhere from './faults/survives-a-redirect-elsewhere.js';
import survivesARedirectLoop from './faults/survives-a-redirect-loop.js';
import survivesARefusal from './faults/survives-a-refusal.js';
import survivesARefusedLogin from './faults/survives-a-refused-login.js';
import survivesASealedVault from './faults/survives-a-sealed-vault.js';
import survivesASigkill from './faults/survives-a-sigkill.js';
import survivesASlowDrip from './faults/survives-a-slow-drip.js';
import survivesAStandbyThatGoesBack from './faults/survives-a-standby-that-goes-back.js';
import survivesAStandbyThatIsCutOff from './faults/survives-a-standby-that-is-cut-off.js';
import survivesATokenOfTheWrongType from './faults/survives-a-token-of-the-wrong-type.js';
import survivesAVaultAheadOfItsTime from './faults/survives-a-vault-ahead-of-its-time.js';
import survivesAVaultBehindItsTime from './faults/survives-a-vault-behind-its-time.js';
import survivesAnAbsentSecret from './faults/survives-an-absent-secret.js';
import survivesAnAnswerOfVersion1 from './faults/survives-an-answer-of-version-1.js';
import survivesAnEmptyToken from './faults/survives-an-empty-token.js';
import survivesAnExpiredCertificate from './faults/survives-an-expired-certificate.js';
import survivesAnHourOfSuspend from './faults/survives-an-hour-of-suspend.js';
import survivesAnInternalError from './faults/survives-an-internal-error.js';
import survivesAnOwnClockThatIsAhead from './faults/survives-an-own-clock-that-is-ahead.js';
import survivesAnOwnClockThatIsBehind from './faults/survives-an-own-clock-that-is-behind.js';
import survivesAnUnavailableVault from './faults/survives-an-unavailable-vault.js';
import survivesBytesThatAreNoHttp from './faults/survives-bytes-that-are-no-http.js';
import survivesDeletedMetadata from './faults/survives-deleted-metadata.js';
import survivesGarbage from './faults/survives-garbage.js';
import survivesNamesThatDoNotResolve from './faults/survives-names-that-do-not-resolve.js';
import survivesOversizedAnswers from './faults/survives-oversized-answers.js';
import survivesRefusedConnections from './faults/survives-refused-connections.js';
import survivesResetConnections from './faults/survives-reset-connections.js';
import survivesTheOnlyStandbyThatIsCutOff from './faults/survives-the-only-standby-that-is-cut-off.js';
import survivesTruncatedAnswers from './faults/survives-truncated-answers.js';

/** By the names of their files. */
export const faults: Readonly<Record<string, Fault>> = {
  'survives-refused-connections': survivesRefusedConnections,
  'survives-reset-connections': survivesResetConnections,
  'survives-names-that-do-not-resolve': survivesNamesThatDoNotResolve,
  'survives-an-expired-certificate': survivesAnExpiredCertificate,
  'survives-a-certificate-of-another-name': survivesACertificateOfAnotherName,
  'survives-a-certificate-of-a-stranger': survivesACertificateOfAStranger,
  'survives-a-hang-at-connect': survivesAHangAtConnect,
  'survives-a-hang-before-headers': survivesAHangBeforeHeaders,
  'survives-a-slow-drip': survivesASlowDrip,
  'survives-truncated-answers': survivesTruncatedAnswers,
  'survives-oversized-answers': survivesOversizedAnswers,
  'survives-bytes-that-are-no-http': survivesBytesThatAreNoHttp,
  'survives-garbage': survivesGarbage,
  'survives-a-refusal': survivesARefusal,
  'survives-a-denial': survivesADenial,
  'survives-an-absent-secret': survivesAnAbsentSecret,
  'survives-a-rate-limit': survivesARateLimit,
  'survives-a-rate-limit-with-a-time': survivesARateLimitWithATime,
  'survives-an-internal-error': survivesAnInternalError,
  'survives-a-bad-gateway': survivesABadGateway,
  'survives-a-sealed-vault': survivesASealedVault,
  'survives-an-unavailable-vault': survivesAnUnavailableVault,
  'survives-a-redirect-elsewhere': survivesARedirectElsewhere,
  'survives-a-redirect-loop': survivesARedirectLoop,
  'survives-an-answer-of-version-1': survivesAnAnswerOfVersion1,
  'survives-a-token-of-the-wrong-type': survivesATokenOfTheWrongType,
  'survives-an-empty-token': survivesAnEmptyToken,
  'survives-a-missing-field': survivesAMissingField,
  'survives-a-standby-that-goes-back': survivesAStandbyThatGoesBack,
  'accepts-callers-ahead-of-a-standby': acceptsCallersAheadOfAStandby,
  'accepts-callers-ahead-of-a-slow-standby': acceptsCallersAheadOfASlowStandby,
  'survives-a-standby-that-is-cut-off': survivesAStandbyThatIsCutOff,
  'survives-the-only-standby-that-is-cut-off': survivesTheOnlyStandbyThatIsCutOff,
  'survives-a-vault-ahead-of-its-time': survivesAVaultAheadOfItsTime,
  'survives-a-vault-behind-its-time': survivesAVaultBehindItsTime,
  'survives-an-own-clock-that-is-ahead': survivesAnOwnClockThatIsAhead,
  'survives-an-own-clock-that-is-behind': survivesAnOwnClockThatIsBehind,
  'survives-an-hour-of-suspend': survivesAnHourOfSuspend,
  'survives-a-login-that-ended': survivesALoginThatEnded,
  'survives-a-refused-login': survivesARefusedLogin,
  'survives-a-deleted-secret': survivesADeletedSecret,
  'obeys-a-destroyed-secret': obeysADestroyedSecret,
  'survives-deleted-metadata': survivesDeletedMetadata,
  'survives-a-mount-that-moved': survivesAMountThatMoved,
  'survives-a-full-disk': survivesAFullDisk,
  'survives-a-descriptor-limit': survivesADescriptorLimit,
  'survives-a-sigkill': survivesASigkill,
};
