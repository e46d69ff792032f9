// A name that moves to another address is followed, although connections are kept: it is looked up again now and then,
// behind the back of requests, and connections to an address that it does not have any more are not used again. A
// lookup that fails changes nothing: a name server that is down ends no connection.
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from '../platform/clock.js';

/** As of `node:dns`, asked for all addresses. */
export type NameLookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface NameWatchOptions {
  readonly hostname: string;
  readonly clock: Clock;
  readonly lookup?: NameLookup | undefined;
  /** The addresses that connections are established to. */
  readonly connectedTo: () => ReadonlySet<string>;
  /** One of them is none of the name's any more. */
  readonly onMoved: () => void;
}

/** No oftener than this: name servers let answers be kept about as long. */
const APART_MS = 30_000;

export class NameWatch {
  readonly #options: NameWatchOptions;
  readonly #isName: boolean;
  #lookedMs: number;
  #isLooking = false;

  constructor(options: NameWatchOptions) {
    this.#options = options;
    this.#isName = isIP(options.hostname.replace(/^\[|\]$/g, '')) === 0;
    this.#lookedMs = options.clock.monotonicMs();
  }

  /** A request is about to be made. Never waits, never throws. */
  beforeRequest(): void {
    const { clock, hostname, connectedTo } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!this.#isName || this.#isLooking || nowMs - this.#lookedMs < APART_MS) return;
    if (connectedTo().size === 0) return;
    this.#lookedMs = nowMs;
    this.#isLooking = true;
    const lookup = this.#options.lookup ?? lookupAll;
    lookup(hostname, { all: true }, (error, addresses) => {
      this.#isLooking = false;
      if (error === null) this.#compare(new Set(addresses.map(({ address }) => address)));
    });
  }

  #compare(found: ReadonlySet<string>): void {
    const { connectedTo, onMoved } = this.#options;
    if (found.size > 0 && [...connectedTo()].some((address) => !found.has(address))) onMoved();
  }
}

const lookupAll: NameLookup = (hostname, _options, callback) => {
  systemLookup(hostname, { all: true }, callback);
};
