// The raw content of a request, for verifying before anybody parses it. `readAndReturn` puts it back into node's own
// request, so that a body parser behind it reads it as if nobody had.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { isFramedWithContent, Fields } from '../signature/index.js';
import { KeytenderError } from './keytender-error.js';

const noContent = Buffer.alloc(0);

/** Undefined when it is longer than `bytesMax`. */
export async function readAll(stream: Readable, bytesMax: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * Undefined when it is longer than `bytesMax`; then the rest is left unread.
 * @throws KeytenderError `malformed_request` when it was read already, or the caller has gone
 */
export async function readAndReturn(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | undefined> {
  if (!isFramedWithContent(new Fields(request.rawHeaders))) return noContent;
  if (request.readableDidRead) {
    throw new KeytenderError(
      'malformed_request',
      'the body must not have been read yet: verify before body parsers',
    );
  }
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const end = (): void => {
      request.off('readable', onReadable).off('error', onEnd).off('close', onEnd);
    };
    const onEnd = (): void => {
      end();
      reject(new KeytenderError('malformed_request', 'the request ended before its content'));
    };
    const onReadable = (): void => {
      for (let part = readPart(request); part !== null; part = readPart(request)) {
        bytes += part.length;
        if (bytes > bytesMax) {
          end();
          resolve(undefined);
          return;
        }
        parts.push(part);
      }
      if (!request.complete) return;
      const content = Buffer.concat(parts);
      end();
      // in the same turn: a stream that has told its end takes nothing back
      if (content.length > 0) request.unshift(content);
      resolve(content);
    };
    request.on('readable', onReadable).on('error', onEnd).on('close', onEnd);
  });
}

function readPart(request: IncomingMessage): Buffer | null {
  return request.read() as Buffer | null;
}
