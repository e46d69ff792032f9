// deploy/monitoring/rules.yaml with Prometheus' own tools: every story of the table, and what they are written in.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { eventually } from '../docs/terminal.js';
import type { AgentProcess } from '../fixtures/agent-process.js';
import { agentOf, putToken, SECRET_PATH, vaultWithToken } from '../fixtures/scene.js';
import { promqlOfDashboard } from './monitoring-dashboard.js';
import { Prometheus } from './monitoring-prometheus.js';
import { promtoolFile } from './monitoring-stories.js';
import { firing, silent } from './monitoring-table.js';
import { alertNames, groupNames, RULES } from './monitoring-files.js';
import { tool } from './tool.js';

const PROMTOOL = 'promtool';

t.test('the rules are valid', async (t) => {
  t.match(tool(PROMTOOL, ['check', 'rules', RULES]), /SUCCESS/);
});

for (const [kind, stories] of Object.entries({ firing, silent })) {
  for (const story of stories) {
    t.test(`${kind}: ${story.name}`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'kt-'));
      t.teardown(() => {
        rmSync(folder, { recursive: true });
      });
      const file = join(folder, 'story.yaml');
      writeFileSync(file, promtoolFile(resolve(RULES), groupNames, story));
      t.match(tool(PROMTOOL, ['test', 'rules', file]), /SUCCESS/);
    });
  }
}

t.test('every alert has a story in which it fires', async (t) => {
  const fired = firing.flatMap(({ fires }) => fires.map((it) => it.split('/')[1]));
  t.strictSame([...new Set(fired)].sort(), [...alertNames].sort());
});

/** As promtool is given it: an own input. */
function checkMetrics(body: string): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], {
    input: body,
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

t.test('what an agent answers a scrape with has nothing that promtool objects to', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  const { body } = await agent.get('/metrics');
  t.strictSame(checkMetrics(body), { status: 0, said: '' });
  t.not(checkMetrics('# TYPE a_total gauge\na_total 1\n').status, 0, 'it does object to others');
});

t.test(
  'a real Prometheus: alerts fire, and go silent after healing',
  { timeout: 600_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'kt-'));
    t.teardown(() => {
      rmSync(folder, { recursive: true });
    });
    const sinkFolder = join(folder, 'sink');
    const settings = join(folder, 'keytender.yaml');
    const good = `sinks:\n  - { name: app, type: file, path: ${sinkFolder}/token }\n`;
    writeFileSync(settings, good);
    mkdirSync(sinkFolder, { mode: 0o700 });
    await using vault = await vaultWithToken();
    const start = (): AgentProcess => agentOf(vault, { args: ['agent', '--config', settings] });
    await using agent = start();
    await using other = start();
    for (const it of [agent, other]) await it.untilHealth(({ status }) => status === 'ok');
    const hosts = await Promise.all([agent, other].map(async (it) => new URL(await it.url()).host));
    await using prometheus = await Prometheus.start(hosts);
    await prometheus.untilSilent();

    // a token that is destroyed: a page; healed by a new version
    vault.kv.destroy(SECRET_PATH, [1]);
    const page = await prometheus.untilFiring('KeytenderTokenUnusable', 'page');
    t.match(page.labels, { cluster: 'one', namespace: 'shop', token: 'default' });
    t.notOk(page.labels['instance'], 'for the namespace');
    t.match(page.annotations, { description: /^100% of the agents/ });
    putToken(vault, 'token-2');
    await prometheus.untilSilent();
    await eventually(async () => {
      t.strictSame(await prometheus.query('keytender_token_version'), ['2', '2']);
    });

    // Vault sealed
    vault.seal();
    await prometheus.untilFiring('KeytenderRefreshFailing', 'page');
    await prometheus.untilFiring('KeytenderRefreshFailing', 'ticket');
    vault.unseal();
    await prometheus.untilSilent();

    // a reload that is refused, by one agent
    writeFileSync(settings, 'refresh:\n  intervall: 1s\n');
    agent.kill('SIGHUP');
    const ticket = await prometheus.untilFiring('KeytenderReloadFailed', 'ticket');
    t.equal(ticket.labels['instance'], hosts[0]);
    writeFileSync(settings, good);
    agent.kill('SIGHUP');
    await prometheus.untilSilent();

    // a sink that fails: a directory that everybody may write to is none for secrets
    chmodSync(sinkFolder, 0o777);
    putToken(vault, 'token-3');
    const sink = await prometheus.untilFiring('KeytenderSinkFailing', 'ticket');
    t.equal(sink.labels['sink'], 'app');
    chmodSync(sinkFolder, 0o700);
    await prometheus.untilSilent();

    // what the dashboard asks
    const asked = promqlOfDashboard.map((expr) =>
      expr
        .replaceAll(/\$__(?:rate_)?interval/g, '10s')
        .replaceAll(/"\$(?:cluster|namespace|token)"/g, '".*"'),
    );
    const empty: string[] = [];
    for (const expr of asked) if ((await prometheus.ask(expr)).length === 0) empty.push(expr);
    const allowed = /superseded_until|changes\(|== 0\)|login_expiry|stale_soon/;
    t.strictSame(
      empty.filter((expr) => !allowed.test(expr)),
      [],
      'has an answer',
    );
    t.strictSame(
      await prometheus.query('max by (token) (keytender_token_version{namespace=~".*"})'),
      ['3'],
      'and the rotation is seen',
    );
  },
);
