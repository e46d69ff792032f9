// One namespace: its mounts and its policies. The root namespace is the realm with the empty path.
import type { ServerClock } from './instant.js';
import { formatNanos } from './instant.js';
import type { Mount } from './mount.js';
import { Acl } from './policy/acl.js';
import { DEFAULT_POLICY, WRAPPING_POLICY, WRAPPING_POLICY_NAME } from './policy/default-policy.js';
import { readPolicy, type PathRule } from './policy/policy.js';

export interface StoredPolicy {
  readonly name: string;
  readonly text: string;
  readonly rules: readonly PathRule[];
  readonly modified: string;
  readonly version: number;
}

export class Realm {
  /** `''` or `team-a/`. */
  readonly path: string;
  readonly mounts = new Map<string, Mount>();
  readonly #policies = new Map<string, StoredPolicy>();
  readonly #acls = new Map<string, Acl>();
  readonly #clock: ServerClock;

  constructor(path: string, clock: ServerClock) {
    this.path = path;
    this.#clock = clock;
    this.writePolicy('default', DEFAULT_POLICY);
    this.writePolicy(WRAPPING_POLICY_NAME, WRAPPING_POLICY);
  }

  /** The mount that a path (`secret/data/x`, also `secret` alone) belongs to: the longest that matches. */
  mountOf(path: string): Mount | undefined {
    const whole = this.mounts.get(path.endsWith('/') ? path : `${path}/`);
    if (whole !== undefined) return whole;
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const mount = this.mounts.get(path.slice(0, slash + 1));
      if (mount !== undefined) return mount;
    }
    return undefined;
  }

  policyNames(): string[] {
    const names = [...this.#policies.keys()].filter((name) => name !== WRAPPING_POLICY_NAME);
    return [...names, 'root'].sort();
  }

  policy(name: string): StoredPolicy | undefined {
    return this.#policies.get(name);
  }

  /** Why the text is no policy; undefined when it was stored. */
  writePolicy(name: string, text: string): string | undefined {
    const read = readPolicy(text, this.#clock.nowMs());
    if ('error' in read) return read.error;
    const version = (this.#policies.get(name)?.version ?? 0) + 1;
    const modified = formatNanos(this.#clock.stamp());
    this.#policies.set(name, { name, text, rules: read.rules, modified, version });
    this.#acls.clear();
    return undefined;
  }

  deletePolicy(name: string): void {
    this.#policies.delete(name);
    this.#acls.clear();
  }

  /** What policies of this namespace allow together. Rules are relative to it; `Acl` paths carry its path. */
  acl(names: readonly string[]): Acl {
    const key = names.join(',');
    let acl = this.#acls.get(key);
    if (acl === undefined) {
      acl = new Acl(this.#rulesOf(names), names.includes('root'));
      this.#acls.set(key, acl);
    }
    return acl;
  }

  #rulesOf(names: readonly string[]): PathRule[] {
    return names
      .flatMap((name) => this.#policies.get(name)?.rules ?? [])
      .filter((rule) => !rule.path.includes('{{'))
      .map((rule) => ({ ...rule, path: this.path + rule.path }));
  }
}
