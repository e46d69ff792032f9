// The secrets of one mount by path. Remembers what each was before its last changes, so that a standby that is
// N milliseconds behind can be answered; how much it remembers is bounded.
import type { Secret } from './secret.js';

interface Change {
  readonly atMs: number;
  readonly before: Secret | undefined;
}

const CHANGES_KEPT_MAX = 256;

export class SecretTable {
  readonly #secrets = new Map<string, Secret>();
  readonly #changes = new Map<string, Change[]>();
  readonly #nowMs: () => number;
  /** Paths in order, made anew after a path came or went. */
  #sorted: readonly string[] | undefined;

  /** `nowMs`: the clock that `asOfMs` is compared with. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The secret now, or as it was at `asOfMs`. */
  get(path: string, asOfMs?: number): Secret | undefined {
    if (asOfMs !== undefined) {
      const later = this.#changes.get(path)?.find((change) => change.atMs > asOfMs);
      if (later !== undefined) return later.before;
    }
    return this.#secrets.get(path);
  }

  set(path: string, secret: Secret | undefined): void {
    const before = this.#secrets.get(path);
    this.#remember(path, before);
    if ((before === undefined) !== (secret === undefined)) this.#sorted = undefined;
    if (secret === undefined) this.#secrets.delete(path);
    else this.#secrets.set(path, secret);
  }

  #remember(path: string, before: Secret | undefined): void {
    const changes = this.#changes.get(path) ?? [];
    changes.push({ atMs: this.#nowMs(), before });
    if (changes.length > CHANGES_KEPT_MAX) changes.shift();
    this.#changes.set(path, changes);
  }

  /** Every path that exists (at `asOfMs`), sorted. */
  paths(asOfMs?: number): readonly string[] {
    if (asOfMs === undefined) return (this.#sorted ??= [...this.#secrets.keys()].sort());
    return [...this.#changes.keys()].filter((path) => this.get(path, asOfMs) !== undefined).sort();
  }

  /** What lies directly under a folder (`''` or `a/b/`): secrets by name, folders with a slash. */
  list(folder: string, asOfMs?: number): string[] {
    const names = new Set<string>();
    for (const path of this.paths(asOfMs)) {
      if (!path.startsWith(folder)) continue;
      const rest = path.slice(folder.length);
      const slash = rest.indexOf('/');
      names.add(slash === -1 ? rest : rest.slice(0, slash + 1));
    }
    return [...names];
  }
}
