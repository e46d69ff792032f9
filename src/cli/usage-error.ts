// A command that was not written as it must be: ends with exit code 2 and the message, which says what would be right.

export class UsageError extends Error {
  readonly code = 'usage';
  override readonly name = 'UsageError';
}
