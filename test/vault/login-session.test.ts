import { readFileSync } from 'node:fs';
import t from 'tap';
import type { AuthMethod, LoginResult } from '../../src/vault/auth/auth-method.js';
import { interpretLookup } from '../../src/vault/auth/lookup-self.js';
import type { HeldLogin } from '../../src/vault/held-login.js';
import { LoginSession, type LoginEvent, type Refusal } from '../../src/vault/login-session.js';
import type { VaultRequest } from '../../src/vault/node-vault-requests.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';
import type { CallOptions, VaultCaller } from '../../src/vault/vault-caller.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';

const never: CallOptions = { budget: 'poll', signal: new AbortController().signal };

function answer(status: number, body: unknown): VaultAnswer {
  const headers = { date: null, retryAfter: null, location: null };
  return { status, headers, bodyText: JSON.stringify(body) };
}

const aliveAnswer = answer(200, { data: { ttl: 60, expire_time: 'x', num_uses: 0 } });
const renewedAnswer = answer(200, {
  auth: { client_token: 'x', lease_duration: 60, renewable: true },
});
const deadAnswer = answer(403, { errors: ['permission denied'] });
const deniedAnswer = answer(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] });

interface Scene {
  readonly clock: FakeClock;
  readonly session: LoginSession;
  readonly logins: string[];
  readonly events: LoginEvent[];
  /** Vault tokens that were looked up. */
  readonly lookups: string[];
  lookup: VaultAnswer;
  login: (count: number) => Promise<LoginResult> | LoginResult;
  hasNew: boolean;
}

function build(makesLogins: boolean): Scene {
  const clock = new FakeClock();
  const caller: VaultCaller = {
    clockOffsetMs: () => 0,
    async call(operation, request: VaultRequest, _options, interpret) {
      if (operation === 'revoke') return interpret(answer(204, ''));
      if (operation === 'renew') return interpret(renewedAnswer);
      scene.lookups.push(request.vaultToken ?? '');
      return interpret(scene.lookup);
    },
  };
  const method: AuthMethod = {
    name: makesLogins ? 'approle' : 'token',
    makesLogins,
    async hasNewCredential() {
      return scene.hasNew;
    },
    async login({ signal }) {
      scene.hasNew = false;
      scene.logins.push(`at ${clock.monotonicMs()}`);
      const result = await scene.login(scene.logins.length);
      signal.throwIfAborted();
      return result;
    },
  };
  const scene: Scene = {
    clock,
    logins: [],
    events: [],
    lookups: [],
    lookup: aliveAnswer,
    login: (count) => ok(`login-${count}`),
    hasNew: false,
    session: new LoginSession({
      clock,
      random: () => 1,
      caller,
      method,
      namespace: null,
      backoffMaxMs: () => 8_000,
      timeoutMs: () => 5_000,
      closed: new AbortController().signal,
      onLogin: (event) => scene.events.push(event),
    }),
  };
  return scene;
}

function ok(vaultToken: string, isAlive: boolean | null = true): LoginResult {
  const login = { vaultToken, ttlMs: 60_000, renewable: true, type: 'service', isAlive } as const;
  return { ok: true, login };
}

const refused: LoginResult = {
  ok: false,
  failure: { class: 'vault_login_failed', message: 'refused' },
};
const unreachable: LoginResult = {
  ok: false,
  failure: { class: 'vault_unreachable', message: 'gone' },
};

async function hold(scene: Scene): Promise<Parameters<LoginSession['accepted']>[0]> {
  const result = await scene.session.current(never);
  if (!result.ok) throw new Error(result.failure.message);
  return result.held;
}

t.test('one login is made for many who wait, and kept', async (t) => {
  const scene = build(true);
  const all = await Promise.all([1, 2, 3].map(() => hold(scene)));
  t.equal(new Set(all).size, 1);
  t.equal((await hold(scene)).login.vaultToken, 'login-1');
  t.equal(scene.logins.length, 1);
  t.same(scene.events, [{ method: 'approle', ttlMs: 60_000, renewable: true }]);
  t.equal(scene.session.isAuthenticated(), true);
  t.equal(scene.session.expiresAt(), scene.clock.now() + 60_000);
});

t.test(
  'a refused login is not tried again before its backoff is over, which doubles',
  async (t) => {
    const scene = build(true);
    scene.login = () => refused;
    t.match(await scene.session.current(never), { failure: { class: 'vault_login_failed' } });
    t.match(await scene.session.current(never), { failure: { retryAfterMs: 1_000 } });
    t.equal(scene.logins.length, 1);
    for (let second = 0; second < 600; second += 1) {
      await scene.clock.advance(1_000);
      await scene.session.current(never);
    }
    t.same(scene.logins.slice(0, 6), [
      'at 0',
      'at 1000',
      'at 3000',
      'at 7000',
      'at 15000',
      'at 23000',
    ]);
    t.ok(scene.logins.length < 80, `${scene.logins.length} logins in ten minutes`);
    t.equal(scene.session.isAuthenticated(), false);
    scene.login = () => ok('good');
    await scene.clock.advance(8_000);
    t.equal((await hold(scene)).login.vaultToken, 'good');
  },
);

t.test(
  'a login that Vault did not answer is tried at every attempt: those are spread already',
  async (t) => {
    const scene = build(true);
    scene.login = () => unreachable;
    t.match(await scene.session.current(never), unreachable);
    t.match(await scene.session.current(never), unreachable);
    t.equal(scene.logins.length, 2);
  },
);

/** A read that begins now, and is refused at once. */
async function refuse(scene: Scene, held: HeldLogin): Promise<Refusal> {
  return scene.session.refused(held, scene.clock.monotonicMs(), never);
}

t.test('a dead login is worth another try with another one', async (t) => {
  const scene = build(true);
  const held = await hold(scene);
  await scene.clock.advance(20_000);
  scene.lookup = deadAnswer;
  t.same(await refuse(scene, held), { isAlive: false, again: true });
  t.equal(scene.logins.length, 1);
  t.equal(scene.session.isAuthenticated(), false);
  t.equal((await hold(scene)).login.vaultToken, 'login-2');
});

t.test('a dead login is not used again when no other can be made', async (t) => {
  const scene = build(true);
  const held = await hold(scene);
  await scene.clock.advance(20_000);
  scene.lookup = deadAnswer;
  await refuse(scene, held);
  scene.login = () => refused;
  t.match(await scene.session.current(never), { ok: false });
});

for (const [name, lookup, isAlive] of [
  ['living', aliveAnswer, true],
  ['perhaps living', deniedAnswer, null],
] as const) {
  t.test(`a ${name} login that may not read is replaced at most every five minutes`, async (t) => {
    const scene = build(true);
    scene.lookup = lookup;
    for (let minute = 0; minute < 60; minute += 1) {
      const held = await hold(scene);
      t.same(await refuse(scene, held), {
        isAlive: minute % 6 === 0 ? true : isAlive,
        again: false,
      });
      await scene.clock.advance(60_000);
    }
    t.equal(scene.logins.length, 10, 'by the attempt after the one that is five minutes old');
  });
}

t.test(
  'a login that lives and cannot be replaced goes on: it may read other secrets',
  async (t) => {
    const scene = build(true);
    const held = await hold(scene);
    await scene.clock.advance(400_000);
    await refuse(scene, held);
    scene.login = () => refused;
    t.equal((await hold(scene)).login.vaultToken, 'login-1');
    scene.login = () => unreachable;
    await scene.clock.advance(10_000);
    t.match(
      await scene.session.current(never),
      unreachable,
      'Vault would not answer the read either',
    );
  },
);

t.test('several secrets refused together cost one look', async (t) => {
  const scene = build(true);
  const held = await hold(scene);
  await scene.clock.advance(20_000);
  await Promise.all([1, 2, 3].map(() => refuse(scene, held)));
  t.equal(scene.lookups.length, 1);
  await refuse(scene, held);
  t.equal(scene.lookups.length, 1, 'one that began before the look is answered by it');
  await scene.clock.advance(1);
  await refuse(scene, held);
  t.equal(scene.lookups.length, 2, 'one that began after it is news');
});

t.test('a login of the last ten seconds that read nothing yet is not doubted', async (t) => {
  const scene = build(true);
  scene.lookup = deadAnswer;
  const held = await hold(scene);
  await scene.clock.advance(9_999);
  t.same(await refuse(scene, held), { isAlive: true, again: false }, 'a standby may be behind');
  t.equal(scene.lookups.length, 0);
  await scene.clock.advance(1);
  t.same(await refuse(scene, held), { isAlive: false, again: true });
  const next = await hold(scene);
  scene.session.accepted(next);
  await scene.clock.advance(1);
  t.same(await refuse(scene, next), { isAlive: false, again: true }, 'one that read something is');
});

t.test('who was refused with a login that is replaced by now tries the other one', async (t) => {
  const scene = build(true);
  const held = await hold(scene);
  await scene.clock.advance(20_000);
  scene.lookup = deadAnswer;
  const late = scene.clock.monotonicMs();
  await refuse(scene, held);
  await hold(scene);
  t.same(await scene.session.refused(held, late, never), { isAlive: null, again: true });
  t.equal(scene.lookups.length, 1);
  t.equal(scene.logins.length, 2);
});

t.test('a dead Vault token that nobody replaced is not looked up again and again', async (t) => {
  const scene = build(false);
  scene.login = () => ok('given', false);
  const held = await hold(scene);
  t.same(scene.events, [], 'not a login to tell of');
  for (let minute = 0; minute < 60; minute += 1) {
    t.same(await refuse(scene, held), { isAlive: false, again: false });
    await scene.clock.advance(60_000);
    t.equal(await hold(scene), held);
  }
  t.equal(scene.lookups.length, 0);
  t.equal(scene.logins.length, 1);
  scene.session.accepted(held);
  t.equal(scene.session.isAuthenticated(), true, 'unless Vault takes it after all');
});

t.test('a new credential is tried at once, backoff or not', async (t) => {
  const scene = build(false);
  scene.login = () => refused;
  await scene.session.current(never);
  scene.login = (count) => ok(`login-${count}`);
  scene.hasNew = true;
  t.equal((await hold(scene)).login.vaultToken, 'login-2');
});

t.test('a new credential is tried until it is a login', async (t) => {
  const scene = build(false);
  await hold(scene);
  scene.hasNew = true;
  scene.login = () => unreachable;
  t.match(await scene.session.current(never), unreachable);
  scene.login = () => ok('newer');
  t.equal((await hold(scene)).login.vaultToken, 'newer');
});

t.test('who leaves a shared login does not end it for the others, the last one does', async (t) => {
  const scene = build(true);
  let finish = (_result: LoginResult): void => undefined;
  scene.login = () => new Promise((resolve) => (finish = resolve));
  const [first, second] = [new AbortController(), new AbortController()];
  const one = scene.session.current({ budget: 'poll', signal: first.signal });
  const two = scene.session.current({ budget: 'poll', signal: second.signal });
  await settle();
  first.abort(new Error('left'));
  await t.rejects(one, { message: 'left' });
  finish(ok('shared'));
  t.match(await two, { ok: true });
  t.equal(scene.logins.length, 1);

  const other = build(true);
  other.login = scene.login;
  const alone = other.session.current({
    budget: 'poll',
    signal: AbortSignal.abort(new Error('no')),
  });
  await t.rejects(alone, { message: 'no' });
  t.equal(other.logins.length, 0);
});

t.test('what a real server answers to lookups is understood', async (t) => {
  interface Exchange {
    readonly step: string;
    readonly request: { readonly path: string };
    readonly response: { readonly status: number; readonly body: unknown };
  }
  const file = new URL('../fixtures/transcripts/04-tokens.json', import.meta.url);
  const all = JSON.parse(readFileSync(file, 'utf8')) as Exchange[];
  const lookups = all.filter(({ request }) => request.path === 'auth/token/lookup-self');
  t.ok(lookups.length >= 4);
  for (const { step, response } of lookups) {
    const result = interpretLookup(answer(response.status, response.body), 0);
    const kind = response.status === 200 ? 'alive' : 'dead';
    t.match(result, { ok: true, value: { kind } }, step);
  }
  const root = lookups.find(({ step }) => step.includes('root'));
  const rootLookup = interpretLookup(answer(200, root?.response.body), 0);
  t.match(rootLookup, { value: { lookup: { ttlMs: null, renewable: false, usesLeft: 0 } } });
});

const lookupRows: readonly (readonly [string, VaultAnswer, object])[] = [
  ['a policy that does not allow it', deniedAnswer, { ok: true, value: { kind: 'unknown' } }],
  [
    'the words of newer servers for a dead one',
    answer(403, { errors: ['2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'] }),
    { ok: true, value: { kind: 'dead' } },
  ],
  [
    'a server that does not know the path',
    answer(404, {}),
    { ok: true, value: { kind: 'unknown' } },
  ],
  ['a server that fails on it', answer(500, {}), { ok: true, value: { kind: 'unknown' } }],
  ['an answer that is none', answer(200, 'x'), { ok: true, value: { kind: 'unknown' } }],
  ['a sealed server', answer(503, { errors: ['Vault is sealed'] }), { ok: false }],
  ['a rate limit', answer(429, {}), { ok: false }],
  ['a redirect', answer(307, {}), { ok: false }],
];

for (const [name, lookupAnswer, expected] of lookupRows) {
  t.test(`lookup of a login: ${name}`, async (t) => {
    t.match(interpretLookup(lookupAnswer, 0), expected);
  });
}
