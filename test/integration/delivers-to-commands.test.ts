// Exec sinks on the built program: a command is told of every rotation, and none that hangs delays one.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';
import { temporaryFolder } from '../sink/deliveries.js';

t.jobs = 3;
t.after(closeConnections);

interface SinkSettings {
  readonly name: string;
  readonly command: readonly string[];
  readonly timeout?: string;
  readonly format?: string;
}

async function settings(folder: string, sinks: readonly SinkSettings[]): Promise<string[]> {
  const path = join(folder, 'settings.json');
  const written = { sinks: sinks.map((sink) => ({ ...sink, type: 'exec' })) };
  await writeFile(path, JSON.stringify(written));
  return ['agent', '--config', path];
}

t.test('a command is run for the first token and for each rotation', async (t) => {
  await using folder = await temporaryFolder();
  const seen = join(folder.path, 'seen');
  const script = `read -r token || :; echo "$TOKEN_VERSION $token" >> ${seen}`;
  const app = { name: 'app', command: ['sh', '-c', script] };
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { args: await settings(folder.path, [app]) });
  for (let version = 1; version <= 3; version += 1) {
    if (version > 1) putToken(vault, `token-${version}`);
    await agent.untilHealth(({ sinks }) => sinks?.['app']?.version === version);
  }
  t.equal(
    await readFile(seen, 'utf8'),
    [1, 2, 3].map((version) => `${version} ${strong(`token-${version}`)}\n`).join(''),
  );
  t.match((await agent.get('/metrics')).body, /sink_writes_total\{sink="app",outcome="ok"\} 3/);
  t.notMatch(agent.output, strong('token-1'));
});

t.test('a command that hangs on a pipe that nobody reads delays no rotation', async (t) => {
  await using folder = await temporaryFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const sinks = [{ name: 'pipe', command: ['sh', '-c', `cat > ${pipe}`], timeout: '4s' }];
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    args: await settings(folder.path, sinks),
    // who signs with it makes nobody ask Vault: what is verified with was polled
    env: { KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '0' },
  });
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 1);
  await secondPasses();
  for (let version = 2; version <= 4; version += 1) {
    putToken(vault, `token-${version}`);
    const writtenMs = performance.now();
    await agent.untilHealth(({ tokens }) => tokens['default']?.version === version, 3_000);
    t.ok(performance.now() - writtenMs < 2_000, 'within interval and jitter');
    const { status, isSigned } = await signedCall(await agent.url(), {
      target: '/v1/tokens',
      key: strong(`token-${version}`),
      keyid: `default:${version}`,
    });
    t.strictSame([status, isSigned], [200, true], 'and verified with');
  }
  const slow = await agent.untilHealth(({ sinks }) =>
    /not ended/.test(sinks?.['pipe']?.error ?? ''),
  );
  t.match(slow.sinks, { pipe: { ok: false, version: null, error: /not ended after [2-4] s/ } });
  await agent.untilOutput(/"outcome":"timeout"/);
  t.match((await agent.get('/metrics')).body, /sink="pipe",outcome="timeout"\} [1-9]/);
  agent.kill('SIGTERM');
  t.strictSame(await agent.ended, { code: 0, signal: null });
  t.notOk(processes().includes(pipe), 'no command is left');
});

t.test('a command that fails says so, without the token', async (t) => {
  await using folder = await temporaryFolder();
  const sinks = [{ name: 'app', command: ['sh', '-c', 'echo "no: $(cat)" >&2; exit 7'] }];
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { args: await settings(folder.path, sinks) });
  await agent.untilOutput(/"outcome":"failed"/);
  const health = await agent.health();
  t.match(health.sinks, { app: { ok: false, error: 'the command ended with 7: no: [token]' } });
  t.equal(health.status, 'ok');
  t.notMatch(agent.output, strong('token-1'));
});

t.test('neither ps nor an environment shows the token, nor the key to Vault', async (t) => {
  await using folder = await temporaryFolder();
  const started = join(folder.path, 'started');
  const command = ['sh', '-c', `read -r token || :; echo $$ > ${started}; sleep 20`];
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    args: await settings(folder.path, [{ name: 'app', command }]),
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  let pid = '';
  while (!pid.endsWith('\n')) pid = await readFile(started, 'utf8').catch(() => '');
  const environment = await readFile(`/proc/${pid.trim()}/environ`, 'utf8');
  t.notMatch(environment, strong('token-1'));
  t.notMatch(environment, vault.rootToken);
  t.notMatch(processes(), strong('token-1'));
});

function processes(): string {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
}
