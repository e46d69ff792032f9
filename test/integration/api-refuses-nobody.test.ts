// No valid request is refused while the token is rotated over and over: clients of three kinds sign as fast as they
// can, one of them knowing each new token before the agent does.
import t from 'tap';
import { agentOf, putToken, vaultWithToken } from '../fixtures/scene.js';
import { pause } from '../fixtures/agent-process.js';
import { strong } from '../fixtures/readings.js';
import { closeConnections, secondPasses, signedCall } from '../fixtures/signed-request.js';

t.teardown(closeConnections);
/** A client may be this many rotations behind. */
const SUPERSEDED_MAX = 16;
const ROTATIONS = Number(process.env['KEYTENDER_TEST_ROTATIONS'] ?? 300);

function hasRefusal(statuses: ReadonlyMap<string, number>): boolean {
  return [...statuses.keys()].some((key) => !/ (200|204)$/.test(key) || key.includes('unsigned'));
}

t.test(`${ROTATIONS} rotations, three kinds of clients, no refusal`, async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: {
      KEYTENDER_REFRESH_ON_DEMAND_PER_MINUTE: '6000',
      RATE_LIMIT_PER_MIN: '1000000',
      AGENT_SCOPES: 'token:list,token:read,token:watch',
      KEYTENDER_TOKEN_SUPERSEDED_MAX: String(SUPERSEDED_MAX),
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  let version = 1;
  let isOver = false;
  const statuses = new Map<string, number>();
  const count = (who: string, status: number): void => {
    const key = `${who} ${status}`;
    statuses.set(key, (statuses.get(key) ?? 0) + 1);
  };
  // what each client signs with: the operator below never leaves one behind by more than is kept
  const inUse = new Map<string, number>();
  const call = async (who: string, signingWith: number, keyid: string, target = '/v1/tokens') => {
    inUse.set(who, signingWith);
    const answer = await signedCall(url, { target, key: strong(`token-${signingWith}`), keyid });
    count(who, answer.status);
    if (!answer.isSigned) count(`${who} unsigned`, answer.status);
    return answer;
  };

  // learns of a new token at once, mostly before the agent
  const foreign = async (): Promise<void> => {
    while (!isOver) await call('foreign', version, `default:${version}`);
  };
  // says no version
  const terse = async (): Promise<void> => {
    while (!isOver) await call('terse', version, 'default');
  };
  // holds on to a superseded one for a while
  const slow = async (): Promise<void> => {
    while (!isOver) {
      const held = version;
      for (let times = 0; times < 5; times += 1) await call('slow', held, `default:${held}`);
    }
  };
  // follows by watching, and signs with what it was told
  const watcher = async (): Promise<void> => {
    let known = 1;
    let revision = '';
    while (!isOver) {
      const target = `/v1/tokens/default/watch?timeout=1&revision=${revision}`;
      const answer = await call('watcher', known, `default:${known}`, target);
      if (answer.status !== 200) continue;
      revision = answer.json.revision;
      known = answer.json.version;
    }
  };
  const clients = [foreign(), foreign(), terse(), slow(), watcher()];
  while (version < ROTATIONS + 1) {
    putToken(vault, `token-${version + 1}`, { grace_seconds: 30 });
    version += 1;
    const isAhead = (): boolean =>
      version - Math.min(...inUse.values()) > SUPERSEDED_MAX - 4 ||
      (statuses.get('foreign 200') ?? 0) < version;
    do await pause(10);
    while (isAhead() && !hasRefusal(statuses));
  }
  isOver = true;
  await Promise.all(clients);
  const seen = Object.fromEntries(statuses);
  t.comment(seen);
  t.notOk(hasRefusal(statuses), JSON.stringify(seen));
  t.ok((statuses.get('foreign 200') ?? 0) >= ROTATIONS);
});

t.test('a second after its grace a token is refused', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault);
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const old = { target: '/v1/tokens', key: strong('token-1'), keyid: 'default:1' };
  putToken(vault, 'token-2', { grace_seconds: 2 });
  await agent.untilHealth(({ tokens }) => tokens['default']?.version === 2);
  t.equal((await signedCall(url, old)).status, 200);
  await pause(4_000);
  t.equal((await signedCall(url, old)).status, 401);
});

t.test('a thief who lost the token to a rotation is out: no route, no open watch', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, {
    env: {
      AGENT_SCOPES: 'token:list,token:read,token:watch,token:refresh,token:sign,token:verify',
    },
  });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const thief = { key: strong('token-1'), keyid: 'default:1' };
  const { json } = await signedCall(url, { ...thief, target: '/v1/tokens/default' });
  const watch = `/v1/tokens/default/watch?timeout=30&revision=${String(json.revision)}`;
  const open = signedCall(url, { ...thief, target: watch });
  putToken(vault, 'token-2', { grace_seconds: 0 });
  vault.kv.destroy('keytender/default/token', [1]);
  const delivered = await open;
  t.equal(delivered.status, 401);
  t.notMatch(delivered.text, 'token-2');
  const post = { method: 'POST', body: '{}' };
  for (const [target, call] of [
    ['/v1/tokens', {}],
    ['/v1/tokens/default', {}],
    ['/v1/tokens/default/watch', {}],
    ['/v1/tokens/default/refresh', post],
    ['/v1/tokens/default/sign', post],
    ['/v1/tokens/default/verify', post],
    ['/v1/auth/rotate-token', post],
  ] as const) {
    const answer = await signedCall(url, { ...thief, ...call, target });
    t.equal(answer.status, 401, target);
  }
});

t.test('500 waiters, one rotation: all are woken', async (t) => {
  await using vault = await vaultWithToken();
  await using agent = agentOf(vault, { env: { RATE_LIMIT_PER_MIN: '1000000' } });
  await agent.untilHealth(({ status }) => status === 'ok');
  await secondPasses();
  const url = await agent.url();
  const caller = { key: strong('token-1'), keyid: 'default' };
  const first = await signedCall(url, { ...caller, target: '/v1/tokens/default/watch' });
  const target = `/v1/tokens/default/watch?timeout=50&revision=${String(first.json.revision)}`;
  const waiting = Array.from({ length: 500 }, () => signedCall(url, { ...caller, target }));
  const gone = new AbortController();
  const leaving = Array.from({ length: 20 }, () =>
    signedCall(url, { ...caller, target, signal: gone.signal }).catch(() => null),
  );
  const waiters = async (): Promise<number> =>
    Number(/watch_waiters (\d+)/.exec((await agent.get('/metrics')).body)?.[1]);
  while ((await waiters()) < 520) await pause(50);
  gone.abort();
  await Promise.all(leaving);
  while ((await waiters()) > 500) await pause(50);
  putToken(vault, 'token-2');
  const answers = await Promise.all(waiting);
  t.ok(answers.every(({ status, json }) => status === 200 && json.version === 2));
  t.equal(await waiters(), 0);
});
