// A world for properties: one secret, an operator, three agents, nodes that lag.
import fc from 'fast-check';
import type { TokenStoreOptions } from '../../src/token/store.js';
import { AgentModel, tokenText } from './agent-model.js';
import { Kv2Model, type SecretState } from './kv2-model.js';
import { T0 } from './story.js';

/** How often every agent reads. */
const POLL_MS = 70_000;

export interface Operation {
  readonly kind:
    | 'put'
    | 'same'
    | 'patch'
    | 'rollback'
    | 'malformed'
    | 'delete'
    | 'undelete'
    | 'destroy'
    | 'recreate'
    | 'prune'
    | 'metadata'
    | 'restart';
  readonly afterMs: number;
  readonly pick: number;
  readonly notBeforeMs: number | null;
  readonly graceSeconds: number | null;
  readonly expiresMs: number | null;
}

export function operations(kinds: readonly Operation['kind'][]): fc.Arbitrary<Operation> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    afterMs: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: 900_000 })),
    pick: fc.nat(6),
    notBeforeMs: fc.option(fc.integer({ min: -60_000, max: 600_000 }), { freq: 2 }),
    graceSeconds: fc.option(fc.integer({ min: 210, max: 900 }), { freq: 3 }),
    expiresMs: fc.option(fc.integer({ min: 1_800_000, max: 7_200_000 }), { freq: 8 }),
  });
}

export class World {
  readonly #options: Partial<TokenStoreOptions>;
  readonly vault = new Kv2Model();
  readonly #states: SecretState[] = [];
  readonly #serials = new Map<string, number>();
  readonly #polledAt = new Map<AgentModel, number>();
  readonly dead = new Set<string>();
  agents: AgentModel[];
  now = T0;
  wasRecreated = false;

  constructor(options: Partial<TokenStoreOptions> = {}) {
    this.#options = options;
    this.agents = [this.start(), this.start(), this.start()];
  }

  start(): AgentModel {
    return new AgentModel({ ...this.#options, now: this.now });
  }

  get state(): SecretState {
    return this.vault.state;
  }

  /** The third agent is behind a node one state late. */
  nodeOf(agent: AgentModel): SecretState {
    return agent === this.agents[2] ? this.stateAgo(1) : this.state;
  }

  stateAgo(changes: number): SecretState {
    return this.#states.at(-1 - changes) ?? this.state;
  }

  remember(): void {
    this.#states.push(this.state);
    const newest = this.state.versions.at(-1);
    if (newest === undefined) return;
    const token = newest.fields['token'];
    const key = `${newest.version} ${typeof token === 'string' ? token : ''}`;
    // the same value at the same number of a re-created secret counts as the newer one
    this.#serials.set(key, this.#states.length);
  }

  /** Grows with every write. */
  serialOf(version: number | null, text: string): number {
    return this.#serials.get(`${version} ${text}`) ?? -1;
  }

  /** The agents whose poll is due, and from now on not. */
  due(): AgentModel[] {
    const due = this.agents.filter(
      (agent) => (this.#polledAt.get(agent) ?? -Infinity) + POLL_MS <= this.now,
    );
    for (const agent of due) this.#polledAt.set(agent, this.now);
    return due;
  }

  /** The name and version of the newest that was live before and is destroyed now. */
  destroyedNewest(before: SecretState): { name: string; version: number } | null {
    const was = before.versions.at(-1);
    const is = this.state.versions.at(-1);
    if (was?.state !== 'live' || is?.state !== 'destroyed' || is.version !== was.version) {
      return null;
    }
    const token = was.fields['token'];
    return typeof token === 'string'
      ? { name: token.replace(/\.+$/, ''), version: was.version }
      : null;
  }
}

/** Time passes (everybody whose poll falls due meanwhile reads), then the operator acts. */
export function operate(world: World, operation: Operation): void {
  const { vault } = world;
  world.now += operation.afterMs;
  const { now } = world;
  const version = Math.max(1, vault.state.newest - operation.pick);
  const iso = (ms: number | null): string | undefined =>
    ms === null ? undefined : new Date(now + ms).toISOString();
  const fields = {
    ...(operation.notBeforeMs === null ? {} : { not_before: iso(operation.notBeforeMs) }),
    ...(operation.graceSeconds === null ? {} : { grace_seconds: operation.graceSeconds }),
    ...(operation.expiresMs === null ? {} : { expires_at: iso(operation.expiresMs) }),
  };
  switch (operation.kind) {
    case 'put':
      vault.put({ token: tokenText(`t${operation.pick}`), ...fields }, now);
      world.dead.delete(tokenText(`t${operation.pick}`));
      break;
    case 'same': {
      const token = vault.state.versions.at(-1)?.fields['token'] ?? tokenText('first');
      vault.put({ token, ...fields }, now);
      if (typeof token === 'string') world.dead.delete(token);
      break;
    }
    case 'patch':
      vault.patch(fields, now);
      break;
    case 'rollback': {
      vault.rollback(version, now);
      const token = vault.state.versions.at(-1)?.fields['token'];
      if (typeof token === 'string') world.dead.delete(token);
      break;
    }
    case 'malformed':
      vault.put({ token: 'short' }, now);
      break;
    case 'delete':
      vault.delete(version);
      break;
    case 'undelete':
      vault.undelete(version);
      break;
    case 'destroy':
      vault.destroy(version);
      break;
    case 'recreate':
      vault.deleteMetadata();
      vault.put({ token: tokenText(`t${operation.pick}`), ...fields }, now);
      world.wasRecreated = true;
      break;
    case 'prune':
      vault.setMaxVersions(1 + operation.pick);
      break;
    case 'metadata':
      vault.setCustomMetadata({ grace_seconds: String(operation.pick * 100) });
      break;
    case 'restart':
      world.agents = world.agents.map((agent, index) => (index === 0 ? world.start() : agent));
      break;
  }
  world.remember();
}
