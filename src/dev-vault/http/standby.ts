// What a standby does with a request: answers it from its own (older) state, passes it to the active node, or sends the
// client there. https://developer.hashicorp.com/vault/docs/concepts/ha
import type { VaultNode } from '../node.js';
import type { Operation } from '../policy/acl.js';
import { refuse } from '../result.js';
import { refusalAnswer, type Answer } from './answer.js';

/** Undefined: answer it here. A node: let that one answer. */
export function standbyDecision(
  node: VaultNode,
  operation: Operation,
  target: string,
  refusesForwarding: boolean,
): Answer | VaultNode | undefined {
  const { cluster } = node;
  if (cluster === undefined || node.sealed || !node.isStandby) return undefined;
  const isRead = operation === 'read' || operation === 'list' || operation === 'scan';
  if (cluster.standbys === 'read' && isRead) return undefined;
  const active = cluster.activeSeenFrom(node);
  const redirects = cluster.standbys === 'redirect' || refusesForwarding;
  if (active === undefined) {
    return refusalAnswer(
      redirects
        ? refuse(503, 'no active Vault instance found')
        : refuse(500, 'local node not active but active cluster node not found'),
    );
  }
  if (!redirects) return active;
  const location = active.address + target;
  return { status: 307, body: '', headers: { location, 'content-type': '' } };
}
