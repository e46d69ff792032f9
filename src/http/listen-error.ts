// Why an address could not be bound, as a sentence with the fix. Everything else that `listen` can fail with is told
// by its error code.
import { formatAddress, type BoundAddress } from './authority.js';

export type ListenErrorCode =
  'address_in_use' | 'address_forbidden' | 'address_unavailable' | 'listen_failed';

/** Which setting the address came from. */
export type ListenSetting = 'listen.address' | 'listen.probe_address';

export class ListenError extends Error {
  readonly code: ListenErrorCode;
  readonly setting: ListenSetting;
  /** `host:port` as configured. */
  readonly address: string;

  constructor(setting: ListenSetting, target: BoundAddress, cause: unknown) {
    const address = formatAddress(target);
    const [code, why] = explain(errno(cause), setting, target);
    super(`cannot listen on ${address}: ${why}`, { cause });
    this.name = 'ListenError';
    this.code = code;
    this.setting = setting;
    this.address = address;
  }
}

function explain(
  code: string,
  setting: ListenSetting,
  { host, port }: BoundAddress,
): [ListenErrorCode, string] {
  switch (code) {
    case 'EADDRINUSE':
      return [
        'address_in_use',
        `another process already listens there; stop it, or set ${setting} to a free port`,
      ];
    case 'EACCES':
    case 'EPERM':
      return [
        'address_forbidden',
        port < 1024
          ? `this user may not bind a port below 1024; set ${setting} to a higher one`
          : `the system does not allow it; set ${setting} to another address`,
      ];
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [
        'address_unavailable',
        `${host} is not an address of this machine; set ${setting} to one, such as 127.0.0.1`,
      ];
    default:
      return ['listen_failed', `the system says ${code}; set ${setting} to another address`];
  }
}

function errno(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'nothing more';
}
