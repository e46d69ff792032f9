// Why an address could not be bound, as a sentence with the fix. Everything else that `listen` can fail with is told
// by its error code.
import { formatAddress, type BoundAddress } from './authority.js';
import { TlsFilesError } from './listener-tls.js';
import { SocketPathError } from './unix-socket.js';

export type ListenErrorCode =
  | 'address_in_use'
  | 'address_forbidden'
  | 'address_unavailable'
  | 'path_unusable'
  | 'listen_failed';

/** Which setting the address came from. */
export type ListenSetting =
  'listen.address' | 'listen.probe_address' | 'listen.socket' | 'listen.tls_cert';

export class ListenError extends Error {
  readonly code: ListenErrorCode;
  readonly setting: ListenSetting;
  /** `host:port` or the path, as configured. */
  readonly address: string;

  constructor(setting: ListenSetting, target: BoundAddress | string, cause: unknown) {
    const address = typeof target === 'string' ? target : formatAddress(target);
    const [code, why] =
      typeof target === 'string'
        ? explainPath(setting, cause)
        : explain(errno(cause), setting, target);
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

/** What stands in the way of a path says it itself; the system says no more than a code. */
function explainPath(setting: ListenSetting, cause: unknown): [ListenErrorCode, string] {
  const isOurs = cause instanceof SocketPathError || cause instanceof TlsFilesError;
  const why = isOurs ? cause.message : `the system says ${errno(cause)}; set another ${setting}`;
  return ['path_unusable', why];
}

function errno(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'nothing more';
}
