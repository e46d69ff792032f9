// Puts an answer on the wire, whole or with a fault. Nothing here outlives its connection: whoever destroys the socket
// ends every wait.
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from '../http/answer.js';
import type { RequestFault } from './fault.js';

export type Headers = Record<string, string>;

const CHUNK_BYTES = 65_536;

/** The answer with the fault applied; resolves with the status that went out, 0 for none. */
export async function sendAnswer(
  response: ServerResponse,
  answer: Answer,
  headers: Headers,
  fault: RequestFault | undefined,
): Promise<number> {
  switch (fault?.kind) {
    case undefined:
    case 'content-type':
    case 'status':
    case 'redirect':
      return sendWhole(response, answer, headers);
    case 'reset':
      resetSocket(response.socket);
      return 0;
    case 'hang':
      return 0;
    case 'delay':
      await waitOnSocket(response, fault.ms);
      return sendWhole(response, answer, headers);
    case 'drip':
      return drip(response, answer, headers, fault.everyMs, fault.bytes ?? 1);
    case 'truncate':
      sendPart(response, answer, headers, fault.afterBytes, (socket) => socket.end());
      return answer.status;
    case 'reset-mid-body':
      sendPart(response, answer, headers, fault.afterBytes, resetSocket);
      return answer.status;
    case 'oversized':
      return sendOversized(response, headers, fault.bytes);
    case 'garbage':
      return sendGarbage(response, headers, fault.instead ?? 'body');
  }
}

function sendWhole(response: ServerResponse, answer: Answer, headers: Headers): number {
  if (response.destroyed) return 0;
  response.writeHead(answer.status, withLength(answer, headers));
  response.end(answer.body);
  return answer.status;
}

function withLength(answer: Answer, headers: Headers): Headers {
  const hasBody = answer.status !== 204 && answer.status !== 304;
  return hasBody
    ? { ...headers, 'content-length': String(Buffer.byteLength(answer.body)) }
    : headers;
}

export function resetSocket(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

/** Waits, or until the connection is gone. */
function waitOnSocket(response: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(Math.max(0, ms), 2 ** 31 - 1));
    response.once('close', done);
  });
}

async function drip(
  response: ServerResponse,
  answer: Answer,
  headers: Headers,
  everyMs: number,
  bytes: number,
): Promise<number> {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, withLength(answer, headers));
  for (let at = 0; at < body.length && !response.destroyed; at += Math.max(1, bytes)) {
    response.write(body.subarray(at, at + Math.max(1, bytes)));
    await waitOnSocket(response, everyMs);
  }
  if (!response.destroyed) response.end();
  return answer.status;
}

function sendPart(
  response: ServerResponse,
  answer: Answer,
  headers: Headers,
  afterBytes: number | undefined,
  finish: (socket: Socket) => void,
): void {
  const body = Buffer.from(answer.body);
  const sent = Math.min(afterBytes ?? Math.floor(body.length / 2), Math.max(0, body.length - 1));
  response.writeHead(answer.status, { ...headers, 'content-length': String(body.length) });
  response.flushHeaders();
  const { socket } = response;
  if (socket === null) return;
  response.write(body.subarray(0, sent), () => {
    // A reset discards what has not left yet: let the part be seen first.
    setTimeout(() => {
      finish(socket);
    }, 5);
  });
}

async function sendOversized(
  response: ServerResponse,
  headers: Headers,
  bytes: number,
): Promise<number> {
  const head = '{"request_id":"","data":{"data":{"token":"';
  const tail = '"}}}\n';
  response.writeHead(200, headers);
  response.write(head);
  const filler = Buffer.alloc(CHUNK_BYTES, 0x61);
  let left = Math.max(0, bytes - head.length - tail.length);
  while (left > 0 && !response.destroyed) {
    const chunk = filler.subarray(0, Math.min(left, CHUNK_BYTES));
    left -= chunk.length;
    if (!response.write(chunk)) await drained(response);
  }
  if (!response.destroyed) response.end(tail);
  return 200;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

function sendGarbage(
  response: ServerResponse,
  headers: Headers,
  instead: 'body' | 'answer',
): number {
  const bytes = randomBytes(512);
  if (instead === 'answer') {
    response.socket?.end(bytes);
    return 0;
  }
  response.writeHead(200, { ...headers, 'content-length': String(bytes.length) });
  response.end(bytes);
  return 200;
}
