// Who captured a token and then lost it to a rotation is out at once, wherever he knocks; and with the default scopes
// a holder can neither read a token nor have anything signed.
import t from 'tap';
import { strong } from '../fixtures/readings.js';
import { agentOf, putToken, SECRET_PATH, vaultWithToken } from '../fixtures/scene.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';

t.teardown(closeConnections);
const EVERY_SCOPE =
  'token:list,token:read,token:watch,token:refresh,token:sign,token:verify,auth:rotate';
const post = { method: 'POST', body: '{}' };
const everyRoute = [
  ['/v1/tokens', {}],
  ['/v1/tokens/default', {}],
  ['/v1/tokens/default/watch', {}],
  ['/v1/tokens/default/refresh', post],
  ['/v1/tokens/default/sign', post],
  ['/v1/tokens/default/verify', post],
  ['/v1/auth/rotate-token', post],
  ['/api/v1/auth/rotate-token', post],
] as const;
const thief = { key: strong('token-1'), keyid: 'default:1' };

t.test('lost to a rotation without grace and a destroy: no route, no open watch', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { AGENT_SCOPES: EVERY_SCOPE } });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const { json } = await signedCall(url, { ...thief, target: '/v1/tokens/default' });
  const watch = `/v1/tokens/default/watch?timeout=30&revision=${String(json.revision)}`;
  const open = signedCall(url, { ...thief, target: watch });
  putToken(vault, 'token-2', { grace_seconds: 0 });
  vault.kv.destroy(SECRET_PATH, [1]);
  const delivered = await open;
  t.equal(delivered.status, 401, 'who he is is asked again on delivery');
  t.notMatch(delivered.text, 'token-2');
  for (const [target, call] of everyRoute) {
    for (const keyid of ['default:1', 'default:2', 'default']) {
      const answer = await signedCall(url, { ...thief, ...call, target, keyid });
      t.equal(answer.status, 401, `${target} as ${keyid}`);
      t.notMatch(answer.text, 'token-2');
    }
  }
  const ahead = await signedCall(url, {
    ...thief,
    target: '/v1/tokens/default',
    keyid: 'default:3',
  });
  t.equal(ahead.status, 401, 'nor under a version that is not there yet');
  t.notMatch(agent.output, strong('token-2'));
});

t.test('within its grace a superseded token obtains nothing, whatever the scopes', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { AGENT_SCOPES: EVERY_SCOPE } });
  await agent.untilHealth(({ status }) => status === 'ok');
  putToken(vault, 'token-2', { grace_seconds: 300 });
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  await secondPasses();
  const url = await agent.url();
  const message = JSON.stringify({ method: 'GET', url: 'http://orders.internal/' });
  for (const [target, call] of [
    ['/v1/tokens/default', {}],
    ['/v1/tokens/default/sign', { ...post, body: message }],
    ['/v1/auth/rotate-token', { ...post, body: `{"new_token":"${'n'.repeat(40)}"}` }],
    ['/api/v1/auth/rotate-token', { ...post, body: `{"new_token":"${'n'.repeat(40)}"}` }],
  ] as const) {
    const answer = await signedCall(url, { ...thief, ...call, target });
    t.match(answer, { status: 403, json: { code: 'insufficient_scope' }, isSigned: true }, target);
  }
  const watched = await signedCall(url, { ...thief, target: '/v1/tokens/default/watch' });
  t.equal(watched.status, 200);
  t.notMatch(watched.text, strong('token-2'), 'he may see that there is a new one, not which');
});

t.test('with the default scopes a holder can neither read nor mint', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  for (const [target, call] of everyRoute.filter(([path]) => /default$|sign$|rotate/.test(path))) {
    const answer = await signedCall(url, { ...thief, ...call, target });
    t.match(answer, { status: 403, json: { code: 'insufficient_scope' } }, target);
  }
});
