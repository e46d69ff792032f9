// How a login lives, by a fake clock: what it costs in a day, what happens when renewals shrink, fail or are refused.
import t from 'tap';
import type { AuthMethod, Login } from '../../src/vault/auth/auth-method.js';
import { failureOfError } from '../../src/vault/failure-of-error.js';
import { LoginSession, type LoginEvent } from '../../src/vault/login-session.js';
import { buildRequestBudget } from '../../src/vault/request-budget.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';
import type { CallOptions, VaultCaller } from '../../src/vault/vault-caller.js';
import { FakeClock } from '../fixtures/fake-clock.js';

const HOUR = 3_600_000;
const reading: CallOptions = { budget: 'poll', signal: new AbortController().signal };

/** A Vault that keeps TTLs, as far as a login can see. */
interface Life {
  readonly clock: FakeClock;
  readonly session: LoginSession;
  readonly requests: { readonly operation: string; readonly atMs: number; readonly by: string }[];
  readonly logins: LoginEvent[];
  readonly renewals: LoginEvent[];
  readonly warnings: string[];
  readonly closing: AbortController;
  renew: (ageMs: number) => VaultAnswer | 'unreachable';
  login: () => Partial<Login> | 'refused' | 'unreachable';
  count(operation: string): number;
}

function answer(status: number, body: unknown = { errors: [] }): VaultAnswer {
  const headers = { date: null, retryAfter: null, location: null };
  return { status, headers, bodyText: JSON.stringify(body) };
}

const granted = (seconds: number): VaultAnswer =>
  answer(200, { auth: { client_token: 'x', lease_duration: seconds, renewable: true } });

function build(makesLogins = true): Life {
  const clock = new FakeClock();
  const madeAt = new Map<string, number>();
  const budget = buildRequestBudget({ clock, pollPerMinute: 30, onDemandPerMinute: 0 });
  const caller: VaultCaller = {
    clockOffsetMs: () => 0,
    async call(operation, request, options, interpret) {
      await budget.take(options.budget, options.signal);
      const by = request.vaultToken ?? '';
      life.requests.push({ operation, atMs: clock.monotonicMs(), by });
      if (operation === 'revoke') return interpret(answer(204, ''));
      const made = madeAt.get(by) ?? 0;
      const renewed = life.renew(clock.monotonicMs() - made);
      return renewed === 'unreachable'
        ? { ok: false, failure: failureOfError(new Error('x')) }
        : interpret(renewed);
    },
  };
  const method: AuthMethod = {
    name: makesLogins ? 'approle' : 'token',
    makesLogins,
    hasNewCredential: async () => false,
    async login(context) {
      await budget.take(context.budget, context.signal);
      life.requests.push({ operation: 'login', atMs: clock.monotonicMs(), by: '' });
      const wanted = life.login();
      if (wanted === 'unreachable') return { ok: false, failure: failureOfError(new Error('x')) };
      if (wanted === 'refused') {
        return { ok: false, failure: { class: 'vault_login_failed', message: 'refused' } };
      }
      const vaultToken = `login-${life.count('login')}`;
      madeAt.set(vaultToken, clock.monotonicMs());
      const login: Login = {
        vaultToken,
        ttlMs: HOUR,
        renewable: true,
        type: 'service',
        isAlive: true,
        ...wanted,
      };
      return { ok: true, login };
    },
  };
  const closing = new AbortController();
  const life: Life = {
    clock,
    requests: [],
    logins: [],
    renewals: [],
    warnings: [],
    closing,
    renew: () => granted(3_600),
    login: () => ({}),
    count: (operation) => life.requests.filter((made) => made.operation === operation).length,
    session: new LoginSession({
      clock,
      random: () => 0.5,
      caller,
      method,
      namespace: null,
      backoffMaxMs: () => 60_000,
      timeoutMs: () => 10_000,
      closed: closing.signal,
      onLogin: (event) => life.logins.push(event),
      onRenewed: (event) => life.renewals.push(event),
      onWarning: (message) => life.warnings.push(message),
    }),
  };
  return life;
}

/** Polls every minute, as an agent does; true while every read had a login. */
async function poll(life: Life, minutes: number): Promise<boolean> {
  let isHeld = true;
  for (let minute = 0; minute < minutes; minute += 1) {
    isHeld = (await life.session.current(reading)).ok && isHeld;
    await life.clock.advance(60_000);
  }
  return isHeld;
}

t.test('a day of a login of one hour is one login and 35 renewals', async (t) => {
  const life = build();
  t.ok(await poll(life, 24 * 60 - 1));
  t.equal(life.count('login'), 1);
  t.equal(life.count('renew'), 35, 'every 40 minutes, the 36th at its end');
  t.equal(life.requests.length, 36);
  t.equal(life.renewals.length, 35);
  t.same(life.warnings, []);
  t.equal(life.session.expiresAt(), life.clock.now() + HOUR - 39 * 60_000);
});

/** Renewed at two thirds of what was granted: minutes after the start of each renewal within `minutes`. */
function renewalsWithin(minutes: number, firstTtl: number, grant: number): number[] {
  const at: number[] = [];
  for (let next = (firstTtl * 2) / 3; next < minutes; next += (grant * 2) / 3) at.push(next);
  return at;
}

for (const makesLogins of [true, false]) {
  const whose = makesLogins ? 'that we made' : 'that was given';
  t.test(`a periodic login ${whose} lives for ever: a week of renewals, no other`, async (t) => {
    const life = build(makesLogins);
    const minutes = 7 * 24 * 60 - 1;
    t.ok(await poll(life, minutes));
    const made = life.requests.filter(({ operation }) => operation === 'renew');
    t.same(
      made.map(({ atMs }) => Math.round(atMs / 60_000)),
      renewalsWithin(minutes, 60, 60),
    );
    t.equal(made.length, 251, 'every 40 minutes of a period of one hour, without a maximum');
    t.equal(life.count('login'), 1);
    t.equal(life.requests.length, 252);
    t.same(life.warnings, []);
    t.notOk(life.session.isRenewalFailing());
  });
}

t.test('a periodic token that is found with a third of its period left', async (t) => {
  const life = build(false);
  // what a lookup tells of it: 20 minutes of the hour that each renewal grants again
  life.login = () => ({ ttlMs: 20 * 60_000 });
  const minutes = 24 * 60 - 1;
  t.ok(await poll(life, minutes));
  const at = life.requests
    .filter(({ operation }) => operation === 'renew')
    .map(({ atMs }) => Math.round(atMs / 1_000));
  t.same(
    at,
    renewalsWithin(minutes, 20, 60).map((minute) => Math.round(minute * 60)),
  );
  t.equal(at.length, 36, 'after 13 minutes, then every 40');
  t.equal(life.count('login'), 1);
  t.same(life.warnings, []);
});

t.test('a period that an operator made shorter is renewed by its new length', async (t) => {
  const life = build(false);
  life.renew = (ageMs) => granted(ageMs < 12 * HOUR ? 3_600 : 1_900);
  t.ok(await poll(life, 24 * 60 - 1));
  // 12 h of 40 minutes end with the first short grant at 12 h: 1,900 s, more than half an hour, are renewed as they are
  t.equal(life.count('renew'), 17 + Math.ceil((12 * 3_600) / ((1_900 * 2) / 3)));
  t.equal(life.count('login'), 1);
  t.same(life.warnings, []);
});

t.test('a day at a maximum of four hours is seven logins, those replaced given back', async (t) => {
  const life = build();
  const maxSeconds = 4 * 3_600;
  life.renew = (ageMs) => {
    const left = maxSeconds - Math.floor(ageMs / 1_000);
    return left <= 0
      ? answer(403, { errors: ['permission denied'] })
      : granted(Math.min(3_600, left));
  };
  t.ok(await poll(life, 24 * 60 - 1), 'and never without one');
  // renewed at 40, 80, … 200 minutes, which leaves 40 of 60; renewed at 40 × 2/3 of those, which leaves 13 of 60
  t.equal(life.count('login'), 7);
  t.equal(life.count('revoke'), 6);
  t.equal(life.count('renew'), 37, 'six each, and one of the last');
});

t.test(
  'a server that grants ever less is asked for a new login, not ever more often',
  async (t) => {
    const life = build();
    const grants = [6, 6, 5, 3, 1];
    life.renew = () => granted(grants.shift() ?? 1);
    t.ok(await poll(life, 60));
    t.equal(life.count('renew'), 1, 'one grant was enough to see it');
    t.equal(life.count('login'), 2);
  },
);

/** As a real server was seen to grant near `max_ttl`; from then on 403. */
const shrinking = [6, 6, 5, 3, 1];

function shrinks(life: Life, unitSeconds: number): void {
  const grants = shrinking.map((units) => units * unitSeconds);
  life.renew = () => {
    const seconds = grants.shift();
    return seconds === undefined
      ? answer(403, { errors: ['permission denied'] })
      : granted(seconds);
  };
}

t.test('a login whose renewals shrink 6, 6, 5, 3, 1 is replaced before its end', async (t) => {
  const life = build();
  life.login = () => ({ ttlMs: 600_000 });
  shrinks(life, 100);
  t.ok(await poll(life, 33), 'never without one');
  // the fifth grant is below half of the longest: what would follow is a 403 after ever shorter waits
  t.equal(life.count('renew'), 5);
  t.equal(life.count('login'), 2);
  const [, second] = life.requests.filter(({ operation }) => operation === 'login');
  const fifth = life.requests.filter(({ operation }) => operation === 'renew')[4];
  t.ok((second?.atMs ?? Infinity) - (fifth?.atMs ?? 0) < 100_000, 'in what the fifth granted');
  t.equal(life.count('revoke'), 1, 'and given back');
});

t.test('in seconds, as it was seen: a read that finds the login ended makes one', async (t) => {
  const life = build();
  life.login = () => ({ ttlMs: 6_000 });
  shrinks(life, 1);
  t.ok(await poll(life, 10));
  t.equal(life.count('renew'), 0, 'nothing is done behind reads for a life that short');
  t.equal(life.count('login'), 10, 'one a poll');
});

t.test('a given token that shrinks so is renewed five times, and its end told', async (t) => {
  const life = build(false);
  life.login = () => ({ ttlMs: 600_000 });
  shrinks(life, 100);
  await poll(life, 33);
  t.equal(life.count('renew'), 5);
  t.equal(life.count('login'), 1);
  t.ok(life.warnings.some((warning) => /cannot be renewed any further/.test(warning)));
});

t.test('a login that cannot be renewed, and a batch one, are replaced in time', async (t) => {
  for (const [wanted, revoked] of [
    [{ renewable: false }, 35],
    [{ renewable: true, type: 'batch' }, 0],
  ] as const) {
    const life = build();
    life.login = () => wanted;
    t.ok(await poll(life, 24 * 60 - 1));
    t.equal(life.count('login'), 36);
    t.equal(life.count('renew'), 0);
    t.equal(life.count('revoke'), revoked);
  }
});

t.test('a root token, and one of which no end is known, cost nothing', async (t) => {
  const life = build();
  life.login = () => ({ ttlMs: null, renewable: false });
  t.ok(await poll(life, 24 * 60));
  t.equal(life.requests.length, 1);
});

t.test('a renewal that is refused is one new login, and then a backoff', async (t) => {
  const life = build();
  life.renew = () => answer(403, { errors: ['permission denied'] });
  t.ok(await poll(life, 41));
  t.equal(life.count('renew'), 1);
  t.equal(life.count('login'), 2);
  const refused = build();
  refused.renew = () => answer(400, { errors: ['lease is not renewable'] });
  await poll(refused, 1);
  refused.login = () => 'refused';
  await poll(refused, 58);
  t.ok(refused.session.isRenewalFailing());
  t.ok(refused.count('login') < 50, `${refused.count('login')} logins in twenty minutes`);
  t.match(refused.warnings, [/could not be renewed/]);
  t.equal(refused.warnings.length, 1, 'said once');
  refused.login = () => ({});
  await poll(refused, 3);
  t.notOk(refused.session.isRenewalFailing(), 'until it succeeds');
});

t.test(
  'a Vault that does not answer is asked again with a backoff until the login ends',
  async (t) => {
    const life = build();
    await poll(life, 1);
    life.renew = () => 'unreachable';
    life.login = () => 'unreachable';
    t.ok(await poll(life, 58), 'reads go on with the login that lives');
    t.ok(life.session.isRenewalFailing());
    t.ok(life.count('renew') > 10 && life.count('renew') < 60, `${life.count('renew')}`);
    t.equal(life.count('login'), 1, 'a login that lives is not given up for that');
    await poll(life, 5);
    t.notOk(life.session.isAuthenticated(), 'its time is over');
    const before = life.requests.length;
    await life.clock.advance(10 * HOUR);
    t.equal(life.requests.length, before, 'nothing goes on behind the back of reads');
  },
);

t.test(
  'without the default policy logins are replaced, which is told and is no failure',
  async (t) => {
    const life = build();
    life.renew = () => answer(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] });
    t.ok(await poll(life, 24 * 60 - 1));
    t.equal(life.count('renew'), 1, 'asked once');
    t.ok(life.count('login') > 20 && life.count('login') < 37, `${life.count('login')}`);
    t.match(life.warnings, [/default policy/]);
    t.notOk(life.session.isRenewalFailing());
    t.equal(life.count('login'), 36, 'every 40 minutes, each before its end');
  },
);

t.test('a given token that may not be renewed is told of before its end, twice', async (t) => {
  const life = build(false);
  life.renew = () => answer(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] });
  await poll(life, 41);
  t.match(life.warnings, [/default policy/, /ends at 2026-01-01T01:00:00\.000Z/]);
  t.notOk(life.session.isRenewalFailing(), 'reported, not failed');
  await poll(life, 18);
  t.equal(life.warnings.length, 3);
  t.match(life.warnings[2], /^soon: the Vault token ends at 2026-01-01T01:00/);
  t.equal(life.count('renew'), 1);
});

t.test('a given token that was never renewable is told of too, and is no failure', async (t) => {
  const life = build(false);
  life.login = () => ({ renewable: false });
  await poll(life, 59);
  t.match(life.warnings, [/cannot be renewed any further/, /^soon: /]);
  t.notOk(life.session.isRenewalFailing());
  t.equal(life.count('renew'), 0);
});

t.test('a token of which Vault tells nothing is said, once, and read with', async (t) => {
  const life = build(false);
  life.login = () => ({ ttlMs: null, renewable: false, type: 'unknown', isAlive: null });
  t.ok(await poll(life, 120));
  t.match(life.warnings, [/does not tell how long.*default policy.*unannounced/]);
  t.equal(life.warnings.length, 1);
  t.notOk(life.session.isRenewalFailing());
  t.equal(life.requests.length, 1);
});

t.test('another method is used from the next read on, and ours alone is given back', async (t) => {
  const life = build(false);
  await life.session.current(reading);
  const made: string[] = [];
  const other = (name: string): AuthMethod => ({
    name: 'approle',
    makesLogins: true,
    hasNewCredential: async () => false,
    async login() {
      made.push(name);
      if (name === 'bad') {
        return { ok: false, failure: { class: 'vault_login_failed', message: 'refused' } };
      }
      const ttlMs = HOUR;
      return {
        ok: true,
        login: { vaultToken: name, ttlMs, renewable: true, type: 'service', isAlive: true },
      };
    },
  });
  const current = async (): Promise<unknown> => {
    const result = await life.session.current(reading);
    return result.ok ? result.held.login.vaultToken : result.failure.class;
  };
  life.session.reconfigure(other('bad'), null);
  t.equal(await current(), 'login-1', 'the one that lives is better than none');
  life.session.reconfigure(other('one'), null);
  t.equal(await current(), 'one', 'a refusal before does not hold it up');
  await life.clock.advance(60_000);
  t.equal(life.count('revoke'), 0, 'a given token is not ours to revoke');
  life.session.reconfigure(other('two'), null);
  t.equal(await current(), 'two');
  await life.clock.advance(60_000);
  t.match(life.requests.at(-1), { operation: 'revoke', by: 'one' });
  t.same(made, ['bad', 'one', 'two']);
});

t.test('a given token is renewed, and its end told when that is over', async (t) => {
  const life = build(false);
  t.ok(await poll(life, 100));
  t.equal(life.count('renew'), 2);
  life.renew = () => granted(600);
  await poll(life, 30);
  t.match(life.warnings[0], /cannot be renewed any further.*vault\.auth\.token/);
  t.ok(life.session.isRenewalFailing(), 'it could be renewed before');
  const renewals = life.count('renew');
  await poll(life, 600);
  t.equal(life.count('renew'), renewals);
  t.equal(life.count('login'), 1);
  t.equal(life.count('revoke'), 0, 'it is not ours');
});

t.test('a login of less than a minute works, with a warning', async (t) => {
  for (const ttlMs of [30_000, 5_000, 1_000]) {
    const life = build();
    life.login = () => ({ ttlMs });
    life.renew = () => granted(ttlMs / 1_000);
    t.ok(await poll(life, 60));
    t.match(life.warnings, [/raise its TTL/]);
    t.ok(life.requests.length <= 60 * 6, `${life.requests.length} requests in an hour`);
  }
});

t.test('a short given token is renewed, and leaves the budget to reads', async (t) => {
  const life = build(false);
  life.login = () => ({ ttlMs: 2_000 });
  life.renew = () => granted(2);
  await poll(life, 10);
  const perMinute = life.requests.length / 10;
  t.ok(perMinute <= 30, `${perMinute} a minute`);
});

t.test('reads under way with the old login are over before it is given back', async (t) => {
  const life = build();
  life.login = () => ({ renewable: false });
  await life.session.current(reading);
  await life.clock.advance(40 * 60_000);
  t.equal(life.count('login'), 2);
  t.equal(life.count('revoke'), 0);
  await life.clock.advance(11_000);
  t.match(life.requests.at(-1), { operation: 'revoke', by: 'login-1' });
});

t.test(
  'the end of the program gives back what was replaced, and the login if so set',
  async (t) => {
    const keeps = build();
    await keeps.session.current(reading);
    await keeps.session.end(false);
    t.equal(keeps.count('revoke'), 0);
    const gives = build();
    gives.login = () => ({ renewable: false });
    await gives.session.current(reading);
    await gives.clock.advance(40 * 60_000);
    await gives.session.end(true);
    t.equal(gives.count('revoke'), 2);
    const hangs = build();
    await hangs.session.current(reading);
    hangs.renew = () => 'unreachable';
    await t.resolves(hangs.session.end(true));
  },
);
