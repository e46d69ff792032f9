// One node of a dev Vault as its handlers see it: sealed or not, active or standby, how old the state is that it
// answers from.
import type { Core } from './core.js';

export class VaultNode {
  readonly core: Core;
  sealed = false;
  initialized = true;
  /** Undefined in a dev Vault of one node. */
  cluster: ClusterView | undefined;
  /** `host:port` and the address, once it listens. */
  address = '';

  constructor(core: Core) {
    this.core = core;
  }

  get isStandby(): boolean {
    return this.cluster !== undefined && !this.cluster.isActive(this);
  }

  /** The instant whose state this node answers from; undefined: now. */
  get asOfMs(): number | undefined {
    return this.cluster?.asOfMs(this);
  }
}

/** What a node of a cluster has to ask the others. */
export interface ClusterView {
  isActive(node: VaultNode): boolean;
  asOfMs(node: VaultNode): number | undefined;
  /** The active node, if this one can see it. */
  activeSeenFrom(node: VaultNode): VaultNode | undefined;
  readonly activeSinceText: string;
  /** What a standby does with what it cannot answer itself. */
  readonly standbys: 'read' | 'forward' | 'redirect';
}
