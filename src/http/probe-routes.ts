// The unsigned routes: what monitoring and a kubelet ask (docs/api.md). Each prints what it is told; none derives.
import * as Type from 'typebox/type';
import type { HealthBody } from '../health/body.js';
import { healthSchema, okSchema, unavailableSchema } from './health-schema.js';
import type { Answer, ListenerKind, Route, RouteResponse, RouteSpec } from './route.js';

const JSON_TYPE = 'application/json';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const DRAINING = 'the agent is shutting down';
/** Probes come back by themselves; this is for everything else that honours it. */
const RETRY_AFTER_SECONDS = 5;

/** Why not, for a person: never a secret. */
export interface Verdict {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface ProbeSources {
  health(): HealthBody;
  /** May take a moment: a loop that looks late after a suspend is looked at again. */
  livez(): Verdict | Promise<Verdict>;
  readyz(): Verdict;
  startupz(): Verdict;
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Whether the agent is going to stop: then it is not ready. */
  isDraining(): boolean;
}

const verdictResponses = {
  200: json('Yes', okSchema),
  503: json('No, and why', unavailableSchema),
};

const health = spec('/health', 'How old each token is and how its last refresh went', {
  200: json('Every required token is usable', healthSchema),
  503: json('A required token is not usable, or the agent is starting', healthSchema),
});
const livez = spec('/livez', 'Whether the agent can still refresh', verdictResponses);
const readyz = spec('/readyz', 'Whether every required token is usable', verdictResponses);
const startupz = spec('/startupz', 'Whether there ever was a usable token', verdictResponses);
const metrics = spec('/metrics', 'Metrics in the Prometheus text format', {
  200: { description: 'The metrics', contentType: METRICS_TYPE, schema: Type.String() },
});
const openapi: RouteSpec = {
  ...spec('/openapi.json', 'This document', {
    200: json('An OpenAPI 3.1 document', Type.Object({})),
  }),
  listeners: ['api', 'socket'],
};

/** Every unsigned route. */
export const probeSpecs: readonly RouteSpec[] = [health, livez, readyz, startupz, metrics, openapi];

/** `document` is the OpenAPI document of all routes. */
export function probeRoutes(sources: ProbeSources, document: () => object): readonly Route[] {
  const isReady = (): Verdict =>
    sources.isDraining() ? { ok: false, reason: DRAINING } : sources.readyz();
  return [
    { ...health, handle: (_request, listener) => healthAnswer(sources.health(), listener) },
    { ...livez, handle: async () => verdictAnswer(await sources.livez()) },
    { ...readyz, handle: () => verdictAnswer(isReady()) },
    { ...startupz, handle: () => verdictAnswer(sources.startupz()) },
    { ...metrics, handle: async () => ({ status: 200, ...(await sources.metrics()) }) },
    { ...openapi, handle: () => ({ status: 200, body: document() }) },
  ];
}

function spec(path: string, summary: string, responses: RouteSpec['responses']): RouteSpec {
  const listeners: readonly ListenerKind[] = ['api', 'probe', 'socket'];
  return { method: 'GET', path, summary, listeners, isTimed: true, responses };
}

function verdictAnswer({ ok, reason }: Verdict): Answer {
  if (ok) return { status: 200, body: { status: 'ok' } };
  return unavailable({ status: 'unavailable', reason: reason ?? 'no reason was given' });
}

function healthAnswer(body: HealthBody, listener: ListenerKind): Answer {
  const shown = listener === 'probe' ? withoutVaultAddress(body) : body;
  const isDown = body.status === 'unavailable' || body.status === 'starting';
  return isDown ? unavailable(shown) : { status: 200, body: shown };
}

/** Anyone may ask on the probe listener; where Vault is, is not for anyone. */
function withoutVaultAddress(body: HealthBody): HealthBody {
  if (body.vault === null) return body;
  const { authenticated, login_expires_at, clock_offset_seconds } = body.vault;
  return { ...body, vault: { authenticated, login_expires_at, clock_offset_seconds } };
}

function unavailable(body: object): Answer {
  return { status: 503, body, headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } };
}

function json(description: string, schema: Type.TSchema): RouteResponse {
  return { description, contentType: JSON_TYPE, schema };
}
