// Starts a dev Vault: one node, in this process, on loopback, in memory. Not a Vault for production.
import { Core } from './core.js';
import { addSystemMounts } from './system-mounts.js';
import type { FaultInjector } from './fault/fault-injector.js';
import { dispatch } from './http/dispatch.js';
import { VaultServer, type RecordedRequest } from './http/server.js';
import { kvShortcuts, type KvShortcuts } from './kv-shortcuts.js';
import type { KvEngine } from './kv/kv-engine.js';
import { VaultNode } from './node.js';
import { readAddress, type DevVaultOptions, type DevVaultTls } from './options.js';
import { createEngine } from './sys/mounts.js';
import { randomName } from './token/token-store.js';
import { sanitizePolicies } from './token/create-token.js';
import type { TokenEntry } from './token/token-entry.js';
import { SYSTEM_TTL_SECONDS } from './token/ttl.js';

export interface TokenOptions {
  /** Default: `['root']`'s opposite, none but `default`. */
  readonly policies?: readonly string[];
  /** Default: the system's 768 hours; 0 with root: never ends. */
  readonly ttlSeconds?: number;
  readonly periodSeconds?: number;
  readonly explicitMaxTtlSeconds?: number;
  readonly renewable?: boolean;
  readonly numUses?: number;
  readonly noDefaultPolicy?: boolean;
  readonly namespace?: string;
}

export interface DevToken {
  readonly token: string;
  readonly accessor: string;
}

/** What a node of any dev Vault can do. Closing destroys connections at once. */
export interface DevVault extends AsyncDisposable {
  /** For `VAULT_ADDR`: `http://127.0.0.1:40123`. */
  readonly address: string;
  readonly rootToken: string;
  readonly unsealKey: string;
  /** The newest requests, oldest first; bounded. */
  readonly requests: readonly RecordedRequest[];
  clearRequests(): void;
  /** The secrets of the mount made at start. */
  readonly kv: KvShortcuts;
  token(options?: TokenOptions): DevToken;
  revoke(token: string): void;
  /** Writes a policy, HCL or JSON; throws with Vault's words for a bad one. */
  policy(name: string, text: string): void;
  seal(): void;
  unseal(): void;
  readonly faults: FaultInjector;
  /** Errors of the dev Vault itself, each answered 500: a bug, if there is any. */
  readonly crashes: readonly unknown[];
  /** Settles when the port listens (or no more) as the faults say. */
  settled(): Promise<void>;
  /** Other certificates, for connections from now on. */
  setTls(tls: DevVaultTls): void;
  close(): Promise<void>;
}

/** Starts one, ready when it resolves. Throws `TypeError` for an address that is not on loopback. */
export async function devVault(options: DevVaultOptions = {}): Promise<DevVault> {
  const base = options.now ?? Date.now;
  // The server does not exist yet when the core asks for the time first.
  const offset: { ms: () => number } = { ms: () => 0 };
  const core = new Core({ now: () => base() + offset.ms(), furnish: addSystemMounts });
  const rootToken = furnish(core, options);
  const started = await startNode(core, new VaultNode(core), options, base, rootToken);
  offset.ms = () => started.server.faults.clockOffsetMs;
  return started.vault;
}

/** The KV mount, namespaces, the root token. Returns its id. */
export function furnish(core: Core, options: DevVaultOptions): string {
  for (const name of options.namespaces ?? []) {
    const path = `${name.replace(/^\/+|\/+$/g, '')}/`;
    core.addRealm(path);
  }
  const mount = createEngine(core, {
    path: `${mountOf(options)}/`,
    type: 'kv',
    description: 'key/value secret storage',
    options: { version: '2' },
  });
  if ('refusedWith' in mount) throw new TypeError(mount.errors.join(', '));
  core.root.mounts.set(mount.path, mount);
  return createRootToken(core, options.rootToken ?? `dev-${randomName(24)}`);
}

function mountOf(options: DevVaultOptions): string {
  return (options.mount ?? 'secret').replace(/^\/+|\/+$/g, '');
}

function createRootToken(core: Core, id: string): string {
  core.tokens.create({
    id,
    type: 'service',
    policies: ['root'],
    meta: undefined,
    displayName: 'token',
    path: 'auth/token/create',
    namespace: '',
    parent: undefined,
    role: undefined,
    entityId: '',
    creationTtlSeconds: 0,
    explicitMaxTtlSeconds: 0,
    maxTtlSeconds: 0,
    periodSeconds: 0,
    renewable: false,
    numUses: 0,
  });
  return id;
}

export interface StartedNode {
  readonly vault: DevVault;
  readonly server: VaultServer;
}

export async function startNode(
  core: Core,
  node: VaultNode,
  options: DevVaultOptions,
  nowMs: () => number,
  rootToken: string,
): Promise<StartedNode> {
  const listen = readAddress(options.address ?? '127.0.0.1:0', options.allowNonLoopback === true);
  const server = new VaultServer({
    listen,
    tls: options.tls,
    seed: options.seed ?? 1,
    requestsKept: options.requestsKept ?? 1000,
    nowMs,
    answer: (incoming) => dispatch(node, incoming),
  });
  await server.listen();
  const scheme = options.tls === undefined ? 'http' : 'https';
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  node.address = `${scheme}://${host}:${server.port}`;
  return { server, vault: vaultOf(core, node, server, options, rootToken) };
}

function vaultOf(
  core: Core,
  node: VaultNode,
  server: VaultServer,
  options: DevVaultOptions,
  rootToken: string,
): DevVault {
  const engineOf = (): KvEngine => {
    const kv = core.root.mounts.get(`${mountOf(options)}/`)?.kv;
    if (kv === undefined) throw new Error('the mount made at start is gone');
    return kv;
  };
  return {
    address: node.address,
    rootToken,
    unsealKey: core.unsealKey,
    get requests() {
      return server.requests.slice(-(options.requestsKept ?? 1000));
    },
    clearRequests: () => {
      server.clearRequests();
    },
    kv: kvShortcuts(engineOf),
    token: (wanted = {}) => createDevToken(core, wanted),
    revoke: (token) => {
      const entry = core.tokens.find(token);
      if (entry !== undefined) core.tokens.revoke(entry);
    },
    policy: (name, text) => {
      const error = core.root.writePolicy(name, text);
      if (error !== undefined) throw new TypeError(`failed to parse policy: ${error}`);
    },
    seal: () => {
      node.sealed = true;
    },
    unseal: () => {
      node.sealed = false;
    },
    faults: server.faults,
    crashes: server.crashes,
    settled: () => server.settled(),
    setTls: (tls) => {
      server.setTls(tls);
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function createDevToken(core: Core, wanted: TokenOptions): DevToken {
  const policies = sanitizePolicies(wanted.policies ?? [], wanted.noDefaultPolicy !== true);
  const ttl = wanted.periodSeconds ?? wanted.ttlSeconds ?? SYSTEM_TTL_SECONDS;
  const entry: TokenEntry = core.tokens.create({
    type: 'service',
    policies,
    meta: undefined,
    displayName: 'token',
    path: 'auth/token/create',
    namespace:
      wanted.namespace === undefined ? '' : `${wanted.namespace.replace(/^\/+|\/+$/g, '')}/`,
    parent: undefined,
    role: undefined,
    entityId: '',
    creationTtlSeconds: ttl,
    explicitMaxTtlSeconds: wanted.explicitMaxTtlSeconds ?? 0,
    maxTtlSeconds: 0,
    periodSeconds: wanted.periodSeconds ?? 0,
    renewable: ttl !== 0 && wanted.renewable !== false,
    numUses: wanted.numUses ?? 0,
  });
  return { token: entry.id, accessor: entry.accessor };
}
