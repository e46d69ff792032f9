// Where a fault happens: a Vault with an AppRole, a proxy before it, an agent that logs in there, and callers who know
// every token that was ever written.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AgentProcess } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { signedCall } from '../fixtures/signed-request.js';
import { vaultServer, type VaultServer } from '../fixtures/vault-server.js';
import { FaultProxy, type Certificate } from './fault-proxy.js';
import { standsBy } from './injections.js';
import { INTERVAL_MS, PATIENCE_MS, REQUESTS_PER_MINUTE, TIMEOUT_MS } from './limits.js';
import { spoiler, SPOILT_NAME, type Spoiler } from './spoiler.js';
import { Watch } from './watch.js';

export const SECRET = 'keytender/default/token';

export interface SceneOptions {
  /** The way to Vault is TLS, with a certificate of the authority that the agent trusts. */
  readonly tls?: true;
  /** The address is that of a standby; a second one, behind it, is the active node's. */
  readonly hasSecondAddress?: true;
  /** The process runs on a clock and a resolver that can be spoilt. */
  readonly isSpoilt?: true;
  /** A busy machine makes no timeout, which would be another fault: nothing hangs here. */
  readonly isPatient?: true;
  /** It delivers to a file, and writes its audit trail to another. */
  readonly writesFiles?: true;
}

export interface Scene extends AsyncDisposable {
  readonly vault: VaultServer;
  readonly proxy: FaultProxy;
  /** The way to the second address. */
  readonly second: FaultProxy;
  readonly spoiler: Spoiler;
  readonly watch: Watch;
  readonly agent: AgentProcess;
  /** What callers take for Vault's time, relative to ours. */
  vaultClockMs: number;
  /** Starts the agent, or another one like it. */
  start(): void;
  /** Writes a new version and says which. */
  put(token: string): Promise<number>;
  /** The newest version in Vault. */
  readonly newest: () => Promise<number>;
  /** The status that a caller gets who signs with `version`. */
  call(version: number): Promise<number>;
  /** Ends every login of this scene. */
  readonly revokeLogins: () => Promise<void>;
  /** When the agent asked Vault, by whatever address; in order. */
  requestedAtMs(): number[];
}

const tlsFile = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export function certificate(path: string): Certificate {
  const read = (ending: string): string => readFileSync(tlsFile(`${path}.${ending}`), 'utf8');
  return { cert: read('pem'), key: read('key') };
}

export async function buildScene(options: SceneOptions): Promise<Scene> {
  const vault = await vaultServer();
  const role = await appRole(vault);
  const trusted = options.tls === true ? certificate('../vault/tls/server') : null;
  const proxy = new FaultProxy(vault.address, trusted);
  const second = new FaultProxy(vault.address, trusted);
  if (options.hasSecondAddress === true) proxy.behaviour = standsBy;
  await Promise.all([proxy.listen(), second.listen()]);
  const spoilt = await spoiler();
  const folder = await mkdtemp(join(tmpdir(), 'kt-'));
  const settings = join(folder, 'settings.yaml');
  await writeFile(
    settings,
    options.writesFiles === true
      ? `sinks: [{ name: app, type: file, path: ${join(folder, 'token')} }]\naudit: { file: ${join(folder, 'audit.log')} }\n`
      : '{}\n',
  );
  const hostOf = options.isSpoilt === true ? SPOILT_NAME : '127.0.0.1';
  const scheme = trusted === null ? 'http' : 'https';
  const ways = options.hasSecondAddress === true ? [proxy, second] : [proxy];
  const env = {
    ...role,
    VAULT_ADDR: ways.map(({ port }) => `${scheme}://${hostOf}:${port}`).join(','),
    ...(trusted === null ? {} : { VAULT_CACERT: tlsFile('../vault/tls/ca.pem') }),
    KEYTENDER_VAULT_ALLOW_HTTP: 'true',
    KEYTENDER_VAULT_MOUNT: vault.mount,
    KEYTENDER_VAULT_TIMEOUT: `${options.isPatient === true ? PATIENCE_MS : TIMEOUT_MS}ms`,
    KEYTENDER_VAULT_REQUESTS_PER_MINUTE: String(REQUESTS_PER_MINUTE),
    KEYTENDER_REFRESH_INTERVAL: `${INTERVAL_MS}ms`,
  };
  const values = new Map([[1, strong('token-1')]]);
  let agent: AgentProcess | null = null;
  const watch = new Watch(() => agent);
  const scene: Scene = {
    vault,
    proxy,
    second,
    spoiler: spoilt,
    watch,
    vaultClockMs: 0,
    get agent() {
      if (agent === null) throw new Error('the agent does not run yet');
      return agent;
    },
    start() {
      const nodeArgs = options.isSpoilt === true ? spoilt.nodeArgs : [];
      agent = new AgentProcess({ env, nodeArgs, args: ['agent', '--config', settings] });
    },
    async put(token) {
      const text = strong(token);
      const { data } = await vault.api('POST', `${vault.mount}/data/${SECRET}`, {
        data: { token: text },
      });
      const version = Number(data?.['version']);
      values.set(version, text);
      return version;
    },
    async newest() {
      const { data } = await vault.api('GET', `${vault.mount}/metadata/${SECRET}`);
      return Number(data?.['current_version']);
    },
    async call(version) {
      const { status } = await signedCall(await scene.agent.url(), {
        target: '/v1/tokens',
        key: values.get(version) ?? '',
        keyid: `default:${version}`,
        parameters: { created: Math.floor((Date.now() + scene.vaultClockMs) / 1_000) },
      });
      return status;
    },
    async revokeLogins() {
      for (const token of [...proxy.logins, ...second.logins]) {
        await vault.api('POST', 'auth/token/revoke', { token }).catch(() => undefined);
      }
    },
    requestedAtMs: () =>
      [...proxy.requests, ...second.requests].map(({ atMs }) => atMs).sort((a, b) => a - b),
    async [Symbol.asyncDispose]() {
      watch.isMute = true;
      await agent?.[Symbol.asyncDispose]();
      await watch[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
      for (const part of [spoilt, second, proxy, vault]) await part[Symbol.asyncDispose]();
    },
  };
  return scene;
}

/** What an agent needs to log in by a role of this scene's own. */
async function appRole(vault: VaultServer): Promise<Record<string, string>> {
  const mount = await vault.enableAuth('approle');
  const role = { token_policies: [vault.policy], token_ttl: '1h' };
  await vault.api('POST', `auth/${mount}/role/sidecar`, role);
  const roleId = await vault.api('GET', `auth/${mount}/role/sidecar/role-id`);
  const secretId = await vault.api('POST', `auth/${mount}/role/sidecar/secret-id`, {});
  return {
    VAULT_ROLE_ID: String(roleId.data?.['role_id']),
    VAULT_SECRET_ID: String(secretId.data?.['secret_id']),
    KEYTENDER_VAULT_AUTH_MOUNT: mount,
  };
}
