// The OpenAPI 3.1 document of the API, made from the routes and the table of problems.
import { problemSchema } from './health-schema.js';
import { PROBLEM_MEDIA_TYPE, problems, type ProblemCode } from './problems.js';
import { templateOf, type RouteResponse, type RouteSpec } from './route.js';

const JSON_TYPE = 'application/json';

/** What can be answered at any path before a route is chosen. */
const anywhere: readonly ProblemCode[] = [
  'malformed_request',
  'cross_site',
  'request_timeout',
  'misdirected_request',
  'headers_too_large',
  'internal_error',
];

export function openapiDocument(routes: readonly RouteSpec[], version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'keytender',
      version,
      description: 'A token sidecar: how fresh its token is. Times are RFC 3339 in UTC.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths: Object.fromEntries(routes.map((route) => [templateOf(route.path), pathItem(route)])),
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: {
        signature: {
          type: 'http',
          scheme: 'Signature',
          description:
            'RFC 9421 message signature with HMAC-SHA256, tag keytender-api; none on the Unix socket.',
        },
      },
      responses: Object.fromEntries(anywhere.map((code) => [code, problemResponse(code)])),
    },
  };
}

function pathItem(route: RouteSpec): object {
  const parameters = [...route.path.matchAll(/:([a-z_]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const operation = {
    operationId: operationId(route),
    summary: route.summary,
    // An unsigned route asks for no credential.
    security: 'scope' in route ? [{ signature: [] }] : [],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.request === undefined
      ? {}
      : { requestBody: { required: true, content: { [JSON_TYPE]: { schema: route.request } } } }),
    responses: {
      ...Object.fromEntries(
        anywhere.map((code) => [
          String(problems[code].status),
          { $ref: `#/components/responses/${code}` },
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, response]) => [status, described(response)]),
      ),
    },
  };
  return { [route.method.toLowerCase()]: operation };
}

function described({ description, contentType, schema }: RouteResponse): object {
  if (contentType === undefined) return { description };
  return { description, content: { [contentType]: { schema } } };
}

function problemResponse(code: ProblemCode): object {
  return {
    description: `${code}: ${problems[code].detail}`,
    content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function operationId({ method, path }: RouteSpec): string {
  const words = path.match(/[a-z0-9]+/gi) ?? [];
  return [method.toLowerCase(), ...words].join('_');
}
