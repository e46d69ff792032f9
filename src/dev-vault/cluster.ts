// Several nodes that share one store: one is active, the others answer from a state some milliseconds old, and can be cut
// off. What a real standby cannot answer itself (writes, logins, everything but reads) goes to the active node.
import { Core } from './core.js';
import { furnish, startNode, type DevVault, type StartedNode } from './dev-vault.js';
import { VaultNode, type ClusterView } from './node.js';
import { addSystemMounts } from './system-mounts.js';
import type { DevVaultOptions } from './options.js';
import { timeText } from './sys/status-routes.js';

export interface DevVaultClusterOptions extends Omit<DevVaultOptions, 'address'> {
  /** 1 to 9. Default 3. */
  readonly nodes?: number;
  /** How old the state is that standbys answer from. Default 80, about what a real one was seen to need. */
  readonly lagMs?: number;
  /**
   * What a standby does with what comes: `read` (default) answers reads of secrets from its own state and forwards the
   * rest, `forward` forwards everything, `redirect` answers 307 to the active node.
   */
  readonly standbys?: 'read' | 'forward' | 'redirect';
}

export interface DevVaultNode extends DevVault {
  readonly isActive: boolean;
  /** Changes how old the state is that this node answers from as a standby. */
  setLag(ms: number): void;
  /** From now on it sees nothing of the others: it answers from the state of this instant, and forwards nothing. */
  cutOff(): void;
  reconnect(): void;
}

export interface DevVaultCluster extends AsyncDisposable {
  readonly nodes: readonly DevVaultNode[];
  readonly active: DevVaultNode;
  readonly addresses: readonly string[];
  readonly rootToken: string;
  /** Makes another node the active one. */
  setActive(node: DevVaultNode): void;
  close(): Promise<void>;
}

const NODES_MAX = 9;
const LAG_MS = 80;

/** What the nodes know of each other. */
class Members implements ClusterView {
  readonly standbys: 'read' | 'forward' | 'redirect';
  readonly #lags = new Map<VaultNode, number>();
  readonly #cutOffAtMs = new Map<VaultNode, number>();
  readonly #nowMs: () => number;
  readonly #lagMs: number;
  #active: VaultNode | undefined;
  activeSinceText = '';

  constructor(options: DevVaultClusterOptions, nowMs: () => number) {
    this.standbys = options.standbys ?? 'read';
    this.#lagMs = options.lagMs ?? LAG_MS;
    this.#nowMs = nowMs;
  }

  isActive(node: VaultNode): boolean {
    return this.#active === node;
  }

  setActive(node: VaultNode): void {
    this.#active = node;
    this.#cutOffAtMs.delete(node);
    this.activeSinceText = timeText(this.#nowMs());
  }

  asOfMs(node: VaultNode): number | undefined {
    if (this.isActive(node)) return undefined;
    const cutOffAtMs = this.#cutOffAtMs.get(node);
    const lagMs = this.#lags.get(node) ?? this.#lagMs;
    const asOfMs = (cutOffAtMs ?? this.#nowMs()) - lagMs;
    return cutOffAtMs === undefined && lagMs === 0 ? undefined : asOfMs;
  }

  activeSeenFrom(node: VaultNode): VaultNode | undefined {
    if (this.#cutOffAtMs.has(node)) return undefined;
    return this.#active?.sealed === true ? undefined : this.#active;
  }

  setLag(node: VaultNode, ms: number): void {
    this.#lags.set(node, ms);
  }

  cutOff(node: VaultNode): void {
    this.#cutOffAtMs.set(node, this.#nowMs());
  }

  reconnect(node: VaultNode): void {
    this.#cutOffAtMs.delete(node);
  }
}

/** Starts the nodes, the first one active. Everything in process and in memory: not a Vault for production. */
export async function devVaultCluster(
  options: DevVaultClusterOptions = {},
): Promise<DevVaultCluster> {
  const count = options.nodes ?? 3;
  if (!(Number.isInteger(count) && count >= 1 && count <= NODES_MAX)) {
    throw new RangeError(`nodes must be 1 to ${NODES_MAX}, got ${count}`);
  }
  const base = options.now ?? Date.now;
  const offset: { ms: () => number } = { ms: () => 0 };
  const nowMs = (): number => base() + offset.ms();
  const core = new Core({ now: nowMs, furnish: addSystemMounts });
  const rootToken = furnish(core, options);
  const members = new Members(options, nowMs);
  const started: (StartedNode & { readonly node: VaultNode })[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = new VaultNode(core);
    node.cluster = members;
    started.push({ node, ...(await startNode(core, node, options, base, rootToken)) });
  }
  // The active node's clock is the one that stamps.
  offset.ms = () =>
    started.find(({ node }) => members.isActive(node))?.server.faults.clockOffsetMs ?? 0;
  return clusterOf(members, started, rootToken);
}

function clusterOf(
  members: Members,
  started: readonly (StartedNode & { readonly node: VaultNode })[],
  rootToken: string,
): DevVaultCluster {
  const inner = new Map<DevVaultNode, VaultNode>();
  const nodes = started.map(({ node, vault }) => {
    const outer = nodeOf(members, node, vault);
    inner.set(outer, node);
    return outer;
  });
  const setActive = (node: DevVaultNode): void => {
    const chosen = inner.get(node);
    if (chosen === undefined) throw new TypeError('not a node of this cluster');
    members.setActive(chosen);
  };
  const [first] = nodes;
  if (first !== undefined) setActive(first);
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  return {
    nodes,
    addresses: nodes.map((node) => node.address),
    rootToken,
    get active() {
      const active = nodes.find((node) => node.isActive);
      if (active === undefined) throw new Error('no node is active');
      return active;
    },
    setActive,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function nodeOf(members: Members, node: VaultNode, vault: DevVault): DevVaultNode {
  // Getters of the node stay getters: `requests` grows.
  return Object.defineProperties(Object.create(null), {
    ...Object.getOwnPropertyDescriptors(vault),
    isActive: { get: () => members.isActive(node), enumerable: true },
    setLag: {
      value: (ms: number) => {
        members.setLag(node, ms);
      },
    },
    cutOff: {
      value: () => {
        members.cutOff(node);
      },
    },
    reconnect: {
      value: () => {
        members.reconnect(node);
      },
    },
  }) as DevVaultNode;
}
