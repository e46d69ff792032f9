// What one address of Vault says of itself: whether it answers, whether it is sealed. `GET sys/health` needs no
// login; its status is its answer (Vault API, "/sys/health").
import { isObject, parseBody, type VaultAnswer } from '../../vault/vault-answer.js';
import { healthCommand, initCommand, membersCommand, unsealCommand } from './commands.js';
import { failed, ok, warning, type Finding } from './finding.js';
import type { Asked } from './vault-probe.js';

export const healthRequest = {
  method: 'GET',
  path: 'sys/health',
  vaultToken: null,
  namespace: null,
} as const;

/** In the order they are told, after what is below HTTP. */
export function nodeFindings(address: string, asked: Asked): readonly Finding[] {
  if (asked.ok) {
    const reached = ok('reachability', address, `answers after ${asked.milliseconds} ms`);
    return [reached, sealFinding(address, asked.answer)];
  }
  const { class: failureClass, message } = asked.failure;
  const found = `${failureClass}: ${message}`;
  // a client certificate is refused when the handshake is over
  if (failureClass === 'vault_tls') return [failed('tls', address, found, clientCertificate)];
  return [failed('reachability', address, found, healthCommand(address))];
}

const clientCertificate =
  'export VAULT_CLIENT_CERT=client.pem VAULT_CLIENT_KEY=client.key, of the authority that this Vault asks for';

function sealFinding(address: string, answer: VaultAnswer): Finding {
  const version = versionOf(answer);
  switch (answer.status) {
    case 200:
      return ok('seal', address, `unsealed, active${version}`);
    case 429:
    case 472:
    case 473:
      return ok('seal', address, `unsealed, standby${version}`);
    case 474:
      return failed(
        'seal',
        address,
        `a standby that does not reach its active node${version}`,
        `repair the network inside the cluster; see its nodes: ${membersCommand(address)}`,
      );
    case 501:
      return failed('seal', address, 'not initialised', initCommand(address));
    case 503:
      return failed('seal', address, `sealed${version}`, unsealCommand(address));
    case 530:
      return failed(
        'seal',
        address,
        'removed from its cluster',
        `export VAULT_ADDR= with the addresses of the others; see them: ${membersCommand(address)}`,
      );
    default:
      return warning(
        'seal',
        address,
        `answers ${answer.status} to sys/health, which no Vault does`,
        `check that vault.address is a Vault, not a proxy in front that keeps this path: ${healthCommand(address)}`,
      );
  }
}

function versionOf(answer: VaultAnswer): string {
  const body = parseBody(answer);
  const version = isObject(body) ? body['version'] : undefined;
  return typeof version === 'string' && /^[\w.+-]{1,40}$/.test(version)
    ? `, version ${version}`
    : '';
}
