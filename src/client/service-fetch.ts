// `fetch` for requests between services: an origin that was named, a body that is kept or has its digest, a signature of
// the moment, and one more try where that can help. Never follows a redirect: a signature is for one place.
import type { Clock } from './client-clock.js';
import { KeytenderError } from './keytender-error.js';
import type { ServiceSigner, SignedRequest } from './service-signer.js';

export interface ServiceRequestInit extends Omit<RequestInit, 'redirect'> {
  /** Of a body that is a stream: `Content-Digest` (RFC 9530) of what it will yield, `sha-256=:…:`. */
  readonly contentDigest?: string;
  /** There is no other. */
  readonly redirect?: 'manual';
}

export interface ServiceFetchOptions {
  readonly signer: ServiceSigner;
  readonly origins: ReadonlySet<string>;
  readonly bodyBytesMax: number;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

/** A `Retry-After` up to here is waited for. */
const RETRY_WAIT_SECONDS_MAX = 5;

export async function fetchSigned(
  input: string | URL | Request,
  init: ServiceRequestInit,
  options: ServiceFetchOptions,
): Promise<Response> {
  const { contentDigest, ...plain } = init;
  const request = requestOf(input, plain);
  if (!options.origins.has(new URL(request.url).origin)) {
    throw new KeytenderError('origin_not_allowed', 'the origin of url must be one of origins');
  }
  const content = await contentOf(request, plain.body, contentDigest, options.bodyBytesMax);
  const first = await send(request, plain, content, options);
  if (!(await isRetryWise(request, first, content, options))) return first.response;
  await first.response.body?.cancel();
  return (await send(request, plain, content, options)).response;
}

type Content =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'stream'; readonly digest: string; readonly stream: ReadableStream };

interface Sent {
  readonly signed: SignedRequest;
  readonly response: Response;
}

async function send(
  { method, url, signal, headers: given }: Request,
  init: RequestInit,
  content: Content,
  { signer, fetch: fetchPlainly }: ServiceFetchOptions,
): Promise<Sent> {
  const headers = new Headers(given);
  if (content.kind === 'stream') headers.set('content-digest', content.digest);
  const body = content.kind === 'bytes' ? { body: content.bytes } : {};
  const signed = await signer.sign({ method, url, headers: [...headers], ...body }, signal);
  for (const [name, value] of Object.entries(signed.headers)) headers.set(name, value);
  const sending =
    content.kind === 'stream' ? { body: content.stream, duplex: 'half' as const } : body;
  const options = { ...init, method, headers, signal, redirect: 'manual' as const, ...sending };
  return { signed, response: await fetchPlainly(url, options) };
}

function requestOf(input: string | URL | Request, init: RequestInit): Request {
  try {
    return new Request(input, isStream(init.body) ? { ...init, duplex: 'half' } : init);
  } catch (error) {
    throw new KeytenderError('malformed_request', 'url and init must be what fetch takes', {
      cause: error,
    });
  }
}

async function contentOf(
  request: Request,
  body: unknown,
  contentDigest: string | undefined,
  bytesMax: number,
): Promise<Content> {
  if (request.body === null) return { kind: 'none' };
  if (!isStream(body)) return { kind: 'bytes', bytes: await bytesOf(request.body, bytesMax) };
  const digest = contentDigest ?? request.headers.get('content-digest');
  if (digest === null) {
    throw new KeytenderError('digest_required', 'a stream needs its contentDigest');
  }
  return { kind: 'stream', digest, stream: request.body };
}

async function bytesOf(
  stream: ReadableStream<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.length;
    if (bytes > bytesMax) {
      throw new KeytenderError('body_too_large', `the body must have at most ${bytesMax} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function isStream(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body;
}

/** Methods that mean the same when they arrive twice (RFC 9110 section 9.2.2). */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** A 421 is sent again by `fetch` itself. */
const passing: ReadonlySet<number> = new Set([408, 429, 503]);

async function isRetryWise(
  { method, signal }: Request,
  { response, signed }: Sent,
  content: Content,
  { signer, clock }: ServiceFetchOptions,
): Promise<boolean> {
  const { status, headers } = response;
  if (status === 401) {
    await signer.refused(signed);
    signal.throwIfAborted();
    return content.kind !== 'stream';
  }
  const isHint = passing.has(status) && repeatable.has(method) && !headers.has('signature-input');
  const wait = headers.get('retry-after') ?? '';
  if (!isHint || content.kind === 'stream' || !/^\d{1,6}$/.test(wait)) return false;
  if (Number(wait) > RETRY_WAIT_SECONDS_MAX) return false;
  await clock.sleep(Number(wait) * 1000, signal);
  return true;
}
