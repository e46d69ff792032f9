// A key in a file that somebody else keeps fresh (a sink of the agent, a mounted secret): read at each use, so that a
// rotation needs no restart. One line break at its end is not part of the key; nothing of it is in any message.
import { createSecretKey, type KeyObject } from 'node:crypto';
import { FileRefusal, systemFiles, type FileReader } from '../platform/files.js';
import { KeytenderError } from './keytender-error.js';

/** A token has at most 8,192 bytes; a line break may follow. */
const FILE_BYTES_MAX = 8194;

export interface FileKey {
  readonly key: KeyObject;
  readonly text: string;
  /** Counts the contents seen: equal numbers are equal keys. */
  readonly revision: number;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAtMs: number;
}

export class KeyFile {
  readonly #path: string;
  readonly #files: FileReader;
  #last: FileKey | undefined;

  constructor(path: string, files: FileReader = systemFiles) {
    this.#path = path;
    this.#files = files;
  }

  /** Of what was read last; 0 before the first time. */
  get revisionSeen(): number {
    return this.#last?.revision ?? 0;
  }

  /** @throws KeytenderError `file_unreadable`, `empty_key` */
  async read(): Promise<FileKey> {
    const { bytes, modifiedAtMs } = await this.#content();
    const text = Buffer.from(bytes)
      .toString('utf8')
      .replace(/\r?\n$/, '');
    if (text === '') throw new KeytenderError('empty_key', 'the key file must not be empty');
    const key = createSecretKey(text, 'utf8');
    const last = this.#last;
    if (last?.key.equals(key) === true) return last;
    this.#last = { key, text, revision: (last?.revision ?? 0) + 1, modifiedAtMs };
    return this.#last;
  }

  async #content(): ReturnType<FileReader['read']> {
    try {
      return await this.#files.read(this.#path, FILE_BYTES_MAX);
    } catch (error) {
      if (!(error instanceof FileRefusal)) throw error;
      throw new KeytenderError('file_unreadable', `the key file ${error.message}`, {
        cause: error,
      });
    }
  }
}
