// An undici interceptor that signs: for `dispatcher.compose`, inside retry, so that each try has a nonce of its own. A 401
// brings a newer token and one more try. Written against undici's documented handler, without importing it.
import { stringify, type ParsedUrlQuery } from 'node:querystring';
import type { FieldsInput } from '../signature/index.js';
import { KeytenderError } from './keytender-error.js';
import type { Service } from './service.js';
import type { SignedRequest } from './service-signer.js';
import { fieldPairs } from './request-fields.js';

export interface SigningOptions {
  /** From `agent.service({})`. */
  readonly service: Pick<Service, 'sign' | 'refused'>;
  /** Origins whose requests are signed: `https://orders.example`. Others are refused. */
  readonly origins: readonly string[];
  /** Bytes of a body that is kept to be signed and sent again; default 1 MiB. */
  readonly bodyBytesMax?: number;
}

/** Of undici 7: `Dispatcher['dispatch']` and what it is called with. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Dispatch = (options: any, handler: any) => boolean;

/** @typeParam D undici's own type, whichever version it is */
export type SigningInterceptor = <D extends Dispatch>(dispatch: D) => D;

interface DispatchOptions {
  readonly origin?: string | URL;
  readonly method: string;
  readonly path: string;
  readonly query?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly signal?: unknown;
}

interface Handler {
  onRequestStart?(controller: unknown, context: unknown): void;
  onResponseStart?(
    controller: unknown,
    status: number,
    headers: unknown,
    statusMessage?: string,
  ): void;
  onResponseData?(controller: unknown, chunk: Buffer): void;
  onResponseEnd?(controller: unknown, trailers: unknown): void;
  onResponseError?(controller: unknown, error: Error): void;
  onRequestUpgrade?(controller: unknown, status: number, headers: unknown, socket: unknown): void;
}

const BODY_BYTES_MAX = 1024 * 1024;

/**
 * `new Agent().compose(signing({ service, origins }), interceptors.retry())`. Bodies are kept up to `bodyBytesMax`;
 * longer ones need a `content-digest` field and are sent once. The request fails with `KeytenderError`
 * `origin_not_allowed`, `body_too_large`, or as `service.sign`.
 */
export function signing(options: SigningOptions): SigningInterceptor {
  const origins = new Set(options.origins.map((one) => new URL(one).origin));
  const bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX;
  return <D extends Dispatch>(dispatch: D) => {
    const signingDispatch = (request: DispatchOptions, handler: Handler): boolean => {
      const parts = { dispatch, service: options.service, origins, bodyBytesMax };
      sendSigned(request, handler, parts).catch((error: unknown) => {
        fail(handler, error);
      });
      return true;
    };
    return signingDispatch as D;
  };
}

interface Parts {
  readonly dispatch: Dispatch;
  readonly service: SigningOptions['service'];
  readonly origins: ReadonlySet<string>;
  readonly bodyBytesMax: number;
}

async function sendSigned(
  request: DispatchOptions,
  handler: Handler,
  { dispatch, service, origins, bodyBytesMax }: Parts,
): Promise<void> {
  const plan = await planOf(request, origins, bodyBytesMax);
  const send = async (to: (signed: SignedRequest) => Handler): Promise<void> => {
    const { method, url, headers: given, body } = plan;
    const content = body === undefined ? {} : { body };
    const signed = await service.sign({ method, url, headers: given, ...content });
    const added = Object.entries(signed.headers);
    const names = new Set(added.map(([name]) => name));
    const kept = given.filter(([name]) => !names.has(name.toLowerCase()));
    dispatch({ ...plan.options, headers: [...kept, ...added].flat() }, to(signed));
  };
  await send((signed) => {
    if (plan.isStream) return handler;
    const again = async (): Promise<void> => {
      await service.refused(signed);
      await send(() => handler);
    };
    return healing(handler, () => {
      again().catch((error: unknown) => {
        fail(handler, error);
      });
    });
  });
}

interface Plan {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | undefined;
  readonly options: DispatchOptions;
  /** Sent as it is, once. */
  readonly isStream: boolean;
}

async function planOf(
  request: DispatchOptions,
  origins: ReadonlySet<string>,
  bodyBytesMax: number,
): Promise<Plan> {
  const origin = new URL(String(request.origin)).origin;
  if (!origins.has(origin)) {
    throw new KeytenderError('origin_not_allowed', 'the origin must be one of origins');
  }
  const { method, query, ...others } = request;
  // as undici itself appends it, later
  const appended = query === undefined || query === null ? '' : stringify(query as ParsedUrlQuery);
  const path = appended === '' ? request.path : `${request.path}?${appended}`;
  const headers = fieldPairs((request.headers ?? {}) as FieldsInput);
  const isStream = headers.some(([name]) => name.toLowerCase() === 'content-digest');
  const body = isStream ? undefined : await bytesOf(request.body, bodyBytesMax);
  const sent = isStream ? request.body : (body ?? null);
  const options = { ...others, method, path, body: sent };
  return { method, url: origin + path, headers, body, options, isStream };
}

async function bytesOf(body: unknown, bytesMax: number): Promise<Uint8Array | undefined> {
  if (body === undefined || body === null) return undefined;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of partsOf(body)) {
    const chunk = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new KeytenderError('body_too_large', `the body must have at most ${bytesMax} bytes`);
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function partsOf(
  body: unknown,
): Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array> {
  if (typeof body === 'string' || body instanceof Uint8Array) return [body];
  const isIterable =
    typeof body === 'object' &&
    body !== null &&
    (Symbol.asyncIterator in body || Symbol.iterator in body) &&
    !(body instanceof FormData);
  if (isIterable) return body as AsyncIterable<string | Uint8Array>;
  throw new KeytenderError('malformed_request', 'the body must be text, bytes or a stream');
}

/** Keeps a 401 to itself, and says when it has ended. */
function healing(handler: Handler, again: () => void): Handler {
  let isRefused = false;
  return {
    onRequestStart: (...args) => handler.onRequestStart?.(...args),
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (controller, status, headers, statusMessage) => {
      isRefused = status === 401;
      if (!isRefused) handler.onResponseStart?.(controller, status, headers, statusMessage);
    },
    onResponseData: (...args) => {
      if (!isRefused) handler.onResponseData?.(...args);
    },
    onResponseEnd: (...args) => {
      if (isRefused) again();
      else handler.onResponseEnd?.(...args);
    },
    onResponseError: (...args) => handler.onResponseError?.(...args),
  };
}

function fail(handler: Handler, error: unknown): void {
  handler.onResponseError?.(null, error instanceof Error ? error : new Error(String(error)));
}
