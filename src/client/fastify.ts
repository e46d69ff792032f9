// Fastify plugin: lets through only what is signed with the token for this service, in the scope it is registered in.
// Reads the raw content before it is parsed (`preParsing`) and hands it on to the parser.
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { guard, GUARD_BODY_BYTES_MAX, tooLarge, type GuardOptions } from './guard.js';
import type { GuardRefusal } from './guard.js';
import { readAll } from './raw-body.js';
import type { VerifiedRequest } from './service-verifier.js';

export type { GuardOptions } from './guard.js';

/** What the plugin adds to a request that it let through. */
export interface SignedFastifyRequest {
  /** Content as it travelled. */
  rawBody?: Buffer;
  keytender?: VerifiedRequest;
}

interface FastifyRequestLike extends SignedFastifyRequest {
  readonly raw: IncomingMessage;
  readonly originalUrl: string;
}

interface FastifyReplyLike {
  code(status: number): FastifyReplyLike;
  headers(values: Record<string, string>): FastifyReplyLike;
  send(payload: string): FastifyReplyLike;
}

interface FastifyLike {
  addHook(
    name: 'preParsing',
    hook: (
      request: FastifyRequestLike,
      reply: FastifyReplyLike,
      payload: Readable,
    ) => Promise<unknown>,
  ): unknown;
  decorateRequest(name: string, value?: null): unknown;
}

/**
 * `app.register(requireSignature, { service })`: for the routes of the scope it is registered in, as a plugin wrapped
 * by `fastify-plugin`. Answers 401, 413 or 503 (could not be told, with `Retry-After`) as problem details.
 */
export function requireSignature(app: FastifyLike, options: GuardOptions): Promise<void> {
  app.decorateRequest('rawBody', null);
  app.decorateRequest('keytender', null);
  app.addHook('preParsing', async (request, reply, payload) => {
    const { refusal, body } = await handle(request, payload, options);
    if (refusal !== undefined) {
      return reply.code(refusal.status).headers(refusal.headers).send(refusal.body);
    }
    return Object.assign(Readable.from(body.length === 0 ? [] : [body], { objectMode: false }), {
      receivedEncodedLength: body.length,
    });
  });
  return Promise.resolve();
}

// hooks are for the scope that registers the plugin, not for one of its own
Object.assign(requireSignature, { [Symbol.for('skip-override')]: true });

async function handle(
  request: FastifyRequestLike,
  payload: Readable,
  options: GuardOptions,
): Promise<{ readonly refusal?: GuardRefusal; readonly body: Buffer }> {
  const body = await readAll(payload, options.bodyBytesMax ?? GUARD_BODY_BYTES_MAX);
  if (body === undefined) return { refusal: tooLarge, body: Buffer.alloc(0) };
  const { raw, originalUrl: target } = request;
  const { method = '', rawHeaders: headers } = raw;
  const isEncrypted = 'encrypted' in raw.socket;
  const outcome = await guard({ method, target, headers, isEncrypted, body }, options);
  if (!outcome.ok) return { refusal: outcome.refusal, body };
  request.rawBody = body;
  request.keytender = outcome.verdict;
  return { body };
}
