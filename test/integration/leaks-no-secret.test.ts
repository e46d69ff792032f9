import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { pause } from '../fixtures/agent-process.js';
import { agentOf, SECRET_PATH, vaultWithToken } from '../fixtures/scene.js';

// A canary token is carried through every path, at trace level; then everything the agent said, in every place, is
// searched for it, and for the Vault token it reads with.

const canaries = {
  first: 'canary-FIRST-8f2c41d97b3e4a60aa51',
  second: 'canary-SECOND-1b7d20c8e95f4d3387f0',
  initial: 'canary-INITIAL-77aa0c5be21b4ff59d6e',
  short: 'canary-SHORT-1',
  spaced: 'canary-SPACED-55d7c3f0a1e94b8c8e77 \t',
};

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'keytender-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

function fileOf(folder: string, name: string, code: string): string {
  const path = join(folder, name);
  writeFileSync(path, code);
  return path;
}

/** What of a secret could turn up: its text, and the encodings that a careless program makes of it. */
function tracesOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64'), bytes.toString('hex'), encodeURIComponent(secret)];
}

t.test('no secret is in logs, audit, errors, metrics, answers or the process list', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const vaultToken = vault.rootToken;
  const secrets = [...Object.values(canaries), vaultToken].flatMap(tracesOf);
  await using agent = agentOf(vault, {
    env: {
      KEYTENDER_LOG_LEVEL: 'trace',
      KEYTENDER_AUDIT_FILE: join(folder.path, 'audit.log'),
      KEYTENDER_VAULT_TIMEOUT: '500ms',
      KEYTENDER_LISTEN_PROBE_ADDRESS: '127.0.0.1:0',
      AGENT_TOKEN: canaries.initial,
    },
  });
  const answers: string[] = [];
  const lookEverywhere = async (): Promise<void> => {
    for (const path of ['/health', '/metrics', '/openapi.json', '/livez', '/readyz', '/nothing']) {
      const { body, headers } = await agent.get(path);
      answers.push(body, JSON.stringify([...headers]));
    }
    answers.push(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }));
    answers.push(await readFile(`/proc/${agent.pid}/cmdline`, 'utf8'));
  };

  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 1);
  await lookEverywhere();
  vault.kv.put(SECRET_PATH, { token: canaries.first });
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  vault.kv.put(SECRET_PATH, {
    token: canaries.second,
    not_before: new Date(Date.now() + 2_000).toISOString(),
  });
  await agent.untilHealth(({ tokens }) => tokens['default']?.pending !== null);
  await lookEverywhere();
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 3);
  for (const token of [canaries.short, canaries.spaced, [canaries.first], { a: canaries.first }]) {
    vault.kv.put(SECRET_PATH, { token });
    await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
    await lookEverywhere();
  }
  const echo = { errors: [canaries.first, vaultToken], warnings: [canaries.second] };
  for (const status of [200, 307, 400, 403, 404, 418, 429, 500, 503]) {
    const headers = { 'x-canary': canaries.first, location: `http://x/${canaries.first}` };
    const fault = vault.faults.add({
      kind: 'status',
      path: /./,
      status,
      headers,
      body: { ...echo, data: { token: canaries.first } },
    });
    await pause(300);
    await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
    await lookEverywhere();
    fault.remove();
  }
  for (const kind of ['reset-mid-body', 'truncate', 'garbage', 'reset', 'hang'] as const) {
    const fault = vault.faults.add({ kind });
    await agent.untilHealth(({ last_refresh_ok: ok }) => ok === false);
    fault.remove();
  }
  vault.kv.destroy(SECRET_PATH, [vault.kv.get(SECRET_PATH)?.version ?? 0]);
  await pause(1_500);
  await lookEverywhere();
  agent.kill('SIGTERM');
  await agent.ended;

  const audit = await readFile(join(folder.path, 'audit.log'), 'utf8');
  t.match(audit, /token_rotated/, 'the audit trail was written');
  t.ok(agent.output.includes('"level":"'), 'and the log');
  for (const [place, text] of Object.entries({
    output: agent.output,
    audit,
    answers: answers.join('\n'),
  })) {
    for (const secret of secrets)
      t.notOk(text.includes(secret), `${secret.slice(0, 13)} in ${place}`);
  }
});

t.test('a crash says nothing of a secret', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  vault.kv.put(SECRET_PATH, { token: canaries.first });
  await using agent = agentOf(vault, {
    cwd: folder.path,
    env: { KEYTENDER_LOG_LEVEL: 'trace' },
    nodeArgs: [
      '--report-uncaught-exception',
      '--require',
      // a bug anywhere: here in a listener of the process
      fileOf(
        folder.path,
        'crash.cjs',
        `process.on('SIGUSR2', () => { throw new Error('a bug'); });`,
      ),
    ],
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  agent.kill('SIGUSR2');
  t.match(await agent.ended, { code: 70 });
  t.match(agent.output, /a bug|bug/);
  t.notOk(agent.output.includes(canaries.first));
  t.notOk(agent.output.includes(vault.rootToken));
});

t.test('once parsed, the token is no longer in the heap', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  vault.kv.put(SECRET_PATH, { token: canaries.first });
  await using agent = agentOf(vault, {
    cwd: folder.path,
    // a slow poll: what is found was kept, not just read
    env: { KEYTENDER_REFRESH_INTERVAL: '1h' },
    nodeArgs: ['--heapsnapshot-signal=SIGUSR2'],
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await pause(1_000);
  agent.kill('SIGUSR2');
  const name = await (async () => {
    for (;;) {
      const names = await readdir(folder.path);
      const found = names.find((each) => each.endsWith('.heapsnapshot'));
      if (found !== undefined) return found;
      await pause(100);
    }
  })();
  await agent.get('/livez');
  const snapshot = await readFile(join(folder.path, name), 'utf8');
  t.ok(snapshot.includes(vault.rootToken), 'the search finds what is held as a string');
  t.notOk(snapshot.includes(canaries.first), 'the token is not among its strings');
});
