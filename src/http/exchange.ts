// What is known of a request beside what was sent: where it came in, when, and which route took it. Kept on the request
// itself: a weak map would be walked by every collection of garbage.
import type { IncomingMessage } from 'node:http';
import type { ListenerKind } from './route.js';

export interface Exchange {
  readonly listener: ListenerKind;
  /** Monotonic. */
  readonly startedMs: number;
  /** A template, or `unmatched`. */
  route: string;
}

const held = Symbol('exchange');

type Holding = IncomingMessage & { [held]?: Exchange };

export function beginExchange(request: IncomingMessage, exchange: Exchange): void {
  (request as Holding)[held] = exchange;
}

/** Undefined for what no listener of ours took. */
export function exchangeOf(request: IncomingMessage): Exchange | undefined {
  return (request as Holding)[held];
}
