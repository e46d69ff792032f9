// What was asked for could not be done, for a reason outside of us: ends with exit code 1 and the message, which says
// what to do.

export class FailedError extends Error {
  readonly code = 'failed';
  override readonly name = 'FailedError';
}
