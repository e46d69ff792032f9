// Express middleware: lets through only what is signed with the token for this service. Goes before body parsers and
// verifies `originalUrl`, the target as it travelled; leaves the content readable, and as `rawBody`.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { guard, GUARD_BODY_BYTES_MAX, tooLarge, type GuardOptions } from './guard.js';
import type { GuardRefusal } from './guard.js';
import { readAndReturn } from './raw-body.js';
import type { VerifiedRequest } from './service-verifier.js';

export type { GuardOptions } from './guard.js';

/** What the middleware adds to a request that it let through. */
export interface SignedExpressRequest {
  /** Content as it travelled. */
  rawBody?: Buffer;
  keytender?: VerifiedRequest;
}

export type ExpressMiddleware = (
  request: IncomingMessage & SignedExpressRequest & { readonly originalUrl?: string },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * `app.use(requireSignature({ service }))`, before `express.json()`. Answers 401, 413 or 503 (could not be told, with
 * `Retry-After`) as problem details; passes on errors that are a mistake in the program.
 */
export function requireSignature(options: GuardOptions): ExpressMiddleware {
  return (request, response, next) => {
    handle(request, options).then(
      (refusal) => {
        if (refusal === undefined) next();
        else refuse(request, response, refusal);
      },
      (error: unknown) => {
        next(error);
      },
    );
  };
}

async function handle(
  request: Parameters<ExpressMiddleware>[0],
  options: GuardOptions,
): Promise<GuardRefusal | undefined> {
  const body = await readAndReturn(request, options.bodyBytesMax ?? GUARD_BODY_BYTES_MAX);
  if (body === undefined) return tooLarge;
  const { method = '', url = '', originalUrl = url, rawHeaders: headers } = request;
  const isEncrypted = 'encrypted' in request.socket;
  const outcome = await guard({ method, target: originalUrl, headers, isEncrypted, body }, options);
  if (!outcome.ok) return outcome.refusal;
  request.rawBody = body;
  request.keytender = outcome.verdict;
  return undefined;
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: GuardRefusal,
): void {
  // what was not read yet is not going to be
  const closing = request.complete ? {} : { connection: 'close' };
  response.writeHead(status, { ...headers, ...closing }).end(body);
}
