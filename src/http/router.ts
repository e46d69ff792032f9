// Fastify with our routes and nothing of its own that would be loaded for nothing: no schema compilers, no logger,
// no server. Every error becomes a problem; an unexpected one is reported without its message, which may quote input.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { allowedMethods, type Answer, type ListenerKind, type Route } from './route.js';
import { Problem, problemAnswer, type ProblemCode } from './problems.js';
import type { Outgoing } from './signed/answer-signature.js';
import { CallerGone } from './signed/body.js';
import type { SignedApi } from './signed/signed-api.js';

/** Longer than any name of ours. */
const PARAMETER_LENGTH_MAX = 128;

interface Fault {
  readonly requestId: string;
  readonly route: string;
  readonly error: string;
  /** Where, as lines of a stack trace without the message. */
  readonly at: readonly string[];
}

export interface RouterOptions {
  readonly routes: readonly Route[];
  /** null: only the unsigned routes. */
  readonly signed: Pick<SignedApi, 'routes' | 'serve'> | null;
  /** Asks for a body that the caller holds back (`Expect: 100-continue`). */
  readonly continueBody: (request: IncomingMessage) => void;
  readonly bodyBytesMax: number;
  /** The listener a request came by. */
  readonly listenerOf: (request: object) => ListenerKind;
  /** A request was given to a route. */
  readonly onRouted: (request: object, route: string) => void;
  readonly onFault: (fault: Fault) => void;
}

export function buildRouter(options: RouterOptions): FastifyInstance {
  const { routes, signed, listenerOf } = options;
  const all = [...routes, ...(signed?.routes ?? [])];
  const app = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    exposeHeadRoutes: true,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    return503OnClosing: false,
    schemaController: {
      compilersFactory: {
        buildValidator: noCompiler,
        buildSerializer: noCompiler,
      },
    },
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, problemOf(error));
    },
  });

  // Before a body is read: what has no route has no body.
  app.addHook('onRequest', (request, _reply, done) => {
    const listener = listenerOf(request.raw);
    const allowed = allowedMethods(all, request.raw.url ?? '', listener);
    if (allowed.length === 0) throw new Problem('not_found');
    if (request.is404) throw new Problem('method_not_allowed', { allow: allowed.join(', ') });
    options.onRouted(request.raw, request.routeOptions.url ?? 'unmatched');
    done();
  });

  app.setErrorHandler((error: FastifyError, request, reply) => {
    if ((error as Error) instanceof CallerGone) {
      reply.hijack();
      request.raw.destroy();
      return;
    }
    const problem = problemOf(error);
    if (problem.code === 'internal_error') {
      options.onFault({
        requestId: request.id,
        route: request.routeOptions.url ?? 'unmatched',
        error: error.name,
        at: stackWithoutMessage(error),
      });
    }
    sendProblem(reply, problem);
  });

  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) => {
        sendAnswer(reply, await route.handle(request, listenerOf(request.raw)));
        return reply;
      },
    });
  }
  for (const route of signed?.routes ?? []) {
    app.route({
      method: route.method,
      url: route.path,
      // Answered from the first hook on: later the framework would have read a stranger's body.
      onRequest: async (request, reply) => {
        const outgoing = await signed?.serve(route, {
          request: request.raw,
          requestId: request.id,
          listener: listenerOf(request.raw),
          params: request.params as Readonly<Record<string, string>>,
          signal: goneSignal(reply),
          continueBody: () => {
            options.continueBody(request.raw);
          },
        });
        if (outgoing !== undefined) sendOutgoing(reply, outgoing);
        return reply;
      },
      handler: unreached,
    });
  }
  return app;
}

/** Aborts when the connection closes before the answer was sent. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort(new CallerGone());
  });
  return gone.signal;
}

function unreached(_request: FastifyRequest, _reply: FastifyReply): never {
  throw new Error('a signed route is answered before its handler');
}

/** Without these two the framework loads ajv and fast-json-stringify, although no route gives it a schema. */
function noCompiler(): never {
  throw new Error('a route has a schema of the framework; schemas belong into RouteSpec');
}

function sendAnswer(reply: FastifyReply, answer: Answer): void {
  const { status, body, headers = {} } = answer;
  reply
    .code(status)
    .headers({ ...headers })
    .type(answer.contentType ?? 'application/json')
    .send(asBytes(typeof body === 'string' ? body : JSON.stringify(body)));
}

function sendOutgoing(reply: FastifyReply, { status, headers, body }: Outgoing): void {
  const sent = reply.code(status).headers({ ...headers });
  if (status === 204) sent.send();
  else sent.send(body);
}

function sendProblem(reply: FastifyReply, problem: Problem): void {
  const { status, headers, body } = problemAnswer(problem.code, problem.headers, problem.members);
  reply.code(status).headers(headers).send(asBytes(body));
}

/** Bytes are sent as they are; to a string the framework would add a charset that these media types do not have. */
function asBytes(text: string): Buffer {
  return Buffer.from(text);
}

/** Ours as they are, the framework's by its codes; anything else is a fault of ours. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(problemOfFrameworkError((error as { code?: unknown } | null)?.code));
}

function problemOfFrameworkError(code: unknown): ProblemCode {
  switch (code) {
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_VALIDATION':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return 'malformed_request';
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return 'not_found';
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return 'body_too_large';
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return 'unsupported_media_type';
    default:
      return 'internal_error';
  }
}

function stackWithoutMessage(error: Error): readonly string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 10);
}
