// The HTTP side of the agent: one router behind two listening sockets, the API's and the probes'. Each request is
// checked raw (preflight.ts), then routed; each answer is counted once, whoever gave it.
import type { ListenConfig } from '../config/config.js';
import { isLoopback } from '../config/network.js';
import type { Clock } from '../platform/clock.js';
import type { Audit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import type { RouteSeries } from '../telemetry/labels.js';
import { authoritiesOf, type BoundAddress } from './authority.js';
import { beginExchange, exchangeOf } from './exchange.js';
import { apiLimits, probeLimits, type HttpLimits } from './limits.js';
import type { ListenSetting } from './listen-error.js';
import { buildListener, type Listener } from './listener.js';
import type { TlsPaths } from './listener-tls.js';
import { preflight } from './preflight.js';
import { openapiDocument } from './openapi.js';
import { probeRoutes, probeSpecs, type ProbeSources } from './probe-routes.js';
import { problemAnswer } from './problems.js';
import { methodsOf, templateOf, type ListenerKind } from './route.js';
import { buildRouter } from './router.js';
import { statusPageRoutes, statusPageSpecs, type StatusPageOptions } from './status-page/routes.js';
import {
  buildSignedApi,
  signedSpecs,
  type SignedApiFacts,
  type SignedApiOptions,
} from './signed/signed-api.js';
import { writeAnswer } from './write-answer.js';

const UNMATCHED = 'unmatched';
const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const OTHER_METHOD = 'other';
const nobody: ReadonlySet<string> = new Set();

export interface HttpOptions extends Omit<ProbeSources, 'isDraining'> {
  readonly listen: Pick<ListenConfig, 'address' | 'authorities' | 'probeAddress'> &
    Partial<
      Pick<
        ListenConfig,
        'socket' | 'socketMode' | 'socketGroup' | 'tlsCert' | 'tlsKey' | 'tlsClientCa'
      >
    >;
  /** Version of the agent, for the OpenAPI document. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly audit: Audit;
  /** null, or left out: no status page. */
  readonly statusPage?: StatusPageOptions | null;
  /** Without it only the unsigned routes are there. */
  readonly signed?: SignedApiOptions;
  /** Whether the agent is going to stop: `/readyz` is 503 while everything is still served. */
  readonly draining: () => boolean;
  /**
   * Once for each answer. `route` is a template or `unmatched`, `method` a known one or `other`, `seconds` null for
   * what never became a request.
   */
  readonly onRequest?: (
    route: string,
    method: string,
    status: number,
    seconds: number | null,
    listener: ListenerKind,
  ) => void;
  /** A connection was closed because a listener had too many. */
  readonly onConnectionRefused?: (listener: ListenerKind) => void;
  readonly limits?: { readonly [K in ListenerKind]?: Partial<HttpLimits> };
}

export interface BoundAddresses {
  readonly api: BoundAddress;
  readonly probe: BoundAddress | null;
}

export interface Http {
  /** Binds every listener, or none: rejects with `ListenError`. */
  start(): Promise<BoundAddresses>;
  /** Not ready from now on, and every answer closes its connection. */
  drain(): void;
  /** Accepts nothing more, finishes what is under way, and cuts what is left after `withinMs`. */
  stop(withinMs: number): Promise<void>;
  /** Of the signed API; null without it. */
  facts(): SignedApiFacts | null;
}

export function buildHttp(options: HttpOptions): Http {
  const { clock, statusPage = null } = options;
  const authorities = new Map<ListenerKind, ReadonlySet<string>>();
  let isDraining = false;
  const tls = tlsPaths(options.listen);
  const scheme = tls === null ? 'http' : 'https';
  const isUnheard = tls !== null || isLoopback(options.listen.address.host);

  const signed =
    options.signed === undefined
      ? null
      : buildSignedApi(options.signed, {
          clock,
          audit: options.audit,
          scheme,
          ownAuthorities: () => authorities.get('api') ?? new Set(),
          mayCarryValue: (kind) => kind === 'socket' || isUnheard,
          bodyBytesMax: apiLimits.bodyBytesMax,
        });
  const specs = [
    ...probeSpecs,
    ...statusPageSpecs(statusPage),
    ...(signed === null ? [] : signedSpecs),
  ];
  const app = buildRouter({
    routes: [
      ...probeRoutes({ ...options, isDraining: () => isDraining || options.draining() }, () =>
        openapiDocument(specs, options.version),
      ),
      ...statusPageRoutes(statusPage),
    ],
    signed,
    continueBody: (request) => {
      for (const each of listeners) each.continueBody(request);
    },
    bodyBytesMax: apiLimits.bodyBytesMax,
    listenerOf: (request) => exchangeOf(request)?.listener ?? 'api',
    onRouted: (request, template) => {
      const exchange = exchangeOf(request);
      if (exchange !== undefined) exchange.route = template;
    },
    onFault: (fault) => {
      options.logger.error({ ...fault }, 'a request failed by a fault of the agent');
      options.audit('internal_error', { request_id: fault.requestId, route: fault.route });
    },
  });

  const listener = (kind: ListenerKind, setting: ListenSetting) => {
    const defaults = kind === 'probe' ? probeLimits : apiLimits;
    const limits = { ...defaults, ...options.limits?.[kind] };
    const policy = {
      get authorities() {
        return kind === 'api' ? (authorities.get(kind) ?? nobody) : null;
      },
      scheme: kind === 'api' ? scheme : 'http',
      headersMax: limits.headersMax,
    } as const;
    return buildListener({
      setting,
      limits,
      clock,
      tls: kind === 'api' ? tls : null,
      onTlsProblem: (reason) => {
        options.logger.error({ reason }, 'the new TLS files are not taken, the old ones stay');
      },
      onRequest: (request, response) => {
        const startedMs = clock.monotonicMs();
        beginExchange(request, { listener: kind, startedMs, route: UNMATCHED });
        const refusal = preflight(request, policy);
        if (refusal === null) {
          app.routing(request, response);
          return;
        }
        const { status, headers, body } = problemAnswer(refusal);
        writeAnswer(response, status, headers, body);
      },
      onAnswered: (request, status) => {
        const { route = UNMATCHED, startedMs = 0 } = exchangeOf(request) ?? {};
        const seconds = (clock.monotonicMs() - startedMs) / 1000;
        options.onRequest?.(route, knownMethod(request.method), status, seconds, kind);
      },
      onUnparsed: (status) => {
        options.onRequest?.(UNMATCHED, OTHER_METHOD, status, null, kind);
      },
      onConnectionRefused: () => options.onConnectionRefused?.(kind),
    });
  };

  const api = listener('api', 'listen.address');
  const { probeAddress } = options.listen;
  const probe = probeAddress === null ? null : listener('probe', 'listen.probe_address');
  const { socket: socketPath = null, socketMode = 0o600, socketGroup = null } = options.listen;
  const socket = socketPath === null ? null : listener('socket', 'listen.socket');
  const listeners: readonly Listener[] = [api, probe, socket].filter((each) => each !== null);

  return {
    async start() {
      await app.ready();
      const { address } = options.listen;
      const bound = await api.listen(address);
      const hosts = [address.host, bound.host];
      authorities.set('api', authoritiesOf(options.listen.authorities, hosts, bound.port, scheme));
      try {
        if (socketPath !== null) {
          const target = { path: socketPath, mode: socketMode, group: socketGroup };
          await socket?.listenOnSocket(target);
        }
        const isProbed = probe !== null && probeAddress !== null;
        return { api: bound, probe: isProbed ? await probe.listen(probeAddress) : null };
      } catch (error) {
        await Promise.all([api.stop(0), socket?.stop(0)]);
        throw error;
      }
    },
    drain() {
      isDraining = true;
      for (const each of listeners) each.drain();
      signed?.drain();
    },
    facts: () => signed?.facts() ?? null,
    async stop(withinMs) {
      isDraining = true;
      await Promise.all(listeners.map((each) => each.stop(withinMs)));
      await app.close();
    },
  };
}

/** The series that `http_requests_total` starts with. `statusPage`: as of `buildHttp`. */
export function httpSeries(statusPage: StatusPageOptions | null = null): readonly RouteSeries[] {
  const refusals = [400, 403, 404, 405, 421, 431];
  return [
    ...[...probeSpecs, ...statusPageSpecs(statusPage), ...signedSpecs].map((route) => ({
      route: templateOf(route.path),
      methods: methodsOf(route),
      statuses: [...Object.keys(route.responses).map(Number), 500],
      isTimed: route.isTimed,
    })),
    {
      route: UNMATCHED,
      methods: [...knownMethods, OTHER_METHOD],
      statuses: refusals,
      isTimed: true,
    },
    { route: UNMATCHED, methods: [OTHER_METHOD], statuses: [408, 413], isTimed: true },
  ];
}

function tlsPaths({
  tlsCert = null,
  tlsKey = null,
  tlsClientCa = null,
}: HttpOptions['listen']): TlsPaths | null {
  if (tlsCert === null || tlsKey === null) return null;
  return { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa };
}

function knownMethod(method: string | undefined): string {
  return method !== undefined && knownMethods.includes(method) ? method : OTHER_METHOD;
}
