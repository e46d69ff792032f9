// Which of the configured addresses is asked next: the one that worked, until it does not. Redirects are followed to
// configured addresses only, and by the next attempt, not within one.
import type { FailureClass } from '../health/failure.js';

export interface Addresses {
  /** The one to ask now. */
  current(): string;
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

/** `addresses`: at least one, without trailing slashes. */
export function buildAddresses(addresses: readonly string[]): Addresses {
  let index = 0;
  const at = (position: number): string => addresses[position % addresses.length] ?? '';
  return {
    current: () => at(index),
    failed(address, failureClass) {
      // a late failure of an address that was left already says nothing about the one in use
      if (movesOn.has(failureClass) && address === at(index))
        index = (index + 1) % addresses.length;
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
