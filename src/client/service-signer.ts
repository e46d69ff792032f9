// Signs a service's requests with the freshest token: here where its value is readable, else by the agent's `/sign`.
// Knows which token a refused request was signed with, so that one refresh serves all that were refused for it.
import { randomBytes } from 'node:crypto';
import { secretKey, sign, type SignatureHeaders } from '../signature/index.js';
import { ask, isMembers, json, malformedAnswer } from './agent-answer.js';
import { untilSecondAfter, type AgentApi } from './agent-api.js';
import type { Clocks } from './client-clock.js';
import type { HeldToken } from './held-token.js';
import { readRequest, type PlainRequest } from './http-message.js';
import { asKeytenderError, KeytenderError } from './keytender-error.js';
import { absoluteUrl, fieldsRecord } from './request-fields.js';
import { isUsable, type Token } from './token.js';

export interface SignedRequest {
  /** To be set on the request. */
  readonly headers: SignatureHeaders;
  /** Of the token it was signed with; null for one that has none. */
  readonly version: number | null;
  /** Whole seconds since the Unix epoch. */
  readonly created: number;
  /** Of the token; undefined when the agent signed. */
  readonly revision: string | undefined;
}

export interface ServiceSignerOptions {
  readonly api: AgentApi;
  readonly token: HeldToken;
  readonly clocks: Clocks;
  readonly tag: string;
}

const NONCE_BYTES = 18;
/** How long the agent signs after the value was refused to us; scopes may change. */
const REMOTE_MS = 60_000;

export class ServiceSigner {
  readonly #options: ServiceSignerOptions;
  #remoteUntilMs = -Infinity;

  constructor(options: ServiceSignerOptions) {
    this.#options = options;
  }

  async sign(request: PlainRequest, signal: AbortSignal | undefined): Promise<SignedRequest> {
    const { foreground } = this.#options.clocks;
    if (foreground.monotonicMs() >= this.#remoteUntilMs) {
      try {
        const token = await this.#options.token.get();
        if (token.value !== undefined) return await this.#signHere(request, token, token.value);
        if (!isUsable(token)) throw unavailable(token.state);
      } catch (error) {
        if (!isUnreadable(error)) throw error;
      }
      this.#remoteUntilMs = foreground.monotonicMs() + REMOTE_MS;
    }
    return this.#signThere(request, signal);
  }

  async refused(signed: SignedRequest): Promise<void> {
    const { token, clocks } = this.#options;
    const isNewer = await token.renew(signed.revision);
    if (isNewer && signed.revision !== undefined) return;
    // it was not the token, or nobody knows: a verifier refuses what was signed in the second of its start
    await untilSecondAfter(signed.created, clocks.foreground, undefined);
  }

  async #signHere(request: PlainRequest, token: Token, value: string): Promise<SignedRequest> {
    const { clocks, tag } = this.#options;
    const message = await readRequest(request);
    const { name, version, revision } = token;
    const created = Math.floor(clocks.foreground.now() / 1000);
    const { headers } = asKeytenderError(() =>
      sign(message, {
        key: secretKey(value),
        keyid: version === null ? name : `${name}:${version}`,
        created,
        nonce: randomBytes(NONCE_BYTES).toString('base64url'),
        tag,
      }),
    );
    return { headers, version, created, revision };
  }

  async #signThere(request: PlainRequest, signal: AbortSignal | undefined): Promise<SignedRequest> {
    const { api, token, tag } = this.#options;
    const message = await readRequest(request);
    const { body } = message;
    const described = {
      method: message.method,
      url: absoluteUrl(message),
      headers: fieldsRecord(message.headers),
      tag,
      ...(body === undefined ? {} : { body: Buffer.from(body).toString('base64') }),
    };
    const target = `/v1/tokens/${token.name}/sign`;
    const answer = await ask(api, { method: 'POST', target, ...json(described), signal });
    const { headers, version, created } = answer ?? {};
    if (!isMembers(headers) || typeof created !== 'number') throw malformedAnswer();
    return {
      headers: signatureHeaders(headers),
      version: typeof version === 'number' ? version : null,
      created,
      revision: undefined,
    };
  }
}

/** The value is not for this caller. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof KeytenderError && error.status === 403;
}

function unavailable(state: string): KeytenderError {
  return new KeytenderError('token_unavailable', `the token cannot be used: ${state}`, {
    status: 503,
  });
}

function signatureHeaders(headers: Readonly<Record<string, unknown>>): SignatureHeaders {
  const { signature, 'signature-input': input, 'content-digest': digest } = headers;
  if (typeof signature !== 'string' || typeof input !== 'string') throw malformedAnswer();
  return {
    'signature-input': input,
    signature,
    ...(typeof digest === 'string' ? { 'content-digest': digest } : {}),
  };
}
