// When a fault happens, what is looked at while it lasts, and after it: one row of docs/faults.md.
import type { HealthBody } from '../../src/health/body.js';
import { AgentProcess, pause } from '../fixtures/agent-process.js';
import { vaultServer, type VaultServer } from '../fixtures/vault-server.js';
import { FaultProxy } from './fault-proxy.js';
import type { Fault, Scene } from './faults.js';

export const moments = [
  'first start',
  'steady state',
  'during a rotation',
  'inside the grace',
] as const;
export type Moment = (typeof moments)[number];

export interface Row {
  readonly fault: string;
  readonly moment: Moment;
  /** The token that was there is there and usable; null: there was none yet. */
  readonly isKept: boolean | null;
  readonly status: string;
  readonly class: string | null;
  readonly requests: number;
  readonly lastedMs: number;
  readonly healedMs: number;
}

const INTERVAL = '1s';
const HEAL_MS = 15_000;
/** How long a fault lasts at least. */
const LAST_MS = 1_500;

export interface Stage extends Scene, AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
}

/** A Vault with an AppRole, a proxy before it, and what an agent needs to log in there. */
export async function stage(): Promise<Stage> {
  const vault = await vaultServer();
  const mount = await vault.enableAuth('approle');
  const role = { token_policies: [vault.policy], token_ttl: '1h' };
  await vault.api('POST', `auth/${mount}/role/sidecar`, role);
  const roleId = await vault.api('GET', `auth/${mount}/role/sidecar/role-id`);
  const secretId = await vault.api('POST', `auth/${mount}/role/sidecar/secret-id`, {});
  const proxy = new FaultProxy(vault.address);
  await proxy.listen();
  return {
    vault,
    proxy,
    env: {
      VAULT_ADDR: proxy.address,
      VAULT_ROLE_ID: String(roleId.data?.['role_id']),
      VAULT_SECRET_ID: String(secretId.data?.['secret_id']),
      KEYTENDER_VAULT_AUTH_MOUNT: mount,
      KEYTENDER_VAULT_MOUNT: vault.mount,
      KEYTENDER_VAULT_TIMEOUT: '500ms',
      KEYTENDER_REFRESH_INTERVAL: INTERVAL,
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await vault[Symbol.asyncDispose]();
    },
  };
}

const isWell = ({ status, last_refresh_ok: isOk }: HealthBody): boolean =>
  status === 'ok' && isOk === true;

export async function happens(fault: Fault, moment: Moment, at: Stage): Promise<Row> {
  const { vault, proxy } = at;
  const started = moment === 'first start' ? null : new AgentProcess({ env: at.env });
  const before = started === null ? null : await started.untilHealth(isWell);
  let version = before?.tokens['default']?.version ?? null;
  if (started !== null && moment === 'inside the grace') {
    version = await rotate(vault, started, version);
  }
  const end = await fault.begin(at);
  if (moment === 'during a rotation') await vault.put('rotated');
  proxy.requests = [];
  const startedMs = performance.now();
  await using agent = started ?? new AgentProcess({ env: at.env });
  const isNamed = ({ tokens }: HealthBody): boolean =>
    fault.class === null || tokens['default']?.error?.class === fault.class;
  const during = await agent.untilHealth(isNamed, HEAL_MS).catch(() => agent.health());
  await pause(Math.max(0, LAST_MS - (performance.now() - startedMs)));
  const later = await agent.health();
  const lastedMs = performance.now() - startedMs;
  const requests = proxy.requests.length;
  const endedMs = performance.now();
  await end();
  await agent.untilHealth(isWell, HEAL_MS);
  return {
    fault: fault.name,
    moment,
    isKept: version === null ? null : isKept(during, version) && isKept(later, version),
    status: during.status,
    class: during.tokens['default']?.error?.class ?? null,
    requests,
    lastedMs,
    healedMs: performance.now() - endedMs,
  };
}

/** The version of before, or one that came after it. */
function isKept({ tokens }: HealthBody, version: number): boolean {
  const token = tokens['default'];
  return token?.usable === true && (token.version ?? 0) >= version;
}

async function rotate(
  vault: VaultServer,
  agent: AgentProcess,
  version: number | null,
): Promise<number> {
  await vault.put(`rotated-${Date.now()}`);
  const after = await agent.untilHealth(
    ({ tokens }) => (tokens['default']?.version ?? 0) > (version ?? 0),
  );
  return after.tokens['default']?.version ?? 0;
}
