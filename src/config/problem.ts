// What is wrong with a setting, told so that a person can repair it without a manual: the key as they wrote it, what
// is wrong, and the fix. Never quotes a value: a secret may have been put into the wrong place.

/** One mistake in the settings. Exit code 2 at start; at a reload the old settings stay. */
export class ConfigProblem extends Error {
  /** The name as the user wrote it (file key, environment name, `--set` key), or the one they would have to write. */
  readonly key: string;
  /** A lower-case phrase: what to do about it. */
  readonly fix: string;

  constructor(key: string, message: string, fix: string) {
    super(message);
    this.name = 'ConfigProblem';
    this.key = key === '' ? '""' : printable(key);
    this.fix = fix;
  }

  /** One line for a terminal or a log. */
  override toString(): string {
    return `${this.key}: ${this.message}; ${this.fix}`;
  }

  toJSON(): { key: string; message: string; fix: string } {
    return { key: this.key, message: this.message, fix: this.fix };
  }
}

/** Text from outside, fit for a log line: no control characters, not long. */
export function printable(text: string): string {
  const clean = text.replace(/[\p{C}\u2028\u2029]/gu, '�');
  return clean.length <= 120 ? clean : `${clean.slice(0, 117)}...`;
}
