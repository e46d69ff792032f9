// File sinks on the built program: an unchanged program that reads a file follows every rotation.
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { type AgentProcess, pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, SECRET_PATH, vaultWithToken } from '../fixtures/scene.js';
import { temporaryFolder } from '../sink/deliveries.js';

t.jobs = 3;

async function settings(folder: string, sinks: string): Promise<string[]> {
  const path = join(folder, 'settings.yaml');
  await writeFile(path, `sinks:\n${sinks}`);
  return ['agent', '--config', path];
}

function untilSink(agent: AgentProcess, name: string, version: number, withinMs = 10_000) {
  return agent.untilHealth(({ sinks }) => {
    const sink = sinks?.[name];
    return sink?.ok === true && sink.version === version;
  }, withinMs);
}

t.test('a program that only reads a file follows 100 rotations without a failure', async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'token');
  await using vault = await vaultWithToken();
  const args = await settings(folder.path, `- { name: app, type: file, path: ${path} }\n`);
  await using agent = agentOf(vault, { args });
  await untilSink(agent, 'app', 1);
  t.equal((await stat(path)).mode & 0o777, 0o600);

  // the app: reads as often as it can, and knows every token there ever was
  const known = new Set([strong('token-1')]);
  const seen = new Set<string>();
  const reading = { reads: 0, failures: [] as string[], isRunning: true };
  const app = (async () => {
    while (reading.isRunning) {
      const text = await readFile(path, 'utf8').catch((error: unknown) => String(error));
      reading.reads += 1;
      if (known.has(text)) seen.add(text);
      else reading.failures.push(text);
      await pause(1);
    }
  })();
  for (let rotation = 2; rotation <= 101; rotation += 1) {
    known.add(strong(`token-${rotation}`));
    putToken(vault, `token-${rotation}`);
    if (rotation % 10 === 0) await untilSink(agent, 'app', rotation);
    else await pause(30);
  }
  await untilSink(agent, 'app', 101);
  await pause(20);
  reading.isRunning = false;
  await app;
  t.strictSame(reading.failures, []);
  t.ok(reading.reads > 1_000, `${reading.reads} reads`);
  t.ok(seen.has(strong('token-1')) && seen.has(strong('token-101')) && seen.size >= 11);
  t.strictSame((await readdir(folder.path)).sort(), ['settings.yaml', 'token']);
  t.notMatch(agent.output, /token-\d+\.\.\./, 'no token in its log');
});

t.test('health, metrics and audit say what was delivered', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const path = join(folder.path, 'token.json');
  const sink = `- { name: app, type: file, path: ${path}, format: json, mode: '0640' }\n`;
  await using agent = agentOf(vault, { args: await settings(folder.path, sink) });
  const { sinks } = await untilSink(agent, 'app', 1);
  t.match(sinks, { app: { ok: true, version: 1, last_success_at: /^20/, error: null } });
  t.match(JSON.parse(await readFile(path, 'utf8')), { name: 'default', version: 1 });
  t.equal((await stat(path)).mode & 0o777, 0o640);
  const metrics = (await agent.get('/metrics')).body;
  t.match(metrics, /^keytender_sink_writes_total\{sink="app",outcome="ok"\} 1$/m);
  t.match(metrics, /^keytender_sink_writes_total\{sink="app",outcome="failed"\} 0$/m);
  t.match(metrics, /^keytender_sink_token_version\{sink="app"\} 1$/m);
  t.match(metrics, /^keytender_sink_last_success_timestamp_seconds\{sink="app"\} \d/m);
  const line = agent.lines.find(({ event }) => event === 'token_delivered');
  t.match(line, { token: 'default', sink: 'app', version: 1, outcome: 'ok' });
  t.match((await agent.get('/health')).status, 200);
});

t.test('a file that is removed comes back within the interval', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const path = join(folder.path, 'token');
  const args = await settings(folder.path, `- { name: app, type: file, path: ${path} }\n`);
  await using agent = agentOf(vault, { args });
  await untilSink(agent, 'app', 1);
  execFileSync('rm', [path]);
  await agent.untilOutput(/(token_delivered[^]*){2}/);
  t.equal(await readFile(path, 'utf8'), strong('token-1'));
});

t.test('a destroyed token is taken away, a new one is put there', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const path = join(folder.path, 'token');
  const args = await settings(folder.path, `- { name: app, type: file, path: ${path} }\n`);
  await using agent = agentOf(vault, { args });
  await untilSink(agent, 'app', 1);
  vault.kv.destroy(SECRET_PATH, [1]);
  await agent.untilOutput(/"outcome":"withdrawn"/);
  t.strictSame(await readdir(folder.path), ['settings.yaml']);
  putToken(vault, 'token-2');
  await untilSink(agent, 'app', 2);
  t.equal(await readFile(path, 'utf8'), strong('token-2'));
});

t.test('Vault away: the file stays, also when the agent starts', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const path = join(folder.path, 'token');
  await writeFile(path, strong('token-1'), { mode: 0o600 });
  vault.seal();
  const args = await settings(folder.path, `- { name: app, type: file, path: ${path} }\n`);
  await using agent = agentOf(vault, { args });
  await agent.untilHealth(({ tokens }) => tokens['default']?.error?.class === 'vault_sealed');
  const { sinks } = await agent.health();
  t.match(sinks, { app: { ok: false, version: null, error: 'nothing was delivered yet' } });
  t.equal(await readFile(path, 'utf8'), strong('token-1'));
});

t.test('SIGTERM removes the file where that is asked for, and only there', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const [kept, removed] = [join(folder.path, 'kept'), join(folder.path, 'removed')];
  const args = await settings(
    folder.path,
    `- { name: a, type: file, path: ${kept} }\n` +
      `- { name: b, type: file, path: ${removed}, remove_on_exit: true }\n`,
  );
  await using agent = agentOf(vault, { args });
  await untilSink(agent, 'a', 1);
  await untilSink(agent, 'b', 1);
  agent.kill('SIGTERM');
  t.strictSame(await agent.ended, { code: 0, signal: null });
  t.strictSame((await readdir(folder.path)).sort(), ['kept', 'settings.yaml']);
});

t.test('a sink that fails delays nothing, and says what to do', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const open = join(folder.path, 'open');
  await mkdir(open);
  await chmod(open, 0o777);
  const args = await settings(
    folder.path,
    `- { name: pipe, type: file, path: ${pipe} }\n` +
      `- { name: open, type: file, path: ${join(open, 'token')} }\n` +
      `- { name: good, type: file, path: ${join(folder.path, 'token')} }\n`,
  );
  await using agent = agentOf(vault, { args });
  await untilSink(agent, 'good', 1);
  putToken(vault, 'token-2');
  const writtenMs = performance.now();
  const health = await untilSink(agent, 'good', 2, 3_000);
  t.ok(performance.now() - writtenMs < 2_500, 'within interval and jitter');
  t.equal(health.status, 'ok', 'readiness does not depend on sinks');
  t.match(health.sinks, {
    pipe: { ok: false, version: null, error: /no regular file; remove it/ },
    open: { ok: false, version: null, error: /everybody may write/ },
  });
  const failures = agent.lines.filter(({ event, sink }) => event && sink === 'pipe');
  t.strictSame(
    failures.map(({ event, outcome }) => [event, outcome]),
    [['token_delivered', 'failed']],
    'told once',
  );
});

t.test('a template that cannot be filled in is refused at start', async (t) => {
  await using folder = await temporaryFolder();
  await using vault = await vaultWithToken();
  const sink = `- { name: a, type: file, path: /x, format: template, template: '{{vlaue}}' }\n`;
  await using agent = agentOf(vault, { args: await settings(folder.path, sink) });
  t.strictSame(await agent.ended, { code: 2, signal: null });
  t.match(agent.output, /sinks\[0\]\.template: names a field that does not exist; write only/);
});
