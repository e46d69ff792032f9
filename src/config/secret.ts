// Secrets among the settings: given as a value (kept as bytes, outside the strings of the JavaScript heap) or as a file
// that is read at each use. One line break at a file's end is not part of the secret. Printing one prints a redaction.
import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import { FileRefusal } from '../platform/files.js';
import type { FileReader, FileReading } from '../platform/files.js';
import type { SecretSetting } from './config.js';
import { ConfigProblem } from './problem.js';
import { hasControlCharacter } from './setting.js';
import { isMountedAsSecret, isOpenToOthers } from './world-readable.js';

const SECRET_FILE_BYTES_MAX = 65_536;
const REDACTED = '[redacted]';

/** Length limits in bytes of UTF-8. */
export interface SecretLimits {
  readonly bytesMin: number;
  readonly bytesMax: number;
}

/** What reading a secret file needs besides its path. */
export interface SecretFilePolicy {
  readonly files: FileReader;
  /** `files.strict`. */
  readonly strict: boolean;
}

/** What was found in a secret file, and whether its mode deserves a warning. */
export interface SecretFileContent {
  readonly text: string;
  readonly modifiedAtMs: number;
  readonly isOpenToOthers: boolean;
}

class ValueSecret implements SecretSetting {
  readonly file = null;
  readonly #bytes: Buffer;

  constructor(text: string) {
    this.#bytes = Buffer.from(text, 'utf8');
  }

  read(): Promise<string> {
    return Promise.resolve(this.#bytes.toString('utf8'));
  }

  modifiedAt(): Promise<null> {
    return Promise.resolve(null);
  }

  isSame(other: SecretSetting): boolean {
    if (!(other instanceof ValueSecret)) return false;
    const [mine, theirs] = [this.#bytes, other.#bytes];
    return mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

class FileSecret implements SecretSetting {
  readonly file: string;
  readonly #name: string;
  readonly #limits: SecretLimits;
  readonly #policy: SecretFilePolicy;

  constructor(name: string, file: string, limits: SecretLimits, policy: SecretFilePolicy) {
    this.file = file;
    this.#name = name;
    this.#limits = limits;
    this.#policy = policy;
  }

  async read(): Promise<string> {
    return (await this.#content()).text;
  }

  async modifiedAt(): Promise<number> {
    return (await this.#content()).modifiedAtMs;
  }

  isSame(other: SecretSetting): boolean {
    return other instanceof FileSecret && other.file === this.file;
  }

  toString(): string {
    return `file:${this.file}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #content(): Promise<SecretFileContent> {
    return readSecretFile(this.#name, this.file, this.#limits, this.#policy);
  }
}

/** `text` must have passed `secretMistake`. */
export function secretFromValue(text: string): SecretSetting {
  return new ValueSecret(text);
}

/** `name` is the setting's, as the user wrote it; nothing is read yet. */
export function secretFromFile(
  name: string,
  file: string,
  limits: SecretLimits,
  policy: SecretFilePolicy,
): SecretSetting {
  return new FileSecret(name, file, limits, policy);
}

/** Whether two secrets come from the same file, or are the same value. Reads no file. */
export function isSameSecret(a: SecretSetting | null, b: SecretSetting | null): boolean {
  if (a === null || b === null || a === b) return a === b;
  return (a instanceof ValueSecret || a instanceof FileSecret) && a.isSame(b);
}

/** What is wrong with a secret's text, without a letter of it; or null. */
export function secretMistake(
  text: string,
  { bytesMin, bytesMax }: SecretLimits,
): { readonly message: string; readonly fix: string } | null {
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes === 0)
    return { message: 'is empty', fix: 'put the secret in, or leave the setting out' };
  if (hasControlCharacter(text)) {
    return {
      message: 'has a control character in it (a line break, perhaps)',
      fix: "write it without: printf '%s' instead of echo",
    };
  }
  if (text.trim() !== text) {
    return { message: 'starts or ends with white space', fix: 'remove the white space' };
  }
  if (bytes < bytesMin) {
    return {
      message: `is shorter than ${bytesMin} bytes`,
      fix: 'make one by: openssl rand -base64 32',
    };
  }
  if (bytes > bytesMax) {
    return {
      message: `is longer than ${bytesMax} bytes`,
      fix: 'this is not the secret meant here',
    };
  }
  return null;
}

/** Reads and checks a secret file. Throws `ConfigProblem`. */
export async function readSecretFile(
  name: string,
  file: string,
  limits: SecretLimits,
  policy: SecretFilePolicy,
): Promise<SecretFileContent> {
  const { reading, isOpenToOthers } = await openSecretFile(name, file, policy);
  const text = decode(name, file, reading.bytes);
  const mistake = secretMistake(text, limits);
  if (mistake !== null) {
    throw new ConfigProblem(name, `the secret in ${file} ${mistake.message}`, mistake.fix);
  }
  return { text, modifiedAtMs: reading.modifiedAtMs, isOpenToOthers };
}

/** Reads a file that others must not be able to read, whatever is in it. Throws `ConfigProblem`. */
export async function openSecretFile(
  name: string,
  file: string,
  { files, strict }: SecretFilePolicy,
): Promise<{ readonly reading: FileReading; readonly isOpenToOthers: boolean }> {
  let reading: FileReading;
  try {
    reading = await files.read(file, SECRET_FILE_BYTES_MAX);
  } catch (error) {
    throw refused(name, error);
  }
  const open = isOpenToOthers(reading.mode);
  if (open && (strict || !isMountedAsSecret(reading.realPath, await files.mountTable()))) {
    throw new ConfigProblem(
      name,
      `everybody on this machine may read or write ${file}`,
      `chmod o-rwx ${file}${strict ? ' (files.strict is set)' : ''}`,
    );
  }
  return { reading, isOpenToOthers: open };
}

/** Does not name the file: it may be a secret that was put where its path belongs. */
function refused(name: string, error: unknown): ConfigProblem {
  const reason = error instanceof FileRefusal ? error.message : 'cannot be read';
  const fix =
    error instanceof FileRefusal && error.reason === 'forbidden'
      ? 'let the user that runs the agent read it (chown or chmod)'
      : 'correct the path; it is the path of the file that belongs here, not what is in it';
  return new ConfigProblem(name, `the file it names ${reason}`, fix);
}

function decode(name: string, file: string, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.replace(/\r?\n$/, '');
  } catch {
    throw new ConfigProblem(name, `the secret in ${file} is not UTF-8 text`, 'write it as text');
  }
}
