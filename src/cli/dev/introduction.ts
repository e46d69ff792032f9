// What `keytender dev` prints: where things are, what to paste, and then a line per event. The commands are meant to
// be copied; a test runs them.
import type { Config } from '../../config/config.js';
import type { AgentEvent } from '../../daemon/agent-event.js';
import { NOT_FOR_PRODUCTION, type DevVault } from '../../dev-vault/index.js';
import { secretOf } from './rotation.js';

type Vault = Pick<DevVault, 'address' | 'rootToken'>;

export interface AgentFacts {
  readonly vault: Vault;
  readonly config: Config;
  /** The agent's address, as a URL. */
  readonly api: string;
  readonly version: string;
}

export function agentIntroduction({ vault, config, api, version }: AgentFacts): string {
  const { intervalMs, jitterMs } = config.refresh;
  const within = Math.ceil((intervalMs + jitterMs) / 1000);
  return `keytender ${version} dev: for trying out, not for production

${statusPage(config, api)}  agent      ${api}  (reads Vault every ${intervalMs / 1000} s)
  dev Vault  ${vault.address}  (in memory, root token: ${vault.rootToken})
${socketLine(config)}
How old is the token, and is it fresh?
  curl -s ${api}/health

${reading(config)}Rotate it, as an operator would:
${rotation(vault, config)}
See it again, ${within} s later at most: version 2, and a new age
  curl -s ${api}/health

`;
}

/** The first thing to open. */
function statusPage({ listen }: Config, api: string): string {
  return listen.statusPage ? `  open       ${api}/  (see the token rotate; it has a button)\n` : '';
}

function socketLine({ listen }: Config): string {
  return listen.socket === null ? '' : `  socket     ${listen.socket}\n`;
}

/** As the service beside the agent does it; with curl, which everybody has. */
function reading({ listen, tokens }: Config): string {
  const [token] = tokens;
  if (listen.socket === null || token === undefined) return '';
  return `Read it, as the service beside the agent does:
  curl -s --unix-socket ${listen.socket} -H "Keytender-Request: true" http://localhost/v1/tokens/${token.name}

`;
}

export function vaultIntroduction(vault: Vault, config: Config): string {
  return `${NOT_FOR_PRODUCTION}

  dev Vault  ${vault.address}  (root token: ${vault.rootToken})

Write a new version of the token:
${rotation(vault, config)}`;
}

function rotation(vault: Vault, config: Config): string {
  const mount = config.vault?.mount ?? 'secret';
  const [token] = config.tokens;
  const path = secretOf(config, token?.path ?? 'token');
  const field = token?.field ?? 'token';
  const value = '$(openssl rand -base64 32)';
  return `  export VAULT_ADDR=${vault.address} VAULT_TOKEN=${vault.rootToken}
  curl -s -X POST -H "X-Vault-Token: $VAULT_TOKEN" -d "{\\"data\\":{\\"${field}\\":\\"${value}\\"}}" "$VAULT_ADDR/v1/${mount}/data/${path}"
or, with the vault command:
  vault kv put -mount=${mount} ${path} ${field}="${value}"
`;
}

/** `12:00:05 default: token rotated (version 2)`. `now`: milliseconds since the epoch. */
export function eventLine({ token, version, message }: AgentEvent, now: number): string {
  const time = new Date(now).toTimeString().slice(0, 8);
  return `${time} ${token}: ${message}${version === null ? '' : ` (version ${version})`}\n`;
}
