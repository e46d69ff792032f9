// How an answer is written: the headers that all of them have, the length, and head and content in one piece. Past the
// framework's reply, which would copy the headers and add a charset that our media types do not have.
import type { ServerResponse } from 'node:http';
import { atTurnEnd } from '../platform/turn-end.js';

/** What every answer says of itself: nothing is kept, nothing is guessed. */
const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** Headers that were set on `response` before are sent too; `headers` come before both. */
export function writeAnswer(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  if (status === 204) {
    response.writeHead(status, { ...common, ...headers }).end();
    return;
  }
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...common, ...headers, 'content-length': length });
  // a text of single bytes is joined to the head as it is
  const encoding = length === body.length ? 'latin1' : 'utf8';
  atTurnEnd(() => {
    response.end(body, encoding);
  });
}
