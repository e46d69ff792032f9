// Tokens from the agent's API: read, wait for a change, refresh. Waiting is the agent's long poll; where that is refused,
// or keeps being cut off while plain reads pass (a proxy does that), tokens are read every so often instead.
import { ask, isMembers, malformedAnswer } from './agent-answer.js';
import type { AgentApi, ApiRequest } from './agent-api.js';
import type { Clocks } from './client-clock.js';
import { KeytenderError } from './keytender-error.js';
import { tokenOf, type Token } from './token.js';
import type { RefreshResult, SourceOptions, TokenSource } from './token-source.js';

const WATCH_SECONDS = 30;
/** Beyond the long poll's own time. */
const WATCH_SLACK_MS = 15_000;
/** A long poll that ends sooner without news is followed by a pause of this length. */
const QUICK_END_MS = 1000;
const CUT_OFF_MAX = 3;
/** How long tokens are read every so often before waiting is tried again. */
const POLLING_MS = 300_000;

export interface ApiTokensOptions {
  readonly api: AgentApi;
  readonly clocks: Clocks;
  /** Milliseconds between reads, where waiting is not possible. */
  readonly pollMs: number;
}

export class ApiTokens implements TokenSource {
  readonly holdsKeyring = true;
  readonly #options: ApiTokensOptions;
  readonly #pollingUntilMs = new Map<string, number>();
  readonly #cutOff = new Map<string, number>();

  constructor(options: ApiTokensOptions) {
    this.#options = options;
  }

  async read(name: string, options: SourceOptions = {}): Promise<Token> {
    const answer = await ask(this.#options.api, get(`/v1/tokens/${name}`, options));
    if (answer === undefined) throw malformedAnswer(204);
    return tokenOf(answer);
  }

  async next(
    name: string,
    revision: string | undefined,
    options: SourceOptions,
  ): Promise<Token | undefined> {
    const { foreground } = this.#options.clocks;
    if (foreground.monotonicMs() < (this.#pollingUntilMs.get(name) ?? 0)) {
      return this.#poll(name, revision, options);
    }
    try {
      const token = await this.#watch(name, revision, options);
      this.#cutOff.set(name, 0);
      return token;
    } catch (error) {
      const cutOff = (this.#cutOff.get(name) ?? 0) + 1;
      this.#cutOff.set(name, cutOff);
      if (!(error instanceof KeytenderError)) throw error;
      const isRefused = error.status === 403 || error.status === 404 || error.status === 405;
      if (!isRefused && cutOff < CUT_OFF_MAX) throw error;
      const token = await this.#glance(name, options);
      this.#pollingUntilMs.set(name, foreground.monotonicMs() + POLLING_MS);
      return token;
    }
  }

  async refresh(name: string, options: SourceOptions = {}): Promise<RefreshResult> {
    const path = `/v1/tokens/${name}/refresh`;
    const answer = await ask(this.#options.api, { ...get(path, options), method: 'POST' });
    const { changed, version, outcome } = answer ?? {};
    const isWhole =
      typeof changed === 'boolean' &&
      (version === null || typeof version === 'number') &&
      typeof outcome === 'string';
    if (!isWhole) throw malformedAnswer();
    return { changed, version, outcome };
  }

  async #watch(
    name: string,
    revision: string | undefined,
    options: SourceOptions,
  ): Promise<Token | undefined> {
    const { api, clocks } = this.#options;
    const known = revision === undefined ? '' : `revision=${encodeURIComponent(revision)}&`;
    const path = `/v1/tokens/${name}/watch?${known}timeout=${WATCH_SECONDS}`;
    const startedMs = clocks.foreground.monotonicMs();
    const timeoutMs = WATCH_SECONDS * 1000 + WATCH_SLACK_MS;
    const answer = await ask(api, { ...get(path, options), timeoutMs });
    const token = answer === undefined ? undefined : tokenOf(answer);
    if (token !== undefined && token.revision !== revision) return token;
    // an agent that stops answers its waiters at once
    const spentMs = clocks.foreground.monotonicMs() - startedMs;
    if (spentMs < QUICK_END_MS) await this.#pause(QUICK_END_MS - spentMs, options);
    return undefined;
  }

  async #poll(
    name: string,
    revision: string | undefined,
    options: SourceOptions,
  ): Promise<Token | undefined> {
    if (revision !== undefined) await this.#pause(this.#options.pollMs, options);
    const token = await this.#glance(name, options);
    return token.revision === revision ? undefined : token;
  }

  /** With its value where the caller may read it, else as the list has it. */
  async #glance(name: string, options: SourceOptions): Promise<Token> {
    try {
      return await this.read(name, options);
    } catch (error) {
      if (!(error instanceof KeytenderError) || error.status !== 403) throw error;
      const list = await ask(this.#options.api, get('/v1/tokens', options));
      const tokens: unknown = list?.['tokens'];
      const found: unknown = Array.isArray(tokens)
        ? tokens.find((one) => isMembers(one) && one['name'] === name)
        : undefined;
      if (!isMembers(found)) throw error;
      return tokenOf(found);
    }
  }

  #pause(ms: number, { signal, isBackground }: SourceOptions): Promise<void> {
    const { clocks, api } = this.#options;
    const clock = isBackground === true ? clocks.background : clocks.foreground;
    return clock.sleep(
      ms,
      signal === undefined ? api.closed : AbortSignal.any([signal, api.closed]),
    );
  }
}

function get(target: string, { signal, isBackground = false }: SourceOptions): ApiRequest {
  return { method: 'GET', target, signal, isBackground };
}
