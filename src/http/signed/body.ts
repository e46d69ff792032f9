// The content of a request, read by us and not by the router: only once the signature of its head held, never more
// than the limit, as the bytes that travelled.
import type { IncomingMessage } from 'node:http';
import { Problem } from '../problems.js';

/** Rejects with `Problem` `body_too_large`, or with `CallerGone`. */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    // not `for await`: leaving it early destroys the connection, and the refusal with it
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      request.off('data', onData);
      reject(new Problem('body_too_large'));
    };
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
      reject(new Problem('body_too_large'));
      return;
    }
    request.on('data', onData);
    request.once('end', () => {
      resolve(Buffer.concat(chunks, length));
    });
    request.once('close', () => {
      reject(new CallerGone());
    });
  });
}

/** The connection closed before there was anything to answer. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

/** The JSON of a body. Throws `Problem`. */
export function parseJson(body: Buffer, request: IncomingMessage): unknown {
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = request.headers;
  if (!/^application\/json[ \t]*(?:;|$)/i.test(type) || coding !== 'identity') {
    throw new Problem('unsupported_media_type');
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    throw new Problem('malformed_request');
  }
}
