// A request or an answer as the signature code sees it: method, cut target, status, fields. Built once for each
// message, so that its fields are read once however many components a signature covers.
import { Fields } from './fields.js';
import type { FieldsInput } from './fields.js';
import { parseTarget } from './target.js';
import type { Target } from './target.js';

/** A request without its content. */
export interface RequestMessage {
  readonly method: string;
  /** Absolute, or in origin-form as it stood in the request line; then `Host` and `scheme` complete it. */
  readonly url: string;
  readonly headers: FieldsInput;
  /** `http` or `https`, where `url` does not say it. */
  readonly scheme?: string;
  /** The raw request target, where it is not the origin-form of `url` (proxy requests, `CONNECT`, `*`). */
  readonly target?: string;
  readonly trailers?: FieldsInput;
}

/** An answer without its content. */
export interface ResponseMessage {
  readonly status: number;
  readonly headers: FieldsInput;
  readonly trailers?: FieldsInput;
}

export interface RequestView {
  readonly kind: 'request';
  readonly method: string;
  /** Undefined when the target cannot be that of a request. */
  readonly target: Target | undefined;
  readonly requestTarget: string | undefined;
  readonly fields: Fields;
  readonly trailers: Fields;
}

export interface ResponseView {
  readonly kind: 'response';
  readonly status: number;
  readonly fields: Fields;
  readonly trailers: Fields;
  /** What this answers; components with `;req` are taken from it. */
  readonly request: RequestView | undefined;
}

export type MessageView = RequestView | ResponseView;

/** A view stands for itself. */
export function viewRequest(message: RequestMessage | RequestView): RequestView {
  if ('kind' in message) return message;
  const fields = new Fields(message.headers);
  const hostLines = message.url.startsWith('/') ? fields.lines('host') : [];
  const target = parseTarget(message.url, hostLines, message.scheme);
  return {
    kind: 'request',
    method: message.method,
    target,
    requestTarget: message.target ?? target?.origin,
    fields,
    trailers: message.trailers === undefined ? noFields : new Fields(message.trailers),
  };
}

export function viewResponse(
  message: ResponseMessage,
  request: RequestView | undefined,
): ResponseView {
  return {
    kind: 'response',
    status: message.status,
    fields: new Fields(message.headers),
    trailers: message.trailers === undefined ? noFields : new Fields(message.trailers),
    request,
  };
}

/**
 * Whether a message has content, by its framing (RFC 9112 §6): a transfer coding, or a length that is not zero.
 * A length that is no number counts as content.
 */
export function isFramedWithContent(fields: Fields): boolean {
  if (fields.has('transfer-encoding')) return true;
  const length = fields.value('content-length');
  return length !== undefined && !/^0+$/.test(length);
}

const noFields = new Fields(undefined);
