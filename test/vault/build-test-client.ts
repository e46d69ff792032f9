// A client as the program builds it, with a real clock and sockets, and a log of the requests that it made.
import { readFile } from 'node:fs/promises';
import type { SecretSetting, VaultAuthConfig, VaultConfig } from '../../src/config/config.js';
import { systemClock, type Clock } from '../../src/platform/clock.js';
import type { NameLookup } from '../../src/vault/name-watch.js';
import type { ReadOutcome } from '../../src/vault/failure-of-answer.js';
import { buildRequestBudget } from '../../src/vault/request-budget.js';
import type { RequestEvent } from '../../src/vault/vault-caller.js';
import { buildVaultClient, type VaultClient } from '../../src/vault/vault-client.js';

export interface TestClient {
  readonly client: VaultClient;
  /** What it was built with. */
  readonly config: VaultConfig;
  /** `operation outcome` of each request, in order. */
  readonly requests: string[];
  readonly warnings: string[];
  readonly read: (version?: number, signal?: AbortSignal) => Promise<ReadOutcome>;
}

export interface TestClientOptions {
  readonly config?: Partial<VaultConfig>;
  readonly vaultToken?: SecretSetting | string | null;
  readonly clock?: Clock;
  readonly path?: string;
  readonly perMinute?: number;
  readonly onDeadline?: (withinMs: number) => void;
  readonly lookup?: NameLookup;
  readonly onRequest?: (event: RequestEvent) => void;
}

/** A Vault token, to be given. */
export const testAuth: VaultAuthConfig = {
  method: 'token',
  mount: 'token',
  role: null,
  namespace: null,
  token: null,
  roleId: null,
  secretId: null,
  secretIdWrapped: null,
  secretIdCache: null,
  jwtFile: null,
  revokeOnExit: false,
};

export function setting(value: string): SecretSetting {
  const redacted = (): string => '[redacted]';
  return {
    file: null,
    read: async () => value,
    modifiedAt: async () => null,
    toString: redacted,
    toJSON: redacted,
  };
}

export function buildTestClient(
  addresses: string | readonly string[],
  options: TestClientOptions = {},
): TestClient {
  const clock = options.clock ?? systemClock;
  const requests: string[] = [];
  const warnings: string[] = [];
  const perMinute = options.perMinute ?? 6_000;
  const config = configOf([addresses].flat(), options);
  const client = buildVaultClient({
    config,
    deployment: 'default',
    clock,
    random: () => 0.5,
    budget: buildRequestBudget({ clock, pollPerMinute: perMinute, onDemandPerMinute: perMinute }),
    readFile: (path) => readFile(path, 'utf8'),
    onWarning: (message) => warnings.push(message),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    onRequest: (event) => {
      requests.push(`${event.operation} ${event.outcome}`);
      options.onRequest?.(event);
    },
  });
  const reader = client.reader(options.path ?? 'token');
  const { onDeadline } = options;
  const read: TestClient['read'] = (version, signal) =>
    reader.read({
      budget: 'poll',
      signal: signal ?? new AbortController().signal,
      ...(version === undefined ? {} : { version }),
      ...(onDeadline === undefined ? {} : { onDeadline }),
    });
  return { client, config, requests, warnings, read };
}

function configOf(addresses: readonly string[], options: TestClientOptions): VaultConfig {
  const { vaultToken = 'root' } = options;
  return {
    addresses,
    allowHttp: false,
    namespace: null,
    caCert: null,
    clientCert: null,
    clientKey: null,
    tlsServerName: null,
    timeoutMs: 5_000,
    requestsPerMinute: 60,
    mount: 'secret',
    pathPrefix: 'keytender',
    proxy: null,
    auth: {
      ...testAuth,
      token: typeof vaultToken === 'string' ? setting(vaultToken) : vaultToken,
    },
    ...options.config,
  };
}
