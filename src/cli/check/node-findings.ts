// What one address of Vault says of itself: reached or not, by TLS or not, sealed or not. `GET sys/health` needs no
// login; its status is its answer (Vault API, "/sys/health").
import { isObject, parseBody, type VaultAnswer } from '../../vault/vault-answer.js';
import { failed, ok, warning, type Finding } from './finding.js';
import type { Asked } from './vault-probe.js';

export const healthRequest = {
  method: 'GET',
  path: 'sys/health',
  vaultToken: null,
  namespace: null,
} as const;

/** In the order they are told. */
export function nodeFindings(address: string, asked: Asked): readonly Finding[] {
  if (asked.ok) {
    const reached = ok('reachability', address, `answers after ${asked.milliseconds} ms`);
    return [reached, tlsFinding(address), sealFinding(address, asked.answer)];
  }
  const { class: failureClass, message } = asked.failure;
  const check = failureClass === 'vault_tls' ? 'tls' : 'reachability';
  return [failed(check, address, `${failureClass}: ${message}`, null)];
}

function tlsFinding(address: string): Finding {
  return address.startsWith('https:')
    ? ok('tls', address, 'its certificate is valid and trusted')
    : ok('tls', address, 'plain HTTP, as configured');
}

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
        'repair the network inside the cluster',
      );
    case 501:
      return failed('seal', address, 'not initialised', 'vault operator init');
    case 503:
      return failed('seal', address, `sealed${version}`, 'vault operator unseal');
    case 530:
      return failed('seal', address, 'removed from its cluster', 'take it out of vault.address');
    default:
      return warning(
        'seal',
        address,
        `answers ${answer.status} to sys/health, which no Vault does`,
        'check that vault.address is a Vault, not a proxy in front that keeps this path',
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
