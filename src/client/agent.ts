// A connection to an agent, as a service holds it: the token, its changes, the agent's API, and services that sign and
// verify. Costs nothing until it is used; what it does in the background does not keep a program alive.
import { refusalOf } from './agent-answer.js';
import { AgentApi } from './agent-api.js';
import { backoffMs, changes } from './changes.js';
import type { Clocks } from './client-clock.js';
import { checkName } from './credential.js';
import { HeldToken, type RotationListener } from './held-token.js';
import { toBytes, type BodyInput } from './http-message.js';
import { KeytenderError } from './keytender-error.js';
import { Service, type ServiceOptions } from './service.js';
import type { Random } from '../platform/random.js';
import type { RefreshResult, TokenSource } from './token-source.js';
import type { Token } from './token.js';

export interface WaitOptions {
  readonly signal?: AbortSignal;
}

export interface AgentRequestInit {
  /** Default: `GET`, with a body `POST`. */
  readonly method?: string;
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  /** Content as it travels; text is UTF-8. With text and no content type `application/json`. */
  readonly body?: BodyInput | null;
  readonly signal?: AbortSignal | null;
}

export interface AgentParts {
  readonly api: AgentApi;
  readonly source: TokenSource;
  readonly clocks: Clocks;
  readonly random: Random;
  readonly maxStaleMs: number;
  readonly name: string;
}

const READY_TRY_MS = 2000;

export class Agent implements AsyncDisposable {
  readonly #parts: AgentParts;
  readonly #held = new Map<string, HeldToken>();

  constructor(parts: AgentParts) {
    this.#parts = parts;
  }

  /**
   * The token as the agent has it now; with `tokenFile` as the file has it.
   * @throws KeytenderError `not_found`, `insufficient_scope` (needs `token:read`), `tls_required`,
   *   `token_unavailable`, `file_unreadable`, those of `fetch`
   */
  token(name = this.#parts.name): Promise<Token> {
    return this.#promise(() => {
      checkName('name', name);
      return this.#parts.source.read(name);
    });
  }

  /**
   * The token, and then again each time that anything of it changes, until the signal aborts or the agent is closed:
   * then it ends. Waits at the agent and reconnects with backoff; where waiting is refused or cut off it reads every
   * so often. With `tokenFile` the file is looked at every second. Values need `token:read`.
   * @throws KeytenderError `not_found`, `insufficient_scope`, `tls_required`, `malformed_value`: what no waiting mends
   */
  async *watch(
    name = this.#parts.name,
    { signal }: WaitOptions = {},
  ): AsyncGenerator<Token, void, undefined> {
    checkName('name', name);
    const { api, source, random, clocks } = this.#parts;
    yield* changes({
      source,
      name,
      signal: signal === undefined ? api.closed : AbortSignal.any([signal, api.closed]),
      clock: clocks.foreground,
      random,
      isBackground: false,
    });
  }

  /**
   * Has the agent ask Vault now. With `tokenFile` reads the file, and asks the agent only where it has not changed.
   * @throws KeytenderError `insufficient_scope` (needs `token:refresh`), `refresh_failed`, `refresh_busy`, those of `fetch`
   */
  refresh(name = this.#parts.name): Promise<RefreshResult> {
    return this.#promise(() => {
      checkName('name', name);
      return this.#parts.source.refresh(name);
    });
  }

  /**
   * Resolves when every token that the agent requires is usable (its `/readyz`), and with `tokenFile` the file can be
   * read. Tries again until the signal aborts.
   * @throws KeytenderError `not_ready`, its cause what went wrong last; `closed`
   */
  async ready({ signal }: WaitOptions = {}): Promise<void> {
    const { clocks, random, api } = this.#parts;
    const over = signal === undefined ? api.closed : AbortSignal.any([signal, api.closed]);
    for (let failures = 1; ; failures += 1) {
      let last: unknown;
      try {
        await this.#checkReady(over);
        return;
      } catch (error) {
        last = error;
      }
      const waitMs = Math.min(backoffMs(failures, undefined, random()), READY_TRY_MS);
      if (!over.aborted) {
        await clocks.foreground.sleep(waitMs, over).catch(() => undefined);
      }
      api.closed.throwIfAborted();
      if (over.aborted) {
        const why = last instanceof KeytenderError ? `: ${last.message}` : '';
        throw new KeytenderError('not_ready', `the agent was not ready in time${why}`, {
          cause: last,
        });
      }
    }
  }

  /**
   * Calls the listener with the new and the previous token whenever the current value became another one, from now
   * on; watches in the background. Returns what ends it. What the listener throws is not caught.
   */
  on(event: 'rotated', listener: RotationListener, name = this.#parts.name): () => void {
    if ((event as string) !== 'rotated') {
      throw new KeytenderError('malformed_value', "there is one event: 'rotated'");
    }
    return this.#heldToken(name).onRotated(listener);
  }

  /**
   * A request to the agent's own API: by socket with what proves it, else signed. Paths outside of `/v1/` are neither
   * signed nor verified. The answer to a signed request is verified; an unsigned 401, 408, 421, 429 or 503 is tried
   * once more and then comes without its body, since nobody can say whose it is.
   * @param path starts with `/`; sent as it is
   * @throws KeytenderError `agent_unreachable`, `agent_timeout` (30 s a try), `unverified_answer`, `answer_too_large`
   *   (8 MiB), `file_unreadable`, `empty_key`, `malformed_request`, `closed`; the signal's reason when aborted
   */
  async fetch(path: string, init: AgentRequestInit = {}): Promise<Response> {
    const { body, signal } = init;
    const content = body === undefined || body === null ? undefined : toBytes(body);
    const headers = new Headers(init.headers);
    if (typeof body === 'string' && !headers.has('content-type')) {
      headers.set('content-type', 'application/json');
    }
    const method = (init.method ?? (content === undefined ? 'GET' : 'POST')).toUpperCase();
    if (!/^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(path)) {
      throw new KeytenderError('malformed_request', 'path must start with / and be encoded');
    }
    const answer = await this.#parts.api.send({
      method,
      target: path,
      headers: [...headers],
      ...(content === undefined ? {} : { body: content }),
      signal: signal ?? undefined,
    });
    const { status } = answer;
    const isEmpty = status === 204 || status === 205 || status === 304;
    return new Response(isEmpty ? null : new Uint8Array(answer.body), {
      status,
      headers: answer.headers.map(([name, value]): [string, string] => [name, value]),
    });
  }

  /**
   * Signs what a service sends and verifies what it receives, with the token of `options.name`.
   * @throws KeytenderError `malformed_value`
   */
  service(options: ServiceOptions): Service {
    const { api, clocks, name } = this.#parts;
    return new Service(options, { api, clocks, token: this.#heldToken(options.name ?? name) });
  }

  /** Ends watches and connections; what is under way rejects with `closed`. May be called again. */
  close(): Promise<void> {
    this.#parts.api.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #checkReady(signal: AbortSignal): Promise<void> {
    const { api, source, name } = this.#parts;
    const answer = await api.send({ method: 'GET', target: '/readyz', signal });
    if (answer.status !== 200) throw refusalOf(answer);
    if (!source.holdsKeyring) await source.read(name);
  }

  #heldToken(name: string): HeldToken {
    const held = this.#held.get(name);
    if (held !== undefined) return held;
    checkName('name', name);
    const { api, source, clocks, random, maxStaleMs } = this.#parts;
    const { closed } = api;
    const made = new HeldToken({ name, source, clocks, random, maxStaleMs, closed });
    this.#held.set(name, made);
    return made;
  }

  /** What a step throws at once comes out as a rejection too. */
  async #promise<T>(step: () => Promise<T>): Promise<T> {
    return step();
  }
}
