// Reading Vault, as the rest of the program sees it: readers for secrets, and what `/health` tells about the login,
// the address and the clock. Joins the parts of this folder, decides nothing. docs/vault.md, Vault HTTP API.
import type { VaultConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import { buildAddresses } from './addresses.js';
import { buildConfiguredAuth } from './auth/configured-auth.js';
import { buildKv2Reader, type Kv2Reader } from './kv2-reader.js';
import { LoginSession, type LoginEvent } from './login-session.js';
import type { RequestBudget } from './request-budget.js';
import type { SecretLocation } from './secret-path.js';
import { buildTlsFiles } from './tls-files.js';
import { buildVaultCaller, type RequestEvent } from './vault-caller.js';
import { buildVaultNode } from './vault-node.js';

export interface VaultClient {
  /** A reader for `{mount}/data/{prefix}/{deployment}/{path}`. Throws `RangeError` for a path with `..` or an empty segment. */
  reader(path: string): Kv2Reader;
  /** Whether we hold a login that is not known to be dead. */
  authenticated(): boolean;
  /** Milliseconds since the epoch by our clock; null: never, not known, or no login. */
  loginExpiresAt(): number | null;
  /** The login could not be renewed or replaced before its end, at the last try. */
  renewalFailed(): boolean;
  /** Vault's clock minus ours; 0 before the first answer or below 2 s. Milliseconds. */
  clockOffsetMs(): number;
  /** The address that is asked next, as configured. */
  address(): string;
  /** Gives replaced logins back (within 0.7 s), ends what is under way and closes every connection. Safe to call twice. */
  close(): Promise<void>;
}

export interface VaultClientOptions {
  readonly config: VaultConfig;
  readonly deployment: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: RequestBudget;
  /** Reads a PEM file. Rejects when it cannot. */
  readonly readFile: (path: string) => Promise<string>;
  /** The longest wait after refused logins; the refresh interval is a good one. Default 60 s. Milliseconds. */
  readonly loginBackoffMaxMs?: number;
  readonly onRequest?: (event: RequestEvent) => void;
  readonly onLogin?: (event: LoginEvent) => void;
  readonly onRenewed?: (event: LoginEvent) => void;
  /** For an operator: nothing failed, but something is not as it should be. Holds nothing secret. */
  readonly onWarning?: (message: string) => void;
}

const LOGIN_BACKOFF_MAX_MS = 60_000;

/** Makes no request. Throws `TypeError` for an address that is no URL. */
export function buildVaultClient(options: VaultClientOptions): VaultClient {
  const { config, clock, random, budget } = options;
  const closing = new AbortController();
  const addresses = buildAddresses(config.addresses);
  const { timeoutMs, proxy } = config;
  const nodes = new Map(
    config.addresses.map((address) => [
      address,
      buildVaultNode({ address, clock, timeoutMs, proxy }),
    ]),
  );
  const tlsFiles = buildTlsFiles(config, options.readFile);
  const { onRequest, onLogin, onRenewed, onWarning = () => undefined } = options;
  const caller = buildVaultCaller({
    clock,
    budget,
    addresses,
    nodes,
    tlsFiles,
    timeoutMs,
    closed: closing.signal,
    onRequest,
  });
  const session = new LoginSession({
    clock,
    random,
    caller,
    method: buildConfiguredAuth(config.auth, { readFile: options.readFile, onWarning }),
    namespace: config.auth.namespace ?? config.namespace,
    backoffMaxMs: options.loginBackoffMaxMs ?? LOGIN_BACKOFF_MAX_MS,
    closed: closing.signal,
    timeoutMs,
    onLogin,
    onRenewed,
    onWarning,
  });
  const clockOffsetMs = (): number => caller.clockOffsetMs();
  const { namespace } = config;
  return {
    reader: (path) => {
      const location = locationOf(options, path);
      return buildKv2Reader({ location, namespace, clock, caller, session, clockOffsetMs });
    },
    authenticated: () => session.isAuthenticated(),
    loginExpiresAt: () => session.expiresAt(),
    renewalFailed: () => session.isRenewalFailing(),
    clockOffsetMs,
    address: () => addresses.current(),
    async close() {
      await session.end(config.auth.revokeOnExit);
      closing.abort(new Error('the Vault client is closed'));
      await Promise.all([...nodes.values()].map((node) => node.close()));
    },
  };
}

function locationOf({ config, deployment }: VaultClientOptions, path: string): SecretLocation {
  return { mount: config.mount, pathPrefix: config.pathPrefix, deployment, path };
}
