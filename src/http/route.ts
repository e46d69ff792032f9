// What a route is, as data: the router, the OpenAPI document, the metrics and `Allow` are all made from it, so none
// of them can tell of a route that does not exist.
import type { FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox/type';
import { pathOf } from './preflight.js';

/** Where a request came in. */
export type ListenerKind = 'api' | 'probe' | 'socket';

export interface Answer {
  readonly status: number;
  /** An object is sent as JSON. */
  readonly body: object | string;
  /** `application/json` by default. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What can be said of a route without having it. */
export interface RouteSpec {
  /** GET brings HEAD with it. */
  readonly method: 'GET' | 'POST';
  /** A template: `/v1/tokens/:name`. */
  readonly path: string;
  readonly summary: string;
  readonly listeners: readonly ListenerKind[];
  /** false: a long poll, whose time says nothing. */
  readonly isTimed: boolean;
  /** The JSON body of the request, where there is one. */
  readonly request?: TSchema;
  readonly responses: Readonly<Record<number, RouteResponse>>;
}

export interface Route extends RouteSpec {
  /** Throws `Problem` to refuse; anything else it throws is a fault of the agent. */
  readonly handle: (request: FastifyRequest, listener: ListenerKind) => Answer | Promise<Answer>;
}

export interface RouteResponse {
  readonly description: string;
  /** Neither: there is no content. */
  readonly contentType?: string;
  readonly schema?: TSchema;
}

/** The methods that a route answers. */
export function methodsOf(route: Pick<RouteSpec, 'method'>): readonly string[] {
  return route.method === 'GET' ? ['GET', 'HEAD'] : [route.method];
}

/** `/v1/tokens/:name` as `/v1/tokens/{name}`. */
export function templateOf(path: string): string {
  return path.replaceAll(/:([a-z_]+)/g, '{$1}');
}

/** The methods that exist at a request target on one listener; none: there is nothing there. */
export function allowedMethods(
  routes: readonly RouteSpec[],
  url: string,
  listener: ListenerKind,
): readonly string[] {
  const path = pathOf(url);
  return routes.filter((route) => isAt(route, path, listener)).flatMap((route) => methodsOf(route));
}

/** Whether a route is there for a path on one listener. Stricter than the router: no segment of a name is empty. */
export function isAt(
  { path: template, listeners }: Pick<RouteSpec, 'path' | 'listeners'>,
  path: string,
  listener: ListenerKind,
): boolean {
  return listeners.includes(listener) && (template === path || matches(template, path));
}

function matches(template: string, path: string): boolean {
  const want = template.split('/');
  const have = path.split('/');
  return (
    want.length === have.length &&
    want.every((segment, at) => (segment.startsWith(':') ? have[at] !== '' : segment === have[at]))
  );
}
