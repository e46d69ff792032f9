// Where a request came from, as it is counted: an IPv4 address, or the /64 that one subscriber has of IPv6
// (RFC 6177); and which addresses stand for many callers.
import { BlockList, isIP, isIPv6 } from 'node:net';

/** The key that failures are counted under. */
export function countedAddress(remoteAddress: string | undefined): string {
  const address = unmapped(remoteAddress ?? '');
  return isIPv6(address) ? network64(address) : address;
}

/** Whether an address is in one of the networks (addresses or CIDR notation). */
export function networksOf(networks: readonly string[]): (remoteAddress: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (remoteAddress) => {
    const address = unmapped(remoteAddress);
    return isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  };
}

export function isLoopbackAddress(remoteAddress: string): boolean {
  const address = unmapped(remoteAddress);
  return address === '::1' || address.startsWith('127.');
}

/** `::ffff:192.0.2.1`, as a dual-stack socket shows IPv4, without its prefix. */
function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function network64(address: string): string {
  const [bare = ''] = address.split('%');
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
