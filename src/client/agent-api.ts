// Requests to an agent's API: by socket, or signed, and then the answer must be signed too, by the same key and for this
// request (RFC 9421 section 2.4). An unsigned 401, 408, 421, 429 or 503 only leads to one more try with what is fresh;
// its body is dropped, its time is not believed. Any other unsigned answer is an error.
import { randomBytes } from 'node:crypto';
import {
  Keyring,
  keytenderAnswerPolicy,
  sign,
  verifyResponse,
  type SignatureHeaders,
} from '../signature/index.js';
import { withDeadline, type Clock, type Clocks } from './client-clock.js';
import type { Credential } from './credential.js';
import { urlAt, type Endpoint } from './endpoint.js';
import { Connections, type ExchangeAnswer, type FieldPair } from './exchange.js';
import type { FileKey } from './key-file.js';
import { asKeytenderError, KeytenderError } from './keytender-error.js';

export interface ApiRequest {
  readonly method: string;
  /** Starts with `/`; sent as it is. */
  readonly target: string;
  readonly headers?: readonly FieldPair[];
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each try; default 30 s. */
  readonly timeoutMs?: number;
  /** Does not keep a program alive that is otherwise done. */
  readonly isBackground?: boolean;
}

export interface ApiAnswer extends ExchangeAnswer {
  /** False: one of the five unsigned answers; its body is empty. */
  readonly isTrusted: boolean;
}

export interface AgentApiOptions {
  readonly endpoint: Endpoint;
  readonly credential: Credential | null;
  readonly clocks: Clocks;
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 30_000;
/** A `Retry-After` up to here is waited for. */
const RETRY_WAIT_SECONDS_MAX = 5;
const NONCE_BYTES = 18;

export class AgentApi {
  readonly #options: AgentApiOptions;
  readonly #connections: Connections;
  readonly #closed = new AbortController();

  constructor(options: AgentApiOptions) {
    this.#options = options;
    this.#connections = new Connections(options.endpoint);
  }

  /** Ends what is under way with `closed`. */
  close(): void {
    this.#closed.abort(new KeytenderError('closed', 'the connection to the agent was closed'));
    this.#connections.close();
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * @throws KeytenderError `agent_unreachable`, `agent_timeout`, `unverified_answer`, `answer_too_large`, `closed`, of
   *   the key file, `malformed_request`; the signal's reason when aborted
   */
  async send(request: ApiRequest): Promise<ApiAnswer> {
    const first = await this.#try(request);
    if (first.answer.isTrusted || !(await this.#isRetryWise(first, request))) return first.answer;
    return (await this.#try(request)).answer;
  }

  async #try(request: ApiRequest): Promise<Tried> {
    const { credential, clocks, timeoutMs = TIMEOUT_MS } = this.#options;
    this.#closed.signal.throwIfAborted();
    const key = isSigned(request.target) ? ((await credential?.read()) ?? null) : null;
    const signed = this.#signed(request, key);
    const { signal = this.#closed.signal, isBackground = false, method, target, body } = request;
    const ms = request.timeoutMs ?? timeoutMs;
    const answer = await withDeadline(
      clocks.background,
      ms,
      AbortSignal.any([signal, this.#closed.signal]),
      () => new KeytenderError('agent_timeout', `the agent did not answer within ${ms} ms`),
      (deadline) =>
        this.#connections.send({
          method,
          target,
          headers: signed.headers,
          body,
          signal: deadline,
          isBackground,
        }),
    );
    const trusted =
      key === null ? { ...answer, isTrusted: true } : this.#checked(answer, signed, key);
    return { answer: trusted, key, createdSeconds: signed.createdSeconds };
  }

  #signed(request: ApiRequest, key: FileKey | null): SignedRequest {
    const { endpoint, credential, clocks } = this.#options;
    const { method, target, body, headers: given = [] } = request;
    const createdSeconds = Math.floor(clocks.foreground.now() / 1000);
    const host = endpoint.kind === 'socket' ? 'localhost' : endpoint.authority;
    const length = body === undefined ? [] : [['content-length', String(body.length)] as const];
    const proof = endpoint.kind === 'socket' ? [['keytender-request', 'true'] as const] : [];
    const plain: FieldPair[] = [['host', host], ...given, ...length, ...proof];
    const message = { method, url: urlAt(endpoint, target), headers: plain };
    if (key === null || credential === null) return { ...message, createdSeconds };
    const { headers } = asKeytenderError(() =>
      sign(body === undefined ? message : { ...message, body }, {
        key: key.key,
        keyid: credential.keyid,
        created: createdSeconds,
        nonce: randomBytes(NONCE_BYTES).toString('base64url'),
        tag: 'keytender-api',
      }),
    );
    return { ...message, headers: withSignature(plain, headers), createdSeconds };
  }

  #checked(answer: ExchangeAnswer, request: SignedRequest, { key }: FileKey): ApiAnswer {
    const { credential, clocks } = this.#options;
    const isSignedAnswer = answer.headers.some(([name]) => /^signature-input$/i.test(name));
    if (!isSignedAnswer && isHint(answer.status)) {
      return { ...answer, body: Buffer.alloc(0), isTrusted: false };
    }
    const keyring = new Keyring([{ key, ...credential?.owner }]);
    const nowSeconds = clocks.foreground.now() / 1000;
    const verdict = verifyResponse(answer, request, keyring, keytenderAnswerPolicy, { nowSeconds });
    if (verdict.ok) return { ...answer, isTrusted: true };
    throw new KeytenderError(
      'unverified_answer',
      `the answer (${answer.status}) is not proven to be the agent's: ${verdict.reason}`,
      { status: answer.status },
    );
  }

  async #isRetryWise(tried: Tried, { signal, isBackground }: ApiRequest): Promise<boolean> {
    const { answer, key, createdSeconds } = tried;
    const { credential, clocks } = this.#options;
    const clock = isBackground === true ? clocks.background : clocks.foreground;
    if (answer.status === 401) {
      const fresh = await credential?.read();
      // an agent refuses what was signed in the second of its start
      if (fresh === key) await untilSecondAfter(createdSeconds, clock, signal);
      return true;
    }
    if (answer.status === 408 || answer.status === 421) return true;
    const waitSeconds = retryAfterOf(answer) ?? 1;
    if (waitSeconds > RETRY_WAIT_SECONDS_MAX) return false;
    await clock.sleep(waitSeconds * 1000, signal);
    return true;
  }
}

/** Resolves when the clock shows a later second. */
export async function untilSecondAfter(
  seconds: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waitMs = (seconds + 1) * 1000 - clock.now();
  if (waitMs > 0 && waitMs <= 1000) await clock.sleep(waitMs, signal);
}

/** Seconds of `Retry-After` (RFC 9110 section 10.2.3); undefined for a date or none. */
export function retryAfterOf({ headers }: Pick<ExchangeAnswer, 'headers'>): number | undefined {
  const value = headers.find(([name]) => name.toLowerCase() === 'retry-after')?.[1] ?? '';
  return /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}

interface SignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly FieldPair[];
  readonly createdSeconds: number;
}

interface Tried {
  readonly answer: ApiAnswer;
  readonly key: FileKey | null;
  readonly createdSeconds: number;
}

const hints: ReadonlySet<number> = new Set([401, 408, 421, 429, 503]);

function isHint(status: number): boolean {
  return hints.has(status);
}

/** Health, metrics and the like are unsigned, both ways. */
function isSigned(target: string): boolean {
  return /^\/(?:api\/)?v1\//.test(target);
}

function withSignature(
  headers: readonly FieldPair[],
  signature: SignatureHeaders,
): readonly FieldPair[] {
  const added = Object.entries(signature);
  const names = new Set(added.map(([name]) => name));
  return [...headers.filter(([name]) => !names.has(name.toLowerCase())), ...added];
}
