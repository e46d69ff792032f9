// The token from a file that a sink of an agent writes. Reading is reading the file; a refresh reads it, and asks the
// agent only when it has not changed. Holds no keyring: superseded and pending tokens are not in the file.
import { ApiTokens } from './api-tokens.js';
import type { Clocks } from './client-clock.js';
import { KeytenderError } from './keytender-error.js';
import type { KeyFile } from './key-file.js';
import { tokenOfFile, type Token } from './token.js';
import type { RefreshResult, SourceOptions, TokenSource } from './token-source.js';

const LOOK_MS = 1000;
/** A sink writes beside the swap: after the agent says `changed`, the file is looked at this often, and this many times. */
const SINK_LOOK_MS = 100;
const SINK_LOOKS = 20;

export interface FileTokensOptions {
  readonly name: string;
  readonly file: KeyFile;
  readonly agent: ApiTokens;
  readonly clocks: Clocks;
  readonly closed: AbortSignal;
}

export class FileTokens implements TokenSource {
  readonly holdsKeyring = false;
  readonly #options: FileTokensOptions;

  constructor(options: FileTokensOptions) {
    this.#options = options;
  }

  async read(name: string): Promise<Token> {
    const { clocks, closed, file } = this.#options;
    closed.throwIfAborted();
    this.#checkName(name);
    return tokenOfFile(name, await file.read(), clocks.foreground.now());
  }

  async next(
    name: string,
    revision: string | undefined,
    options: SourceOptions,
  ): Promise<Token | undefined> {
    if (revision !== undefined) await this.#pause(LOOK_MS, options);
    const token = await this.read(name);
    return token.revision === revision ? undefined : token;
  }

  async refresh(name: string, options: SourceOptions = {}): Promise<RefreshResult> {
    this.#checkName(name);
    const { file, agent } = this.#options;
    const seen = file.revisionSeen;
    const { revision } = await file.read();
    if (seen !== 0 && revision !== seen) return rotated;
    const asked = await agent.refresh(name, options);
    for (let look = 0; look < SINK_LOOKS; look += 1) {
      if ((await file.read()).revision !== revision) return { ...asked, changed: true };
      if (!asked.changed) break;
      await this.#pause(SINK_LOOK_MS, options);
    }
    return { ...asked, changed: false };
  }

  #checkName(name: string): void {
    if (name === this.#options.name) return;
    throw new KeytenderError('malformed_value', 'the token file holds the token of one name');
  }

  #pause(ms: number, { signal, isBackground }: SourceOptions): Promise<void> {
    const { clocks, closed } = this.#options;
    const clock = isBackground === true ? clocks.background : clocks.foreground;
    return clock.sleep(ms, signal === undefined ? closed : AbortSignal.any([signal, closed]));
  }
}

const rotated: RefreshResult = { changed: true, version: null, outcome: 'rotated' };
