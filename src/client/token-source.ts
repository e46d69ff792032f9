// Where a service's tokens come from: the agent's API, or a file that its sink writes.
import type { Token } from './token.js';

export interface RefreshResult {
  /** The current value is another one than before. */
  readonly changed: boolean;
  readonly version: number | null;
  /** As the agent names it (docs/api.md); of a file `rotated` or `unchanged`. */
  readonly outcome: string;
}

export interface SourceOptions {
  readonly signal?: AbortSignal | undefined;
  readonly isBackground?: boolean;
}

export interface TokenSource {
  /** Whether a token read here comes with all keys that verify. */
  readonly holdsKeyring: boolean;
  read(name: string, options?: SourceOptions): Promise<Token>;
  /** Resolves when the token is not this revision any more, or with undefined when it still is after a while. */
  next(
    name: string,
    revision: string | undefined,
    options: SourceOptions,
  ): Promise<Token | undefined>;
  refresh(name: string, options?: SourceOptions): Promise<RefreshResult>;
}
