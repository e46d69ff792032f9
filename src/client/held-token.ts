// The freshest known state of one token. Read on first use, then kept fresh in the background; a file is read at each
// use. What is held outlives an agent that is away, but not for longer than `maxStaleMs`. Refreshes are shared.
import type { Random } from '../platform/random.js';
import { backoffMs, changes } from './changes.js';
import { withDeadline, type Clocks } from './client-clock.js';
import { KeytenderError } from './keytender-error.js';
import type { Token } from './token.js';
import type { TokenSource } from './token-source.js';

/** A refresh that heals a refused request is waited for this long. */
const RENEW_MS = 15_000;

export interface HeldTokenOptions {
  readonly name: string;
  readonly source: TokenSource;
  readonly clocks: Clocks;
  readonly random: Random;
  readonly maxStaleMs: number;
  readonly closed: AbortSignal;
}

export type RotationListener = (token: Token, previous: Token) => void;

export class HeldToken {
  readonly #options: HeldTokenOptions;
  readonly #listeners = new Set<RotationListener>();
  #token: Token | undefined;
  #confirmedMs = -Infinity;
  #isWatching = false;
  /** The agent had no token when it last answered. */
  #isBlank = false;
  #reading: Promise<Token> | undefined;
  #renewing: Promise<void> | undefined;
  #renewNotBeforeMs = -Infinity;

  constructor(options: HeldTokenOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get holdsKeyring(): boolean {
    return this.#options.source.holdsKeyring;
  }

  /** @throws KeytenderError as `TokenSource.read`; an error of its own is never held */
  async get(): Promise<Token> {
    const { source, clocks, maxStaleMs } = this.#options;
    if (!source.holdsKeyring) return this.#take(await source.read(this.name));
    const ageMs = clocks.foreground.monotonicMs() - this.#confirmedMs;
    if (this.#token !== undefined && ageMs <= maxStaleMs) return this.#token;
    const token = await this.reread();
    this.watch();
    return token;
  }

  /** Reads it now; whoever asks meanwhile shares the answer. */
  reread(): Promise<Token> {
    this.#reading ??= this.#options.source
      .read(this.name)
      .then((token) => this.#take(token))
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  /**
   * After a request signed with the token of `revision` was refused: asks for a newer one, once for all who ask.
   * Resolves with whether there is another one now (never, where the revision is not known); never rejects.
   */
  async renew(revision: string | undefined): Promise<boolean> {
    if (this.#isNewerThan(revision)) return true;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
    return this.#isNewerThan(revision);
  }

  /** From now on in the background, until closed. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    void this.#watch().finally(() => {
      this.#isWatching = false;
    });
  }

  onRotated(listener: RotationListener): () => void {
    this.#listeners.add(listener);
    this.watch();
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #isNewerThan(revision: string | undefined): boolean {
    return revision !== undefined && this.#token !== undefined && this.#token.revision !== revision;
  }

  async #renew(): Promise<void> {
    const { source, clocks, closed } = this.#options;
    const { background, foreground } = clocks;
    const late = (): Error => new KeytenderError('agent_timeout', 'the refresh took too long');
    try {
      await withDeadline(background, RENEW_MS, closed, late, async (signal) => {
        // an agent that had no permit left is not asked again before it said
        if (foreground.monotonicMs() >= this.#renewNotBeforeMs) {
          await source.refresh(this.name, { signal });
        }
      });
    } catch (error) {
      const seconds = error instanceof KeytenderError ? (error.retryAfter ?? 0) : 0;
      this.#renewNotBeforeMs = foreground.monotonicMs() + Math.min(seconds, 60) * 1000;
    }
    // without the scope to refresh, reading still tells what the agent has found by itself
    await this.reread().catch(() => undefined);
  }

  /** Ends when closed, or when no waiting can help: then the next `get` tries again. */
  async #watch(): Promise<void> {
    const { name, source, clocks, random, closed } = this.#options;
    const { background } = clocks;
    const options = { source, name, random, signal: closed, clock: background, isBackground: true };
    const onConfirmed = (): void => {
      if (this.#isBlank) return;
      this.#confirmedMs = background.monotonicMs();
    };
    while (!closed.aborted) {
      try {
        for await (const token of changes({ ...options, onConfirmed })) this.#take(token);
      } catch (error) {
        await background.sleep(backoffMs(16, error, random()), closed).catch(() => undefined);
      }
    }
  }

  #take(token: Token): Token {
    const before = this.#token;
    this.#isBlank = token.state === 'absent';
    // an agent that has just started has read nothing yet: that takes nothing away
    if (this.#isBlank && before?.value !== undefined) return before;
    this.#token = token;
    this.#confirmedMs = this.#options.clocks.foreground.monotonicMs();
    if (before !== undefined && isAnother(token, before)) {
      for (const listener of this.#listeners) {
        queueMicrotask(() => {
          listener(token, before);
        });
      }
    }
    return token;
  }
}

function isAnother(token: Token, before: Token): boolean {
  if (token.value !== undefined && before.value !== undefined) return token.value !== before.value;
  return (
    token.version !== before.version && token.createdAt?.getTime() !== before.createdAt?.getTime()
  );
}
