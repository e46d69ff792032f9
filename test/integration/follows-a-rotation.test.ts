import t from 'tap';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';

t.test('a version written into Vault is current within interval and jitter', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  const first = await agent.untilHealth(({ status }) => status === 'ok');
  t.match(first.tokens['default'], { state: 'fresh', version: 1, source: 'vault' });

  putToken(vault, 'token-2');
  const writtenAt = vault.kv.get('keytender/default/token')?.created_time ?? '';
  const second = await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2, 5_000);
  const token = second.tokens['default']!;
  t.equal(token.created_at, new Date(writtenAt).toISOString());
  t.ok(token.age_seconds! < 5);
  t.match(token.superseded, [{ version: 1 }]);
  const [line] = await agent.untilOutput(/.*"event":"token_rotated".*/);
  t.match(JSON.parse(line), { audit: true, token: 'default', version: 2, previous_version: 1 });
});

t.test('age is counted from created_time, so a restart keeps it', async (t) => {
  await using vault = await vaultWithToken();
  const ages: number[] = [];
  for (let start = 0; start < 2; start += 1) {
    await using agent = agentOf(vault);
    const health = await agent.untilHealth(({ status }) => status === 'ok');
    ages.push(health.token_age_seconds!);
    const created = Date.parse(health.tokens['default']!.created_at!);
    t.equal(health.token_age_seconds, Math.floor((Date.now() - created) / 1000), 'counted from it');
    if (start === 0) await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
  t.ok(ages[1]! >= ages[0]! + 2, `${String(ages)}: older after the restart`);
});

t.test('a rotation that was superseded before it was seen verifies within its grace', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  for (const token of ['token-2', 'token-3', 'token-4']) putToken(vault, token);
  const health = await agent.untilHealth(
    ({ tokens }) => tokens['default']?.superseded.length === 3,
  );
  t.strictSame(
    health.tokens['default']?.superseded.map(({ version }) => version),
    [3, 2, 1],
  );
});
