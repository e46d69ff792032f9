// Requests and answers as callers have them (plain objects, `Request`, `Response`) made into what the signature code
// reads. Content is bytes from here on; a `Request` is cloned, so that it can still be sent or read.
import { isAnyArrayBuffer } from 'node:util/types';
import { KeytenderError } from './keytender-error.js';
import type {
  FieldsInput,
  RequestMessage,
  ResponseMessage,
  VerifiableRequest,
  VerifiableResponse,
} from '../signature/index.js';

export type BodyInput = string | Uint8Array | ArrayBuffer;

export interface PlainRequest {
  readonly method: string;
  /** Absolute, or in origin-form with a `Host` among the headers. Percent-encoded; never normalised. */
  readonly url: string | URL;
  /** Record of string or string[], `Headers`, pairs, or node's `rawHeaders`. */
  readonly headers?: FieldsInput;
  /** Content as it travels; text is UTF-8. */
  readonly body?: BodyInput | null;
  /** `http` or `https`, for a `url` in origin-form: decides which port is the default one. */
  readonly scheme?: string;
  /** The raw request target where it is not the origin-form of `url`. */
  readonly target?: string;
  /** Verifying only: the content was compared with `Content-Digest` already. */
  readonly isContentVerified?: boolean;
}

export interface PlainResponse {
  readonly status: number;
  readonly headers?: FieldsInput;
  readonly body?: BodyInput | null;
  /** Verifying only: the content was compared with `Content-Digest` already. */
  readonly isContentVerified?: boolean;
}

export type RequestInput = PlainRequest | Request;
export type ResponseInput = PlainResponse | Response;

/** A request with its content. */
export async function readRequest(input: RequestInput): Promise<VerifiableRequest> {
  if (!(input instanceof Request)) return withContent(plainRequest(input), input);
  const head = requestHead(input);
  return input.body === null ? head : { ...head, body: await bytesOf(input) };
}

/** A request without its content: what an answer is bound to. */
export function requestHead(input: RequestInput): RequestMessage {
  if (!(input instanceof Request)) return plainRequest(input);
  return { method: input.method, url: input.url, headers: input.headers };
}

/** An answer with its content. */
export async function readResponse(input: ResponseInput): Promise<VerifiableResponse> {
  const head: ResponseMessage = { status: input.status, headers: input.headers ?? {} };
  if (!(input instanceof Response)) return withContent(head, input);
  return input.body === null ? head : { ...head, body: await bytesOf(input) };
}

function plainRequest({ method, url, headers, scheme, target }: PlainRequest): RequestMessage {
  return {
    method,
    url: String(url),
    headers: headers ?? {},
    ...(scheme === undefined ? {} : { scheme }),
    ...(target === undefined ? {} : { target }),
  };
}

function withContent<T>(
  head: T,
  { body, isContentVerified }: Pick<PlainRequest, 'body' | 'isContentVerified'>,
): T & { readonly body?: Uint8Array; readonly isContentVerified?: boolean } {
  return {
    ...head,
    ...(body === undefined || body === null ? {} : { body: toBytes(body) }),
    ...(isContentVerified === undefined ? {} : { isContentVerified }),
  };
}

/** @throws KeytenderError `malformed_request` for what is neither text nor bytes, such as a stream */
export function toBytes(body: BodyInput): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isAnyArrayBuffer(body)) return new Uint8Array(body);
  throw new KeytenderError('malformed_request', 'a body must be text or bytes');
}

async function bytesOf(message: Request | Response): Promise<Uint8Array> {
  if (message.bodyUsed) {
    throw new KeytenderError('malformed_request', 'the body must not have been read yet');
  }
  return new Uint8Array(await message.clone().arrayBuffer());
}
