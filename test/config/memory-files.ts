// Files of a test: kept in memory, private (0600) unless said otherwise, no mount table unless given.
import { FileRefusal } from '../../src/platform/files.js';
import type { FileReader } from '../../src/platform/files.js';

export interface MemoryFile {
  readonly content: string | Uint8Array;
  readonly mode?: number;
  readonly modifiedAtMs?: number;
  readonly realPath?: string;
  readonly refuse?: FileRefusal;
}

export class MemoryFiles implements FileReader {
  readonly files = new Map<string, MemoryFile>();
  readonly #mountTable: string | null;

  constructor(files: Record<string, string | MemoryFile> = {}, mountTable: string | null = null) {
    for (const [path, file] of Object.entries(files)) this.put(path, file);
    this.#mountTable = mountTable;
  }

  put(path: string, file: string | MemoryFile): void {
    this.files.set(path, typeof file === 'string' ? { content: file } : file);
  }

  async read(path: string, bytesMax: number): ReturnType<FileReader['read']> {
    const file = this.files.get(path);
    if (file === undefined) throw new FileRefusal('absent', 'does not exist');
    if (file.refuse !== undefined) throw file.refuse;
    const bytes = typeof file.content === 'string' ? Buffer.from(file.content) : file.content;
    if (bytes.length > bytesMax)
      throw new FileRefusal('too_large', `is longer than ${bytesMax} bytes`);
    return {
      bytes,
      mode: file.mode ?? 0o100600,
      modifiedAtMs: file.modifiedAtMs ?? 0,
      realPath: file.realPath ?? path,
    };
  }

  async mountTable(): Promise<string | null> {
    return this.#mountTable;
  }
}
