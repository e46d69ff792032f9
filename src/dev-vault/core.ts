// What the nodes of one dev Vault share: namespaces with mounts and policies, tokens, wrapped answers, quotas, the
// unseal key. Nothing of it is ever written to disk.
import { randomBytes, randomUUID } from 'node:crypto';
import { ServerClock } from './instant.js';
import { Quotas } from './sys/quotas.js';
import { Realm } from './realm.js';
import { TokenStore } from './token/token-store.js';
import type { TokenEntry } from './token/token-entry.js';
import type { Acl } from './policy/acl.js';

export interface CoreOptions {
  readonly now: () => number;
  /** Puts into a new namespace what every namespace has. */
  readonly furnish: (realm: Realm) => void;
}

/** What a wrapping token holds: the answer as it would have been. */
export interface Wrapped {
  readonly body: string;
  readonly creationPath: string;
  readonly creationTime: string;
  readonly ttlSeconds: number;
}

export class Core {
  readonly clock: ServerClock;
  readonly root: Realm;
  readonly realms = new Map<string, Realm>();
  readonly tokens: TokenStore;
  /** By token id; goes with the token. */
  readonly wrapped = new Map<string, Wrapped>();
  readonly quotas: Quotas;
  readonly unsealKey = randomBytes(32).toString('base64');
  readonly clusterName = `vault-cluster-${randomBytes(4).toString('hex')}`;
  readonly clusterId = randomUUID();

  readonly #furnish: CoreOptions['furnish'];

  constructor(options: CoreOptions) {
    this.clock = new ServerClock(options.now);
    this.#furnish = options.furnish;
    this.root = this.addRealm('');
    this.tokens = new TokenStore(this.clock);
    this.quotas = new Quotas(this.clock);
  }

  /** A namespace as it is on the first day. `path`: empty, or ending in a slash. */
  addRealm(path: string): Realm {
    const realm = new Realm(path, this.clock);
    this.#furnish(realm);
    this.realms.set(path, realm);
    return realm;
  }

  /** What a token may do, in the words of the namespace that it belongs to. */
  aclOf(token: TokenEntry): Acl {
    return (this.realms.get(token.namespace) ?? this.root).acl(token.policies);
  }

  /** The namespace of a request and the path below it; undefined when the header names one that is not there. */
  resolve(header: string, path: string): { realm: Realm; path: string } | undefined {
    const named = header.replace(/^\/+|\/+$/g, '');
    const asked = named === '' || named === 'root' ? '' : `${named}/`;
    const start = this.realms.get(asked);
    if (start === undefined) return undefined;
    let realm = start;
    for (;;) {
      const rest = (asked + path).slice(realm.path.length);
      const slash = rest.indexOf('/');
      const next =
        slash === -1 ? undefined : this.realms.get(realm.path + rest.slice(0, slash + 1));
      if (next === undefined) return { realm, path: rest };
      realm = next;
    }
  }
}
