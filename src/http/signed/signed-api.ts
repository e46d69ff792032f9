// The signed API put together: keys, nonces, limits and routes behind one `serve`.
import { randomBytes } from 'node:crypto';
import type { Config, Scope } from '../../config/config.js';
import type { Clock } from '../../platform/clock.js';
import {
  ReplayGuard,
  replayCapacity,
  type MacVerified,
  type FreshnessContext,
} from '../../signature/index.js';
import type { Audit } from '../../telemetry/audit.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { ListenerKind } from '../route.js';
import { countedAddress, networksOf } from './address.js';
import { Allowance } from './allowance.js';
import type { ApiToken, OnDemand } from './api-token.js';
import { apiPolicy, type AuthenticateParts } from './authenticate.js';
import { buildBoundedAudit, type BoundedAudit } from './bounded-audit.js';
import { scopesOf, type Caller } from './caller.js';
import { Keys, type KeySet } from './keys.js';
import type { ClientDirectory } from './named-client.js';
import {
  buildOlderScheme,
  OLDER_SCHEME_PATH,
  type OlderScheme,
  type OlderSchemeSettings,
} from './older-scheme.js';
import { buildServe, type Serve } from './serve.js';
import { signRoute, signSpec } from './sign-route.js';
import type { SignedRoute, SignedRouteSpec } from './signed-route.js';
import { tokenRoutes, tokenSpecs } from './token-routes.js';
import { verifyRoute, verifySpec } from './verify-route.js';
import { watchRoute, watchSpec } from './watch-route.js';
import { Watchers } from './watch.js';

/** What a reload may change of it. */
export interface ApiSettings {
  /** Of holders. */
  readonly scopes: readonly Scope[];
  readonly socketScopes: readonly Scope[];
  readonly limits: Config['limits'];
}

export interface SignedApiOptions {
  readonly tokens: readonly ApiToken[];
  /** null: there are no named clients. */
  readonly clients: ClientDirectory | null;
  readonly settings: () => ApiSettings;
  readonly maxSkewMs: number;
  /** null: the older scheme is refused. */
  readonly olderScheme?: Omit<OlderSchemeSettings, 'maxSkewMs'> | null;
  readonly sharedAddresses: readonly string[];
  /** Vault's clock minus ours. Milliseconds. */
  readonly clockOffsetMs: () => number;
  /** When the agent started, monotonic. */
  readonly startedMonotonicMs: number;
  readonly metrics: Pick<
    Metrics,
    'signatureVerified' | 'rateLimited' | 'auditSuppressed' | 'legacyRequest'
  >;
}

export interface SignedApiParts {
  readonly clock: Clock;
  readonly audit: Audit;
  readonly scheme: 'http' | 'https';
  readonly ownAuthorities: () => ReadonlySet<string>;
  readonly mayCarryValue: (listener: ListenerKind) => boolean;
  readonly bodyBytesMax: number;
}

/** For the metrics. */
export interface SignedApiFacts {
  readonly replayEntries: number;
  readonly replayCapacity: number;
  readonly watchWaiters: number;
}

export interface SignedApi {
  readonly routes: readonly SignedRoute[];
  readonly serve: Serve;
  facts(): SignedApiFacts;
  /** Waiters are answered, and what was only counted is written. */
  drain(): void;
}

/** Every signed route. */
export const signedSpecs: readonly SignedRouteSpec[] = withAlias([
  ...tokenSpecs,
  watchSpec,
  signSpec,
  verifySpec,
]);

export function buildSignedApi(options: SignedApiOptions, parts: SignedApiParts): SignedApi {
  const { clock } = parts;
  const { settings } = options;
  const stopped = new AbortController();
  const process = randomBytes(4).toString('hex');
  const tokens = new Map(options.tokens.map((token) => [token.name, token]));
  const keys = new Keys(options.tokens, options.clients);
  // at each change and not only when somebody asks: a key that ended in between is known to have ended
  for (const token of options.tokens) token.subscribe(() => keys.current());
  const watchers = new Watchers(clock, options.tokens, process);
  const audit = buildBoundedAudit({
    audit: parts.audit,
    clock,
    onSuppressed: options.metrics.auditSuppressed,
    stopped: stopped.signal,
  });

  const policy = apiPolicy(options.maxSkewMs);
  const window = { maxSkewSeconds: policy.maxSkewSeconds, aheadSeconds: policy.aheadSeconds };
  const replay = new ReplayGuard({ ...window, salt: randomBytes(16).toString('base64') });
  const verifyNonces = () =>
    replay.partition('verify', replayCapacity(settings().limits.cryptoRequestsPerMinute, window));
  const freshness = (): FreshnessContext => {
    const nowMs = clock.now() + options.clockOffsetMs();
    const uptimeMs = clock.monotonicMs() - options.startedMonotonicMs;
    return { nowSeconds: nowMs / 1000, notBeforeSeconds: (nowMs - uptimeMs) / 1000 };
  };

  const authenticateParts: AuthenticateParts = {
    policy,
    keys: () => keys.current(),
    freshness,
    onDemand: (caller) => onDemandOf(caller, tokens, options.clients),
    callerOf: (mac, held) => callerOf(mac, held, settings()),
    nonces: ({ key, requestsPerMinute }) => {
      const perMinute = requestsPerMinute + settings().limits.cryptoRequestsPerMinute;
      return replay.partition(key, replayCapacity(perMinute, window));
    },
  };
  const rates = new Allowance(clock, () => settings().limits.requestsPerMinute);
  const holder = (): Caller => holderOf(OLDER_SCHEME_TOKEN, false, settings());
  const older = olderSchemeOf(options, parts, { rates, audit, holder, freshness });
  const serve = buildServe({
    clock,
    parts: authenticateParts,
    keys: authenticateParts.keys,
    socketCaller: () => socketCaller(settings()),
    older: older && { scheme: older, caller: holder },
    rates,
    limits: () => settings().limits,
    isShared: networksOf(options.sharedAddresses),
    scheme: parts.scheme,
    mayCarryValue: parts.mayCarryValue,
    bodyBytesMax: parts.bodyBytesMax,
    isStopping: () => stopped.signal.aborted,
    audit,
    metrics: options.metrics,
  });
  const nowSeconds = (): number => freshness().nowSeconds;
  const { metrics, maxSkewMs } = options;
  const { ownAuthorities } = parts;
  const waitersMax = (): number => settings().limits.waiters;
  return {
    routes: withAlias([
      ...tokenRoutes({ tokens, audit, process }),
      watchRoute({ tokens, watchers, waitersMax, audit, process }),
      signRoute({ nowSeconds, ownAuthorities, audit }),
      verifyRoute({
        tokens,
        keys: authenticateParts.keys,
        freshness,
        maxSkewMs,
        nonces: verifyNonces,
        metrics,
      }),
    ]),
    serve,
    facts: () => ({
      replayEntries: replay.entries + (older?.entries ?? 0),
      replayCapacity: replay.capacity + (older?.capacity ?? 0),
      watchWaiters: watchers.size,
    }),
    drain() {
      watchers.stop();
      audit.flush();
      stopped.abort();
    },
  };
}

function withAlias<T extends SignedRouteSpec>(routes: readonly T[]): readonly T[] {
  return routes.flatMap((route) =>
    route.path === '/v1/auth/rotate-token'
      ? [route, { ...route, path: OLDER_SCHEME_PATH }]
      : [route],
  );
}

function onDemandOf(
  caller: string,
  tokens: ReadonlyMap<string, ApiToken>,
  clients: ClientDirectory | null,
): OnDemand | null {
  if (caller.startsWith('client:')) return clients?.onDemand ?? null;
  return tokens.get(caller)?.onDemand ?? null;
}

function callerOf(
  { caller, key }: MacVerified,
  keys: KeySet,
  { scopes, limits }: ApiSettings,
): Caller | null {
  const isSuperseded = key === 'superseded';
  if (!caller.startsWith('client:')) {
    return holderOf(caller, isSuperseded, { scopes, limits });
  }
  const client = keys.client(caller.slice('client:'.length));
  if (client === null) return null;
  return {
    kind: 'client',
    key: caller,
    label: client.id,
    scopes: scopesOf(client.scopes, isSuperseded),
    tokens: client.tokens,
    requestsPerMinute: client.requestsPerMinute ?? limits.requestsPerMinute,
  };
}

function holderOf(
  token: string,
  isSuperseded: boolean,
  { scopes, limits }: Pick<ApiSettings, 'scopes' | 'limits'>,
): Caller {
  return {
    kind: 'holder',
    key: token,
    label: 'holder',
    scopes: scopesOf(scopes, isSuperseded),
    tokens: [token],
    requestsPerMinute: limits.requestsPerMinute,
  };
}

/** The token whose holders may use it: the one that `rotate-token` is about. */
const OLDER_SCHEME_TOKEN = 'default';

function olderSchemeOf(
  { olderScheme = null, tokens, settings, maxSkewMs, metrics }: SignedApiOptions,
  { clock }: SignedApiParts,
  shared: {
    readonly rates: Allowance;
    readonly audit: BoundedAudit;
    readonly holder: () => Caller;
    readonly freshness: () => FreshnessContext;
  },
): OlderScheme | null {
  if (olderScheme === null) return null;
  const { rates, audit, holder, freshness } = shared;
  const token = tokens.find(({ name }) => name === OLDER_SCHEME_TOKEN);
  return buildOlderScheme({
    ...olderScheme,
    maxSkewMs,
    clock,
    salt: randomBytes(16).toString('base64'),
    nowSeconds: () => freshness().nowSeconds,
    look: () => token?.look() ?? null,
    waitMs: () => rates.waitMs(holder().key, holder().requestsPerMinute),
    takeRate: () => rates.take(holder().key, holder().requestsPerMinute),
    requestsPerMinute: () => settings().limits.requestsPerMinute,
    onRefused: ({ request, requestId }, event, reason) => {
      const address = countedAddress(request.socket.remoteAddress);
      const caller = event === 'auth_failure' ? {} : { caller: 'holder' };
      audit.note(event, address, { ...caller, reason, address, request_id: requestId });
    },
    onOutcome: metrics.legacyRequest,
  });
}

/** Whoever may open the socket is the service itself: its allowance is the larger of the two. */
function socketCaller({ socketScopes, limits }: ApiSettings): Caller {
  return {
    kind: 'socket',
    key: 'socket',
    label: 'socket',
    scopes: socketScopes,
    tokens: null,
    requestsPerMinute: Math.max(limits.requestsPerMinute, limits.cryptoRequestsPerMinute),
  };
}
