import t, { type Test } from 'tap';
import type { DevVault, Fault } from '../../src/dev-vault/index.js';
import type { HealthBody } from '../../src/health/body.js';
import type { FailureClass } from '../../src/health/failure.js';
import type { AgentProcess } from '../fixtures/agent-process.js';
import { agentOf, putToken, SECRET_PATH, vaultWithToken } from '../fixtures/scene.js';
import { strong } from '../fixtures/readings.js';

// Every row of the failure table, on the built program: the last good token stays, the class is named within one
// attempt, `last_refresh_ok` tells the truth, and all is well again after.

t.jobs = 6;

interface Row {
  readonly what: string;
  readonly class: FailureClass;
  readonly begin: (vault: DevVault) => (() => void) | Promise<() => void>;
  /** What a poll may be told that falls into `begin`. */
  readonly whileItBegins?: FailureClass;
}

const READ = { path: `secret/data/${SECRET_PATH}` };

function fault(added: Fault): (vault: DevVault) => () => void {
  return (vault) => {
    const injected = vault.faults.add(added);
    return () => {
      injected.remove();
    };
  };
}

/** Open connections are reset first: a kept one would still be answered. */
async function hangAtConnect(vault: DevVault): Promise<() => void> {
  const refusal = vault.faults.add({ kind: 'refuse' });
  await vault.settled();
  const end = fault({ kind: 'hang-at-connect' })(vault);
  refusal.remove();
  return end;
}

/** A bad newest version; the scene is healed by a good one. */
function version(data: Record<string, unknown>): Row['begin'] {
  return (vault) => {
    vault.kv.put(SECRET_PATH, data);
    return () => {
      putToken(vault, 'token-good');
    };
  };
}

const sealed = { status: 503, body: { errors: ['Vault is sealed'] } };
const rows: readonly Row[] = [
  { what: 'refused', class: 'vault_unreachable', begin: fault({ kind: 'refuse' }) },
  { what: 'reset', class: 'vault_unreachable', begin: fault({ kind: 'reset' }) },
  {
    what: 'reset in the body',
    class: 'vault_unreachable',
    begin: fault({ kind: 'reset-mid-body' }),
  },
  {
    what: 'hang at connect',
    class: 'vault_timeout',
    begin: hangAtConnect,
    whileItBegins: 'vault_unreachable',
  },
  { what: 'hang before headers', class: 'vault_timeout', begin: fault({ kind: 'hang' }) },
  { what: 'slow drip', class: 'vault_timeout', begin: fault({ kind: 'drip', everyMs: 100 }) },
  {
    what: 'too long',
    class: 'vault_answer_too_large',
    begin: fault({ kind: 'oversized', bytes: 8_000_000 }),
  },
  {
    what: 'sealed',
    class: 'vault_sealed',
    begin: (vault) => {
      vault.seal();
      return () => {
        vault.unseal();
      };
    },
  },
  {
    what: '503 sealed',
    class: 'vault_sealed',
    begin: fault({ kind: 'status', ...READ, ...sealed }),
  },
  ...[500, 502, 503, 504, 412].map((status) => ({
    what: String(status),
    class: 'vault_error' as const,
    begin: fault({ kind: 'status', ...READ, status }),
  })),
  ...[400, 405].map((status) => ({
    what: String(status),
    class: 'vault_refused' as const,
    begin: fault({ kind: 'status', ...READ, status }),
  })),
  {
    what: '307 elsewhere',
    class: 'vault_standby',
    begin: fault({ kind: 'redirect', to: 'http://127.0.0.1:9', status: 307 }),
  },
  {
    what: '429 without Retry-After',
    class: 'vault_rate_limited',
    begin: fault({ kind: 'status', ...READ, status: 429 }),
  },
  {
    what: '429 with Retry-After',
    class: 'vault_rate_limited',
    begin: fault({ kind: 'status', ...READ, status: 429, headers: { 'retry-after': '1' } }),
  },
  { what: '403', class: 'vault_forbidden', begin: fault({ kind: 'status', ...READ, status: 403 }) },
  {
    what: '404, never written',
    class: 'secret_absent',
    begin: fault({ kind: 'status', ...READ, status: 404, body: { errors: [] } }),
  },
  {
    what: '404, no such mount',
    class: 'secret_absent',
    begin: fault({
      kind: 'status',
      ...READ,
      status: 404,
      body: { errors: ['no handler for route "secret/data/x". route entry not found.'] },
    }),
  },
  {
    what: 'deleted',
    class: 'secret_deleted',
    begin: (vault) => {
      vault.kv.delete(SECRET_PATH);
      return () => {
        vault.kv.undelete(SECRET_PATH, [vault.kv.get(SECRET_PATH)?.version ?? 1]);
      };
    },
  },
  { what: 'not JSON', class: 'secret_malformed', begin: fault({ kind: 'garbage', ...READ }) },
  {
    what: 'not KV v2',
    class: 'secret_malformed',
    begin: fault({ kind: 'status', ...READ, status: 200, body: { data: { token: strong('v1') } } }),
  },
  { what: 'field missing', class: 'secret_malformed', begin: version({ tokn: strong('x') }) },
  { what: 'not a string', class: 'secret_malformed', begin: version({ token: 12 }) },
  { what: 'empty', class: 'secret_malformed', begin: version({ token: '' }) },
  { what: 'too short', class: 'secret_malformed', begin: version({ token: 'short' }) },
  {
    what: 'a line break',
    class: 'secret_malformed',
    begin: version({ token: `${strong('x')}\n` }),
  },
  {
    what: '204',
    class: 'secret_malformed',
    begin: fault({ kind: 'status', ...READ, status: 204 }),
  },
  { what: '302', class: 'vault_standby', begin: fault({ kind: 'status', ...READ, status: 302 }) },
  { what: '418', class: 'vault_refused', begin: fault({ kind: 'status', ...READ, status: 418 }) },
  { what: '599', class: 'vault_error', begin: fault({ kind: 'status', ...READ, status: 599 }) },
];

async function check(t: Test, vault: DevVault, agent: AgentProcess, row: Row): Promise<void> {
  const before = await agent.untilHealth(({ status }) => status === 'ok');
  const end = await row.begin(vault);
  const during = await agent.untilHealth(
    ({ last_refresh_ok: ok, tokens }) =>
      ok === false && tokens['default']?.error?.class !== row.whileItBegins,
  );
  const token = during.tokens['default']!;
  t.equal(token.error?.class, row.class, `${row.what}: ${token.error?.message ?? ''}`);
  t.match(during, { status: 'degraded' });
  t.match(token, { state: 'stale', usable: true, version: before.tokens['default']!.version });
  t.equal((await agent.get('/readyz')).status, 200, `${row.what}: still ready`);
  t.equal((await agent.get('/livez')).status, 200, `${row.what}: still live`);
  end();
  const after = await agent.untilHealth(isWell);
  t.equal(after.tokens['default']?.error, null, `${row.what}: healed`);
}

function isWell({ status, last_refresh_ok: ok }: HealthBody): boolean {
  return status === 'ok' && ok === true;
}

const LANES = 4;

for (let lane = 0; lane < LANES; lane += 1) {
  const own = rows.filter((_, index) => index % LANES === lane);
  t.test(
    `a fault keeps the token, is named at once and heals: ${own.map(({ what }) => what).join(', ')}`,
    async (t) => {
      await using vault = await vaultWithToken();
      await using agent = agentOf(vault, { env: { KEYTENDER_VAULT_TIMEOUT: '500ms' } });
      for (const row of own) await check(t, vault, agent, row);
    },
  );
}

t.test('a destroyed version is revoked, and a new one heals', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(isWell);
  vault.kv.destroy(SECRET_PATH, [1]);
  const revoked = await agent.untilHealth(({ status }) => status === 'unavailable');
  t.match(revoked.tokens['default'], {
    state: 'revoked',
    usable: false,
    error: { class: 'secret_destroyed' },
  });
  t.equal((await agent.get('/readyz')).status, 503);
  putToken(vault, 'token-2');
  await agent.untilHealth(isWell);
  t.equal((await agent.get('/readyz')).status, 200);
});

t.test('an older version from a lagging node is ignored and counted', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(isWell);
  const old = vault.kv.get(SECRET_PATH)!;
  putToken(vault, 'token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  const standby = vault.faults.add({
    kind: 'status',
    ...READ,
    status: 200,
    body: {
      data: {
        data: old.data,
        metadata: {
          version: 1,
          created_time: old.created_time,
          deletion_time: '',
          destroyed: false,
          custom_metadata: null,
        },
      },
    },
  });
  const lagging = await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
  t.match(lagging.tokens['default'], { version: 2, error: { class: 'version_regressed' } });
  standby.remove();
  await agent.untilHealth(isWell);
  t.match((await agent.get('/metrics')).body, /token_regressions_total\{token="default"\} [1-9]/);
});
