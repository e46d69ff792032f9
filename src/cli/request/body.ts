// The content that `-d` names, as curl reads it: text as it is, `@file`, or `@-` for standard input. At most what an agent
// takes.
import { FileRefusal, systemFiles } from '../../platform/files.js';
import { UsageError } from '../usage-error.js';

export const BODY_BYTES_MAX = 1024 * 1024;

export type Stdin = AsyncIterable<Uint8Array | string>;

/** Throws `UsageError`. */
export async function bodyOf(text: string, stdin: Stdin): Promise<Uint8Array> {
  if (text === '@-') return fromStdin(stdin);
  if (!text.startsWith('@')) return Buffer.from(text, 'utf8');
  try {
    return (await systemFiles.read(text.slice(1), BODY_BYTES_MAX)).bytes;
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    throw new UsageError(`--data: the file ${error.message}`);
  }
}

async function fromStdin(stdin: Stdin): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stdin) {
    const chunk = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new UsageError(`--data: standard input is longer than ${BODY_BYTES_MAX} bytes`);
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
