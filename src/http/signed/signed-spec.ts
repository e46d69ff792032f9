// Builds the description of a signed route: what all of them can answer is added here, once.
import type { Scope } from '../../config/config.js';
import type { TSchema } from 'typebox/type';
import { problemSchema } from '../health-schema.js';
import { PROBLEM_MEDIA_TYPE, problems, type ProblemCode } from '../problems.js';
import type { RouteResponse } from '../route.js';
import type { SignedRouteSpec } from './signed-route.js';

export interface SignedSpecOptions {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly summary: string;
  readonly scope: Scope;
  readonly answer: TSchema;
  /** Of the JSON body, where there is one. */
  readonly request?: TSchema;
  readonly carriesValue?: boolean;
  readonly isCrypto?: boolean;
  readonly isTimed?: boolean;
  readonly responses?: SignedRouteSpec['responses'];
}

/** What every signed route may be refused with. */
export const signedProblems: readonly ProblemCode[] = [
  'malformed_request',
  'unauthenticated',
  'insufficient_scope',
  'not_found',
  'replay_detected',
  'body_too_large',
  'unsupported_media_type',
  'rate_limited',
  'refresh_failed',
  'token_unavailable',
];

export function signedSpec(options: SignedSpecOptions): SignedRouteSpec {
  const { answer, request, carriesValue = false, isCrypto = false, isTimed = true } = options;
  const { method, path, summary, scope } = options;
  return {
    method,
    path,
    summary,
    scope,
    listeners: ['api', 'socket'],
    isTimed,
    isCrypto,
    carriesValue,
    hasBody: request !== undefined,
    ...(request === undefined ? {} : { request }),
    responses: {
      200: { description: 'Done', contentType: 'application/json', schema: answer },
      ...options.responses,
      ...Object.fromEntries(signedProblems.map((code) => [problems[code].status, refusal(code)])),
    },
  };
}

function refusal(code: ProblemCode): RouteResponse {
  return { description: code, contentType: PROBLEM_MEDIA_TYPE, schema: problemSchema };
}
