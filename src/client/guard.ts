// What the plugins for web servers share: the verdict on a request whose raw content was read, as an answer to give. A
// refusal says nothing of its cause (docs/api.md); what could not be told is a 503, never a 401.
import type { FieldsInput } from '../signature/index.js';
import type { PlainRequest } from './http-message.js';
import { KeytenderError } from './keytender-error.js';
import type { Service } from './service.js';
import type { ServiceVerdict, VerifiedRequest } from './service-verifier.js';

export interface GuardOptions {
  /** From `agent.service({ audience })`. */
  readonly service: Pick<Service, 'verify'>;
  /** Bytes of content that are read to be verified; default 1 MiB. Beyond it the answer is 413. */
  readonly bodyBytesMax?: number;
  /** `http` or `https` as the caller sees it; default that of the connection. */
  readonly scheme?: 'http' | 'https';
  /** Told of each refusal, with its reason: for a log or a metric. */
  readonly onRefused?: (verdict: ServiceVerdict | KeytenderError) => void;
}

export const GUARD_BODY_BYTES_MAX = 1024 * 1024;

export interface GuardedRequest {
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  readonly headers: FieldsInput;
  readonly isEncrypted: boolean;
  readonly body: Uint8Array;
}

export interface GuardRefusal {
  readonly status: 401 | 413 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type GuardOutcome =
  | { readonly ok: true; readonly verdict: VerifiedRequest }
  | { readonly ok: false; readonly refusal: GuardRefusal };

/** Never rejects but for a bug. */
export async function guard(
  request: GuardedRequest,
  { service, scheme, onRefused }: GuardOptions,
): Promise<GuardOutcome> {
  const { method, target, headers, isEncrypted, body } = request;
  const message: PlainRequest = {
    method,
    url: target,
    headers,
    scheme: scheme ?? (isEncrypted ? 'https' : 'http'),
    body,
  };
  try {
    const verdict = await service.verify(message);
    if (verdict.ok) return { ok: true, verdict };
    onRefused?.(verdict);
    return { ok: false, refusal: unauthenticated };
  } catch (error) {
    // without an audience nothing can ever be verified: a mistake to be seen, not an outage
    if (!(error instanceof KeytenderError) || error.code === 'malformed_value') throw error;
    onRefused?.(error);
    return { ok: false, refusal: unavailable(error.retryAfter) };
  }
}

const unauthenticated: GuardRefusal = {
  ...problem(401, 'Unauthorized', 'unauthenticated'),
  headers: {
    'content-type': 'application/problem+json',
    'www-authenticate': 'Signature realm="keytender"',
    'accept-signature':
      'keytender=("@method" "@authority" "@path" "@query" "content-digest");created;alg="hmac-sha256";tag="keytender-service"',
  },
};

export const tooLarge: GuardRefusal = problem(413, 'Content Too Large', 'body_too_large');

function unavailable(retryAfter = 1): GuardRefusal {
  const made = problem(503, 'Service Unavailable', 'verification_unavailable');
  return { ...made, headers: { ...made.headers, 'retry-after': String(Math.ceil(retryAfter)) } };
}

function problem(status: GuardRefusal['status'], title: string, code: string): GuardRefusal {
  return {
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: JSON.stringify({ type: 'about:blank', title, status, code }),
  };
}
