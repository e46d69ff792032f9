// A TCP address to listen on, bound by its number where Node.js can: `listen` with a host asks the resolver, and looks
// at its answer with a regular expression that takes 4 ms of a start to compile.
import net from 'node:net';
import type { BoundAddress } from './authority.js';

interface Bound {
  new (address: BoundAddress): object;
}

/** Newer than Node.js 20, whose types these are. */
const { BoundSocket } = net as typeof net & { readonly BoundSocket?: Bound };

/** What `listen` takes. Throws what stands against the address; a name fails in `listen`. */
export function listenTarget({ host, port }: BoundAddress): object {
  if (BoundSocket === undefined || net.isIP(host) === 0) return { host, port };
  return new BoundSocket({ host, port });
}
