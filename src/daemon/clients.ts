// The named clients as the daemon runs them: polled like a token, by a loop of their own, and handed to the signed API
// as a directory. Where the secret never existed there are none, and nothing is wrong. Joins http/, refresh/, token/ and
// vault/, which do not know each other.
import { scopes, type Config, type Scope } from '../config/config.js';
import type { HeldKey } from '../http/signed/keys.js';
import type { ClientDirectory, ClientDocument, NamedClient } from '../http/signed/named-client.js';
import type { Clock } from '../platform/clock.js';
import type { Random } from '../platform/random.js';
import { RefreshLoop, type RefreshSettings } from '../refresh/loop.js';
import { RefreshOnDemand } from '../refresh/on-demand.js';
import type { Outage } from '../refresh/outage.js';
import type { SecretReader } from '../refresh/reader.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Client, ClientsSnapshot } from '../token/clients/snapshot.js';
import { ClientsStore } from '../token/clients/store.js';
import type { TokenLimits } from '../token/limits.js';
import type { VaultClient } from '../vault/vault-client.js';
import { ClientsNarrator } from './clients-narrator.js';
import type { Permits } from './permits.js';

/** Under prefix and deployment. */
export const CLIENTS_PATH = 'clients';

export interface ClientsOptions {
  readonly config: Config;
  readonly vault: Pick<VaultClient, 'reader' | 'clockOffsetMs'>;
  readonly permits: Permits;
  /** Of the one Vault that all secrets are read from. */
  readonly outage: Outage;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly audit: Audit;
  readonly metrics: Pick<Metrics, 'refreshedOnDemand'>;
}

export interface Clients {
  readonly directory: ClientDirectory;
  /** Why its loop counts as dead, or null. */
  lateness(): string | null;
  /** Runs until `stop`. Rejects for a bug. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Lets go whoever waits for Vault to be asked. */
  release(): void;
  reconfigure(config: Config): void;
}

export function buildClients(options: ClientsOptions): Clients {
  const { vault, clock, random } = options;
  let { config } = options;
  const vaultNow = (): number => clock.now() + vault.clockOffsetMs();
  const store = new ClientsStore({ limits: limitsOf(config), scopes });
  const narrator = new ClientsNarrator(options);
  store.subscribe((decision) => {
    narrator.decided(decision);
  });
  const loop = new RefreshLoop({
    name: CLIENTS_PATH,
    store,
    reader: absentIsNone(vault.reader(CLIENTS_PATH), store),
    settings: settingsOf(config),
    clock,
    random,
    outage: options.outage,
    onAttempt: (outcome) => {
      narrator.attempted(outcome, store.at(vaultNow()).current !== null);
      // a poll may bring what somebody waits for a permit to ask for
      demand.lookAgain();
    },
  });
  const demand = demandOf(options, loop, store, vaultNow);
  const isConfirmed = (): boolean => {
    const { confirmedMonotonicMs } = loop.record;
    const sinceMs = clock.monotonicMs() - (confirmedMonotonicMs ?? -Infinity);
    return sinceMs <= config.refresh.maxStaleMs;
  };
  const documentOf = remembered(documentFrom);
  return {
    directory: {
      current: () => (isConfirmed() ? documentOf(store.at(vaultNow())) : NOBODY),
      get onDemand() {
        return options.permits.isNever() ? null : demand;
      },
    },
    lateness: () => loop.lateness(),
    start: () => loop.start(),
    stop: () => loop.stop(),
    release: () => {
      demand.stop();
    },
    reconfigure: (next) => {
      config = next;
      store.reconfigure(limitsOf(next), vaultNow());
      loop.reconfigure(settingsOf(next));
    },
  };
}

const NOBODY: ClientDocument = { clients: new Map() };

/** A secret that was never there is an answer, not a failure. */
function absentIsNone(reader: SecretReader, store: ClientsStore): SecretReader {
  return {
    clockOffsetMs: () => reader.clockOffsetMs(),
    read: async (options) => {
      const result = await reader.read(options);
      const isAbsent = !result.ok && result.failure.class === 'secret_absent';
      if (!isAbsent || store.hasHeld || options.version !== undefined) return result;
      return { ok: true, reading: { kind: 'unknown' } };
    },
  };
}

/** Asked for a `keyid` that we do not know; counted among no token's. */
function demandOf(
  { permits, clock, random, metrics }: ClientsOptions,
  loop: RefreshLoop,
  store: ClientsStore,
  vaultNow: () => number,
): RefreshOnDemand {
  return new RefreshOnDemand({
    refresh: () => loop.refresh('on_demand'),
    newestVersion: () => store.at(vaultNow()).current?.version ?? null,
    takePermit: permits.take,
    clock,
    random,
    onOutcome: (outcome) => {
      metrics.refreshedOnDemand('unknown', outcome);
    },
  });
}

function limitsOf({ token, refresh }: Config): TokenLimits {
  return {
    graceMs: token.graceMs,
    supersededMax: token.supersededMax,
    onDeleted: refresh.onDeleted,
  };
}

function settingsOf({ refresh, vault }: Config): RefreshSettings {
  return { ...refresh, timeoutMs: vault?.timeoutMs ?? 0 };
}

/** The same object for the same snapshot: whoever keeps keys looks whether it is another one. */
function remembered(
  make: (snapshot: ClientsSnapshot) => ClientDocument,
): (snapshot: ClientsSnapshot) => ClientDocument {
  let last: { readonly snapshot: ClientsSnapshot; readonly made: ClientDocument } | null = null;
  return (snapshot) => {
    if (last?.snapshot !== snapshot) last = { snapshot, made: make(snapshot) };
    return last.made;
  };
}

function documentFrom({ clients }: ClientsSnapshot): ClientDocument {
  return { clients: new Map([...clients].map(([id, client]) => [id, namedClient(client)])) };
}

function namedClient({ id, key, superseded, ...client }: Client): NamedClient {
  const current: HeldKey = {
    client: id,
    role: 'current',
    key: key.value.key,
    versions: key.versions,
  };
  const older = superseded.map(({ value, versions, usableUntil }): HeldKey => ({
    client: id,
    role: 'superseded',
    key: value.key,
    versions,
    usableUntil: usableUntil / 1000,
  }));
  const { tokens, requestsPerMinute } = client;
  return {
    id,
    scopes: client.scopes.filter(isScope),
    tokens,
    requestsPerMinute,
    keys: [current, ...older],
  };
}

function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}
