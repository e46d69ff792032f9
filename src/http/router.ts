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
import {
  allowedMethods,
  isAt,
  templateOf,
  type Answer,
  type ListenerKind,
  type Route,
  type RouteSpec,
} from './route.js';
import { pathOf } from './preflight.js';
import { Problem, problemAnswer, type ProblemCode } from './problems.js';
import type { Outgoing } from './signed/answer-signature.js';
import { CallerGone } from './signed/body.js';
import type { Incoming } from './signed/serve.js';
import type { SignedApi } from './signed/signed-api.js';
import { writeAnswer } from './write-answer.js';

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
  readonly listenerOf: (request: IncomingMessage) => ListenerKind;
  /** A request was given to the route of this template. */
  readonly onRouted: (request: IncomingMessage, template: string) => void;
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
  const refuseUnrouted = (request: FastifyRequest): never => {
    const url = request.raw.url ?? '';
    const allowed = allowedMethods(all, url, listenerOf(request.raw));
    if (allowed.length === 0) throw new Problem('not_found');
    throw new Problem('method_not_allowed', { allow: allowed.join(', ') });
  };
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) refuseUnrouted(request);
    done();
  });
  /** Of each route: told apart here and not by the framework's `routeOptions`, which it makes anew at each look. */
  const admitterOf = (spec: RouteSpec): ((request: FastifyRequest) => void) => {
    const template = templateOf(spec.path);
    return (request) => {
      const { raw } = request;
      if (!isAt(spec, pathOf(raw.url ?? ''), listenerOf(raw))) refuseUnrouted(request);
      options.onRouted(raw, template);
    };
  };

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
    const admit = admitterOf(route);
    app.route({
      method: route.method,
      url: route.path,
      onRequest: (request, _reply, done) => {
        admit(request);
        done();
      },
      handler: (request, reply) => {
        const answer = route.handle(request, listenerOf(request.raw));
        if (!(answer instanceof Promise)) sendAnswer(reply, answer);
        else return answer.then((late) => sendAnswer(reply, late));
      },
    });
  }
  for (const route of signed?.routes ?? []) {
    const admit = admitterOf(route);
    app.route({
      method: route.method,
      url: route.path,
      // Answered from the first hook on: later the framework would have read a stranger's body.
      onRequest: (request, reply) => {
        admit(request);
        const outgoing = signed?.serve(route, new Routed(request, reply, options));
        if (outgoing instanceof Promise) {
          return outgoing.then((late) => sendOutgoing(reply, late));
        }
        if (outgoing !== undefined) sendOutgoing(reply, outgoing);
      },
      handler: unreached,
    });
  }
  return app;
}

/** A request as the signed API takes it. What few requests need is made when it is asked for. */
class Routed implements Incoming {
  readonly request: IncomingMessage;
  readonly listener: ListenerKind;
  readonly remoteAddress: string;
  readonly #routed: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #options: RouterOptions;
  #signal: AbortSignal | null = null;

  constructor(request: FastifyRequest, reply: FastifyReply, options: RouterOptions) {
    this.request = request.raw;
    this.listener = options.listenerOf(request.raw);
    this.remoteAddress = request.raw.socket.remoteAddress ?? '';
    this.#routed = request;
    this.#reply = reply;
    this.#options = options;
  }

  get requestId(): string {
    return this.#routed.id;
  }

  get params(): Readonly<Record<string, string>> {
    return this.#routed.params as Readonly<Record<string, string>>;
  }

  get query(): URLSearchParams {
    const { url = '' } = this.request;
    const queryAt = url.indexOf('?');
    return new URLSearchParams(queryAt < 0 ? '' : url.slice(queryAt + 1));
  }

  get signal(): AbortSignal {
    if (this.#signal === null) {
      const gone = new AbortController();
      const { raw } = this.#reply;
      if (raw.closed && !raw.writableFinished) gone.abort(new CallerGone());
      this.whenGone(() => {
        gone.abort(new CallerGone());
      });
      this.#signal = gone.signal;
    }
    return this.#signal;
  }

  /** The connection closed before the answer was sent. */
  whenGone(listener: () => void): () => void {
    const { raw } = this.#reply;
    const onClose = (): void => {
      if (!raw.writableFinished) listener();
    };
    if (raw.closed) queueMicrotask(onClose);
    else raw.on('close', onClose);
    return () => raw.off('close', onClose);
  }

  continueBody(): void {
    this.#options.continueBody(this.request);
  }
}

function unreached(_request: FastifyRequest, _reply: FastifyReply): never {
  throw new Error('a signed route is answered before its handler');
}

/** Without these two the framework loads ajv and fast-json-stringify, although no route gives it a schema. */
function noCompiler(): never {
  throw new Error('a route has a schema of the framework; schemas belong into RouteSpec');
}

function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  const { status, body, contentType = 'application/json', headers } = answer;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return send(reply, status, { ...headers, 'content-type': contentType }, text);
}

function sendOutgoing(reply: FastifyReply, { status, headers, body }: Outgoing): FastifyReply {
  return send(reply, status, headers, body);
}

function sendProblem(reply: FastifyReply, problem: Problem): void {
  const { status, headers, body } = problemAnswer(problem.code, problem.headers, problem.members);
  send(reply, status, headers, body);
}

function send(
  reply: FastifyReply,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): FastifyReply {
  reply.hijack();
  writeAnswer(reply.raw, status, headers, body);
  return reply;
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
