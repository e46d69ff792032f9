// One probe over a bare socket: a request line, a status line, done. `node:http` alone would double the time and the
// memory of a health check. RFC 9112 §3 and §4 are all the HTTP that is spoken.
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../platform/clock.js';
import type { ProbeTarget } from './target.js';

/** `status` of the answer, or why there was none. */
export type ProbeAnswer = { readonly status: number } | { readonly error: string };

/** More than any status line; what sends more without a line end does not speak HTTP. */
const statusLineBytesMax = 1024;

/** Asks the target's hosts in order until one answers, within `timeoutMs` in all. Never rejects. */
export async function ask(
  target: ProbeTarget,
  path: string,
  timeoutMs: number,
  clock: Clock,
): Promise<ProbeAnswer> {
  const attempt: Attempt = { isLate: false, socket: null };
  // Left to itself when the answer comes: to cancel it takes an AbortController, which Node loads for a tenth of the
  // time that a health check has.
  void clock.sleep(timeoutMs).then(() => {
    attempt.isLate = true;
    attempt.socket?.destroy();
  });
  let answer: ProbeAnswer = { error: 'no address' };
  for (const host of target.hosts) {
    answer = await askHost(host, target, path, attempt);
    if ('status' in answer || attempt.isLate) break;
  }
  return attempt.isLate && !('status' in answer) ? { error: 'no answer in time' } : answer;
}

interface Attempt {
  isLate: boolean;
  /** The one that is open now. */
  socket: Socket | null;
}

function askHost(
  host: string,
  target: ProbeTarget,
  path: string,
  attempt: Attempt,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    let head = '';
    const socket = connect({ host, port: target.port });
    attempt.socket = socket;
    const end = (answer: ProbeAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${target.authority}\r\nUser-Agent: keytender-healthcheck\r\nConnection: close\r\n\r\n`,
      );
    });
    socket.on('data', (chunk) => {
      head += String(chunk);
      const status = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(head)?.[1];
      if (status !== undefined) end({ status: Number(status) });
      else if (head.includes('\n') || head.length > statusLineBytesMax) {
        end({ error: 'what answers does not speak HTTP' });
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end({ error: error.code ?? 'connection failed' });
    });
    socket.on('close', () => {
      end({ error: 'the connection was closed without an answer' });
    });
  });
}
