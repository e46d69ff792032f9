// Reading Vault, as the rest of the program sees it: readers for secrets, and what `/health` tells about the login,
// the address and the clock. Joins the parts of this folder, decides nothing. docs/vault.md, Vault HTTP API.
import type { VaultConfig } from '../config/config.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import type { AuthMethod } from './auth/auth-method.js';
import { buildConfiguredAuth } from './auth/configured-auth.js';
import { failureOfError } from './failure-of-error.js';
import { buildKv2Reader, type Kv2Reader } from './kv2-reader.js';
import { LoginSession, type LoginEvent } from './login-session.js';
import type { NameLookup } from './name-watch.js';
import type { RequestBudget } from './request-budget.js';
import type { SecretLocation } from './secret-path.js';
import { vaultDifference } from './settings-difference.js';
import { buildTlsFiles } from './tls-files.js';
import { buildVaultCaller, type RequestEvent } from './vault-caller.js';
import { buildVaultRoute, type VaultRoute } from './vault-route.js';

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
  /** What stands against `config`, for who reloads: a sentence, or null. Reads the files that it names. */
  objectionTo(config: VaultConfig): Promise<string | null>;
  /**
   * Takes other settings, all but those that say where the secret is (mount, prefix, namespace). Reads under way end as
   * they began; a login is made anew only where its settings changed, or no address is left of those before.
   */
  reconfigure(config: VaultConfig): void;
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
  readonly loginBackoffMaxMs?: () => number;
  /** How names are resolved; default: the system's. */
  readonly lookup?: NameLookup;
  readonly onRequest?: (event: RequestEvent) => void;
  readonly onLogin?: (event: LoginEvent) => void;
  readonly onRenewed?: (event: LoginEvent) => void;
  /** For an operator: nothing failed, but something is not as it should be. Holds nothing secret. */
  readonly onWarning?: (message: string) => void;
}

const LOGIN_BACKOFF_MAX_MS = 60_000;

/** Makes no request. Throws `TypeError` for an address that is no URL. */
export function buildVaultClient(options: VaultClientOptions): VaultClient {
  const { clock, random, budget, readFile, lookup } = options;
  const { onRequest, onLogin, onRenewed, onWarning = () => undefined } = options;
  const closing = new AbortController();
  let { config } = options;
  const routeOf = (of: VaultConfig): VaultRoute =>
    buildVaultRoute({ config: of, clock, readFile, lookup });
  const authOf = (of: VaultConfig): AuthMethod =>
    buildConfiguredAuth(of.auth, { readFile, onWarning });
  let route = routeOf(config);
  const caller = buildVaultCaller({ clock, budget, route, closed: closing.signal, onRequest });
  const session = new LoginSession({
    clock,
    random,
    caller,
    method: authOf(config),
    namespace: loginNamespace(config),
    backoffMaxMs: options.loginBackoffMaxMs ?? (() => LOGIN_BACKOFF_MAX_MS),
    closed: closing.signal,
    timeoutMs: () => config.timeoutMs,
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
    address: () => route.addresses.current(),
    async objectionTo(next) {
      try {
        await buildTlsFiles(next, readFile).read();
        return null;
      } catch (error) {
        return failureOfError(error).message;
      }
    },
    reconfigure(next) {
      const difference = vaultDifference(config, next);
      config = next;
      if (difference.route) {
        route.retire();
        route = routeOf(next);
        caller.follow(route);
      }
      if (difference.login) session.reconfigure(authOf(next), loginNamespace(next));
      else if (difference.isElsewhere) session.again();
    },
    async close() {
      await session.end(config.auth.revokeOnExit);
      closing.abort(new Error('the Vault client is closed'));
      await route.close();
    },
  };
}

function loginNamespace({ auth, namespace }: VaultConfig): string | null {
  return auth.namespace ?? namespace;
}

function locationOf({ config, deployment }: VaultClientOptions, path: string): SecretLocation {
  return { mount: config.mount, pathPrefix: config.pathPrefix, deployment, path };
}
