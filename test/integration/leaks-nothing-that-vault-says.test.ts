// Whatever Vault puts into an answer (errors, warnings, headers, fields of logins, renewals, lookups and unwraps), none of
// it gets into a log, an audit line, a metric or an answer of the agent; nor do the credentials that it works with.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FaultProxy } from '../faults/fault-proxy.js';
import { AgentProcess, pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { vaultServer, type VaultServer } from '../fixtures/vault-server.js';

t.jobs = 3;

const CANARY = 'canary-0c8d1f7be2a94633';
/** The last one ends what is asked for at some paths. */
const statuses = [204, 307, 403, 404, 418, 429, 503, 500, 400, 200];

/** The canary wherever there is room for it. */
function sayCanary(response: ServerResponse, status: number): void {
  const auth = { client_token: `${CANARY} `, accessor: CANARY, lease_duration: CANARY };
  const data = { token: CANARY, ttl: CANARY, creation_path: CANARY, secret_id: { CANARY } };
  const body = {
    request_id: CANARY,
    errors: [CANARY, `1 error occurred:\n\t* ${CANARY}\n\n`],
    warnings: [CANARY],
    wrap_info: { token: CANARY, creation_path: CANARY },
    auth,
    data: { [CANARY]: CANARY, ...data },
    [CANARY]: CANARY,
  };
  response.writeHead(status, CANARY, {
    'x-canary': CANARY,
    'content-type': CANARY,
    'retry-after': CANARY,
    location: `http://${CANARY}/v1/${CANARY}`,
    'www-authenticate': CANARY,
    'set-cookie': CANARY,
    date: CANARY,
  });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}

class Scene implements AsyncDisposable {
  readonly vault: VaultServer;
  readonly proxy: FaultProxy;
  readonly #folder: string;

  constructor(vault: VaultServer, proxy: FaultProxy, folder: string) {
    this.vault = vault;
    this.proxy = proxy;
    this.#folder = folder;
  }

  static async build(): Promise<Scene> {
    const vault = await vaultServer();
    const proxy = new FaultProxy(vault.address);
    await proxy.listen();
    return new Scene(vault, proxy, await mkdtemp(join(tmpdir(), 'kt-')));
  }

  agent(env: Readonly<Record<string, string>>): AgentProcess {
    return new AgentProcess({
      env: {
        VAULT_ADDR: `http://127.0.0.1:${this.proxy.port}`,
        KEYTENDER_VAULT_MOUNT: this.vault.mount,
        KEYTENDER_REFRESH_INTERVAL: '1s',
        KEYTENDER_LOG_LEVEL: 'trace',
        KEYTENDER_AUDIT_FILE: join(this.#folder, 'audit.log'),
        ...env,
      },
    });
  }

  /** Answers `path` with the canary and each status in turn, the last again and again. Resolves when all were asked for. */
  async says(path: RegExp, each: readonly number[] = statuses): Promise<void> {
    let said = 0;
    this.proxy.behaviour = async ({ request, response, pass }) => {
      const isMeant = path.test(request.url ?? '');
      const status = isMeant ? each[Math.min(said, each.length - 1)] : undefined;
      if (status === undefined) await pass();
      else {
        said += 1;
        sayCanary(response, status);
      }
    };
    for (let tries = 0; said < each.length; tries += 1) {
      if (tries > 1_500) throw new Error(`${String(path)} was asked for ${said} times only`);
      await pause(100);
    }
    await pause(300);
  }

  /** Ends the agent and looks for the canary and `secrets` in all that it said. */
  async search(t: Test, agent: AgentProcess, secrets: readonly string[]): Promise<void> {
    let answers = '';
    for (const path of ['/health', '/metrics', '/readyz']) answers += (await agent.get(path)).body;
    agent.kill('SIGTERM');
    await agent.ended;
    t.match(agent.output, /"level":"warn"/, 'it had something to tell');
    const audit = await readFile(join(this.#folder, 'audit.log'), 'utf8');
    const all = [CANARY, strong('token-1'), this.vault.rootToken, ...this.proxy.logins, ...secrets];
    for (const [place, text] of Object.entries({ output: agent.output, audit, answers })) {
      t.strictSame(
        all.flatMap(tracesOf).filter((trace) => text.includes(trace)),
        [],
        place,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.vault[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function tracesOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return [secret, base64, bytes.toString('hex'), encodeURIComponent(secret)];
}

interface Role {
  readonly mount: string;
  readonly roleId: string;
  readonly path: string;
}

async function appRole(vault: VaultServer): Promise<Role> {
  const mount = await vault.enableAuth('approle');
  const path = `auth/${mount}/role/sidecar`;
  await vault.api('POST', path, { token_policies: [vault.policy], token_ttl: '1h' });
  const { data } = await vault.api('GET', `${path}/role-id`);
  return { mount, path, roleId: String(data?.['role_id']) };
}

t.test('nothing of what logins and reads are answered with', async (t) => {
  await using scene = await Scene.build();
  const { mount, path, roleId } = await appRole(scene.vault);
  const { data } = await scene.vault.api('POST', `${path}/secret-id`, {});
  const secretId = String(data?.['secret_id']);
  const said = scene.says(/\/login$/);
  await using agent = scene.agent({
    VAULT_ROLE_ID: roleId,
    VAULT_SECRET_ID: secretId,
    KEYTENDER_VAULT_AUTH_MOUNT: mount,
  });
  await said;
  scene.proxy.behaviour = null;
  await agent.untilHealth(({ status }) => status === 'ok');
  await scene.says(/\/data\//);
  await scene.search(t, agent, [secretId]);
});

t.test('nothing of what lookups and renewals are answered with', async (t) => {
  await using scene = await Scene.build();
  const { vault } = scene;
  const made = await vault.api('POST', 'auth/token/create', {
    policies: [vault.policy],
    ttl: '1h',
  });
  const vaultToken = String(made.auth?.['client_token']);
  // others are taken for an answer, and not asked for again
  const said = scene.says(/\/lookup-self$/, [429, 307]);
  await using agent = scene.agent({ VAULT_TOKEN: vaultToken });
  await said;
  // it seems to end in seconds, so that it is renewed at once
  scene.proxy.behaviour = async ({ request, response, pass, ask }) => {
    if (!/lookup-self$/.test(request.url ?? '')) await pass();
    else response.end((await ask()).text.replace(/"ttl":\d+/, '"ttl":15'));
  };
  await agent.untilHealth(({ status }) => status === 'ok');
  // the last one is a refusal: it is not asked for again
  await scene.says(/\/renew-self$/, [429, 503, 400]);
  await scene.search(t, agent, [vaultToken]);
});

t.test('nothing of what unwraps are answered with', async (t) => {
  await using scene = await Scene.build();
  const { mount, path, roleId } = await appRole(scene.vault);
  const wrapped = await scene.vault.api(
    'POST',
    `${path}/secret-id`,
    {},
    {
      headers: { 'X-Vault-Wrap-TTL': '300s' },
    },
  );
  const wrapping = String(wrapped.wrap_info?.['token']);
  const said = scene.says(/\/sys\/wrapping\/unwrap$/);
  await using agent = scene.agent({
    VAULT_ROLE_ID: roleId,
    KEYTENDER_VAULT_AUTH_SECRET_ID_WRAPPED: wrapping,
    KEYTENDER_VAULT_AUTH_MOUNT: mount,
  });
  await said;
  // the last one looks like a token that somebody else has wrapped: an alarm, and never asked for again
  await scene.says(/\/sys\/wrapping\/lookup$/);
  const { tokens } = await agent.health();
  t.match(tokens['default']?.error?.message, /^ALARM/);
  await scene.search(t, agent, [wrapping]);
});
