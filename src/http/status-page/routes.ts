// Where the status page is: at `/` of the probe listener, and in `keytender dev` of the API listener too, there with a
// route of its own behind the page's button. An agent in production has no such route.
import * as Type from 'typebox/type';
import type { Answer, ListenerKind, Route, RouteSpec } from '../route.js';
import { buildPage } from './document.js';

/** The version written of each token, or why none was, for a person. */
export type Rotated =
  | { readonly ok: true; readonly written: Readonly<Record<string, number>> }
  | { readonly ok: false; readonly reason: string };

export interface StatusPageOptions {
  /**
   * Writes a new version of each token into the dev Vault; never rejects. Only `keytender dev` has it: then the page is
   * on the API listener too, with its button.
   */
  readonly rotate?: () => Promise<Rotated>;
}

const JSON_TYPE = 'application/json';

/** null: there is no page. */
export function statusPageSpecs(options: StatusPageOptions | null): readonly RouteSpec[] {
  if (options === null) return [];
  return options.rotate === undefined ? [pageSpec(['probe'])] : [pageSpec(['api', 'probe']), dev];
}

export function statusPageRoutes(options: StatusPageOptions | null): readonly Route[] {
  return statusPageSpecs(options).map((spec) =>
    spec === dev
      ? { ...spec, handle: async () => rotationAnswer(await options?.rotate?.()) }
      : { ...spec, handle: pageHandler(spec.listeners) },
  );
}

function pageSpec(listeners: readonly ListenerKind[]): RouteSpec {
  return {
    method: 'GET',
    path: '/',
    summary: 'The status page, for a person',
    listeners,
    isTimed: true,
    responses: {
      200: { description: 'The page', contentType: 'text/html', schema: Type.String() },
    },
  };
}

const dev: RouteSpec = {
  method: 'POST',
  path: '/dev/rotate',
  summary: 'Writes a new version of each token into the dev Vault; only keytender dev has it',
  listeners: ['api'],
  isTimed: true,
  responses: {
    200: {
      description: 'The version written of each token',
      contentType: JSON_TYPE,
      schema: Type.Object({ written: Type.Record(Type.String(), Type.Integer()) }),
    },
    502: {
      description: 'The dev Vault did not take it, and why',
      contentType: JSON_TYPE,
      schema: Type.Object({ reason: Type.String() }),
    },
  },
};

/** The page is the same for everybody: made once. */
function pageHandler(listeners: readonly ListenerKind[]): Route['handle'] {
  const pages = new Map(listeners.map((kind) => [kind, buildPage(kind === 'api')]));
  return (_request, listener) => {
    const page = pages.get(listener);
    if (page === undefined) throw new Error('the page is not on this listener');
    const { html, headers } = page;
    return { status: 200, body: html, contentType: 'text/html; charset=utf-8', headers };
  };
}

function rotationAnswer(rotated: Rotated | undefined): Answer {
  if (rotated?.ok === true) return { status: 200, body: { written: rotated.written } };
  return { status: 502, body: { reason: rotated?.reason ?? 'there is no dev Vault' } };
}
