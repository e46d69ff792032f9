// What is in force after a reload: the new settings, but for those that a running agent cannot take. Where the secret is
// (mount, prefix, namespace, deployment) is one of these: it would be another secret, whose versions mean nothing beside
// those that are held.
import type { Config, VaultConfig } from '../config/config.js';

export function settingsInForce(current: Config, next: Config): Config {
  const { deployment, sinks, audit, signature } = current;
  return {
    ...next,
    deployment,
    sinks,
    audit,
    signature,
    agent: { ...next.agent, id: current.agent.id, idWritten: current.agent.idWritten },
    listen: { ...current.listen, socketScopes: next.listen.socketScopes },
    vault: vaultInForce(current.vault, next.vault),
  };
}

/** Reading Vault neither begins nor ends without a restart. */
function vaultInForce(current: VaultConfig | null, next: VaultConfig | null): VaultConfig | null {
  if (current === null || next === null) return current;
  const { namespace, mount, pathPrefix } = current;
  // its default is the namespace of the secret, so that both wait together
  const auth = { ...next.auth, namespace: current.auth.namespace };
  return { ...next, namespace, mount, pathPrefix, auth };
}
