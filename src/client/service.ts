// What a service does with its token all day: sign what it sends to the services it knows, verify what it receives.
// Signing and verifying happen here where the keys are readable, else the agent is asked to (docs/library.md).
import type { Clocks } from './client-clock.js';
import type { AgentApi } from './agent-api.js';
import type { HeldToken } from './held-token.js';
import type { PlainRequest, RequestInput } from './http-message.js';
import { fetchSigned, type ServiceRequestInit } from './service-fetch.js';
import { ServiceSigner, type SignedRequest } from './service-signer.js';
import { ServiceVerifier, type ServiceVerdict } from './service-verifier.js';
import { KeytenderError } from './keytender-error.js';
import { normalizeAuthority } from '../signature/index.js';

export interface ServiceOptions {
  /** Where `fetch` may go: `https://orders.example`. Default: nowhere. */
  readonly origins?: readonly string[];
  /** Under which authorities (`host[:port]`) this service is called; `verify` accepts requests for these alone. */
  readonly audience?: string | readonly string[];
  /** What the signatures are for; default `keytender-service`. Must not start with `keytender-` otherwise. */
  readonly tag?: string;
  /** Name of the token; default that of the connection. */
  readonly name?: string;
  /** Bytes of a body that `fetch` keeps to sign and send again; default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Verified requests a minute whose nonces are remembered; default 60,000. */
  readonly requestsPerMinute?: number;
  /** Seconds after `created` that `verify` accepts a signature; default 300. */
  readonly maxSkewSeconds?: number;
  /** Sends the requests of `fetch`; default the global one. */
  readonly fetch?: typeof fetch;
}

export interface ServiceParts {
  readonly api: AgentApi;
  readonly token: HeldToken;
  readonly clocks: Clocks;
}

const BODY_BYTES_MAX = 1024 * 1024;
const REQUESTS_PER_MINUTE = 60_000;
const DEFAULT_TAG = 'keytender-service';

export class Service {
  readonly #signer: ServiceSigner;
  readonly #verifier: ServiceVerifier;
  readonly #fetching: Parameters<typeof fetchSigned>[2];

  /** @throws KeytenderError `malformed_value` */
  constructor(options: ServiceOptions, parts: ServiceParts) {
    const { tag = DEFAULT_TAG, bodyBytesMax = BODY_BYTES_MAX } = options;
    if (tag !== DEFAULT_TAG && tag.startsWith('keytender-')) {
      throw malformed('tag must not start with keytender-, which is for the agent itself');
    }
    this.#signer = new ServiceSigner({ ...parts, tag });
    this.#verifier = new ServiceVerifier({
      ...parts,
      tag,
      audience: options.audience === undefined ? null : audienceOf(options.audience),
      requestsPerMinute: options.requestsPerMinute ?? REQUESTS_PER_MINUTE,
      maxSkewSeconds: options.maxSkewSeconds ?? null,
    });
    this.#fetching = {
      signer: this.#signer,
      origins: new Set((options.origins ?? []).map(originOf)),
      bodyBytesMax,
      fetch: options.fetch ?? fetch,
      clock: parts.clocks.foreground,
    };
  }

  /**
   * `fetch` with a signature, to one of `origins`. Redirects are not followed (`redirect: 'manual'`). A 401 brings a
   * newer token and is tried once more with a new nonce; so is, for a method that may be repeated (RFC 9110 section
   * 9.2.2), an unsigned 408, 429 or 503 that says `Retry-After` of at most 5 seconds. Bodies are kept up to
   * `bodyBytesMax`; a stream needs `contentDigest` and is sent once.
   * @throws KeytenderError `origin_not_allowed`, `digest_required`, `body_too_large`, `malformed_request`, as `sign`;
   *   what `fetch` throws, as it throws it
   */
  fetch(url: string | URL | Request, init: ServiceRequestInit = {}): Promise<Response> {
    return fetchSigned(url, init, this.#fetching);
  }

  /**
   * Signature fields for a request that is sent in another way: set them, do not append. When it is answered 401,
   * hand the result to `refused` and sign again.
   * @throws KeytenderError `token_unavailable`, those of the agent and of the bare `sign`
   */
  sign(
    request: PlainRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<SignedRequest> {
    return this.#signer.sign(request, options.signal);
  }

  /** After a 401: asks for a newer token, once for all who ask; signing again then uses it. Never rejects. */
  refused(signed: SignedRequest): Promise<void> {
    return this.#signer.refused(signed);
  }

  /**
   * Whether a request was signed with the token for this service. Locally where the connection holds all keys, with a
   * replay guard of this process; else by the agent, with its own. What is wrong with the request is a value.
   * @throws KeytenderError when it cannot be told: those of the agent, `replay_guard_full`, `malformed_value` without
   *   `audience`. Answer 503 then, never 401.
   */
  verify(request: RequestInput): Promise<ServiceVerdict> {
    return this.#verifier.verify(request);
  }
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw malformed('origins must look like https://orders.example');
  }
  return url.origin;
}

function audienceOf(audience: string | readonly string[]): readonly string[] {
  const named = typeof audience === 'string' ? [audience] : audience;
  if (named.length === 0) throw malformed('audience must name an authority');
  return named.map((one) => {
    const authority = normalizeAuthority(one, undefined);
    if (authority === undefined) throw malformed('audience must look like host or host:port');
    return authority;
  });
}

function malformed(message: string): KeytenderError {
  return new KeytenderError('malformed_value', message);
}
