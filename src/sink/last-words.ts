// What a failed command said last, fit for a log: bounded, one line, without the token in it (a script run with `sh -x`
// prints what it reads).
import type { Readable } from 'node:stream';
import type { AgentToken } from '../token/agent-token.js';
import type { TokenSnapshot } from '../token/snapshot.js';

const BYTES_MAX = 16_384;
const WORDS_MAX = 200;

/** Collects from now on; the answer gives what there is so far. What is too much is read and dropped. */
export function collectWords(stream: Readable | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(0, BYTES_MAX);
  });
  stream?.on('error', () => undefined);
  return () => text;
}

/** Empty, or the last line behind a colon. */
export function lastWords(text: string, snapshot: TokenSnapshot): string {
  const values = [snapshot.current, ...snapshot.superseded].flatMap((one) =>
    one === null ? [] : [one.value],
  );
  const line = withoutTokens(text, values).trim().split('\n').at(-1) ?? '';
  const words = line.replace(/[\p{C}]+/gu, ' ').slice(0, WORDS_MAX);
  return words === '' ? '' : `: ${words}`;
}

function withoutTokens(text: string, values: readonly AgentToken[]): string {
  const longest = Math.max(0, ...values.map(({ bytes }) => bytes));
  // where it was cut off, a part of one may be left that nobody would know again
  const whole = text.length < BYTES_MAX ? text : text.slice(0, -longest);
  return values.reduce((rest, value) => rest.replaceAll(value.reveal(), '[token]'), whole);
}
