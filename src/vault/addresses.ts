// Which of the configured addresses is asked next: the one that worked, until it does not; now and then another for one
// read. Redirects are followed to configured addresses only, and by the next attempt, not within one.
import type { FailureClass } from '../health/failure.js';

export interface Addresses {
  /** The one to ask now. */
  current(): string;
  /** The same, for a read of the newest version: a visit takes place with it. */
  forRead(): string;
  /** The next read goes to `address`, one time. */
  visit(address: string): void;
  /** These are known not to serve: passed over, as long as there are others. */
  avoid(unusable: readonly string[]): void;
  /** Goes back to `address` when it comes before the one in use. */
  goBackTo(address: string): void;
  /** An attempt at `address` failed so: after what another node may not suffer from, the next one is asked. */
  failed(address: string, failureClass: FailureClass): void;
  /** `address` redirected to `location`. True when that is a configured address: it is asked next. */
  redirected(address: string, location: string | null): boolean;
}

const movesOn: ReadonlySet<FailureClass> = new Set<FailureClass>([
  'vault_unreachable',
  'vault_tls',
  'vault_timeout',
  'vault_answer_too_large',
  'vault_sealed',
  'vault_error',
  'vault_standby',
]);

/** Another node may not suffer from it. */
export function isOfNode(failureClass: FailureClass): boolean {
  return movesOn.has(failureClass);
}

/** `addresses`: at least one, without trailing slashes. */
export function buildAddresses(addresses: readonly string[]): Addresses {
  let index = 0;
  let visited: string | null = null;
  let avoided: ReadonlySet<string> = new Set();
  const next = (): number => {
    for (let step = 1; step < addresses.length; step += 1) {
      const candidate = (index + step) % addresses.length;
      if (!avoided.has(at(candidate))) return candidate;
    }
    return (index + 1) % addresses.length;
  };
  const at = (position: number): string => addresses[position % addresses.length] ?? '';
  return {
    current: () => at(index),
    forRead() {
      const address = visited ?? at(index);
      visited = null;
      return address;
    },
    visit(address) {
      visited = address;
    },
    avoid(unusable) {
      avoided = new Set(unusable);
      if (avoided.has(at(index))) index = next();
    },
    goBackTo(address) {
      const target = addresses.indexOf(address);
      if (target !== -1 && target < index) index = target;
    },
    failed(address, failureClass) {
      // a late failure of an address that was left already says nothing about the one in use
      if (!isOfNode(failureClass)) return;
      if (address === at(index)) index = next();
      if (address === visited) visited = null;
    },
    redirected(address, location) {
      const target = addresses.findIndex((candidate) => isBelow(candidate, address, location));
      if (target === -1) return false;
      index = target;
      return true;
    },
  };
}

function isBelow(candidate: string, base: string, location: string | null): boolean {
  if (location === null || !URL.canParse(location, base)) return false;
  const url = new URL(location, base);
  const { origin, pathname } = new URL(candidate);
  return url.origin === origin && url.pathname.startsWith(pathname.replace(/\/?$/, '/v1/'));
}
