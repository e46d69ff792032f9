// Requests as bytes on a connection of their own, so that nothing between test and agent puts anything in order.
import { connect } from 'node:net';
import type { Sent } from '../fixtures/signed-request.js';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names as they came, in their order. */
  readonly names: readonly string[];
  readonly text: string;
}

/** Request line and fields of `sent`, each line with its CRLF. */
export function headOf({ method, target, headers }: Sent): string {
  const fields = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}\r\n`),
  );
  return `${method} ${target} HTTP/1.1\r\n${fields.join('')}`;
}

/** Writes and reads until the agent closes: at most 20 s. */
export function exchange(url: string, bytes: Buffer): Promise<RawAnswer[]> {
  const { port, hostname } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after 20 s: ${text.slice(0, 500)}`));
    }, 20_000);
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    // it may be reset once all was said
    socket.once('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(answersIn(text));
    });
  });
}

/** One after the other, each by its length. Throws where something else follows. */
export function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest !== '') {
    const [whole, status, fields = ''] =
      /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n(.*?\r\n)\r\n/s.exec(rest) ?? [];
    if (whole === undefined) throw new Error(`not an answer: ${rest.slice(0, 200)}`);
    const lines = fields
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(/: ?(.*)/s));
    const headers = Object.fromEntries(
      lines.map(([name = '', value = '']) => [name.toLowerCase(), value]),
    );
    // to HEAD the length is told, and the next answer follows
    const isHeadOnly = /^(?:HTTP\/1\.1 |$)/.test(rest.slice(whole.length, whole.length + 9));
    const length = isHeadOnly ? 0 : Number(headers['content-length'] ?? 0);
    answers.push({
      status: Number(status),
      headers,
      names: lines.map(([name = '']) => name),
      text: rest.slice(whole.length, whole.length + length),
    });
    rest = rest.slice(whole.length + length);
  }
  return answers;
}
