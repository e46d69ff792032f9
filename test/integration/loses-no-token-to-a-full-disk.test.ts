import t from 'tap';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';

t.test('an audit trail that cannot be written is told of once and stops nothing', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { KEYTENDER_AUDIT_FILE: '/dev/full' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  await agent.untilOutput(/audit lines are lost/);
  putToken(vault, 'token-2');
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  t.match((await agent.get('/metrics')).body, /audit_suppressed_total [1-9]/);
  t.equal(agent.output.match(/audit lines are lost/g)?.length, 1);
  t.match(agent.output, /"reason":"ENOSPC"/);
});
