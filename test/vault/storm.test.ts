// Promise: never a storm. Whatever Vault does, in whatever order, and however eagerly reads are asked for, the
// client's own decisions (logins, looks, explanations) stay within the budget, and it heals when Vault does.
import fc from 'fast-check';
import t from 'tap';
import { failureClasses } from '../../src/health/failure.js';
import type { AuthMethod, LoginContext, LoginResult } from '../../src/vault/auth/auth-method.js';
import { failureOfError } from '../../src/vault/failure-of-error.js';
import { failureOfLogin } from '../../src/vault/failure-of-answer.js';
import { buildKv2Reader, type Kv2Reader } from '../../src/vault/kv2-reader.js';
import { LoginSession } from '../../src/vault/login-session.js';
import { buildRequestBudget } from '../../src/vault/request-budget.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';
import type { Interpreted, VaultCaller } from '../../src/vault/vault-caller.js';

const PER_MINUTE = 12;
const signal = new AbortController().signal;
const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'default', path: 'token' };

const good = {
  data: {
    data: { token: 'abcdefghij' },
    metadata: { version: 1, created_time: '2026-01-01T00:00:00Z', destroyed: false },
  },
};

type Fault = number | 'reset' | 'hang' | 'revoked' | 'garbage' | null;
const faults: readonly Fault[] = [
  ...([null, null, 'reset', 'hang', 'revoked', 'garbage'] as const),
  ...[204, 307, 400, 403, 404, 429, 500, 502, 503],
];
const fault = fc.constantFrom(...faults);

/** Time that passes when somebody waits for it: nobody here waits in parallel. */
class SimulatedTime {
  ms = 0;
  now = (): number => this.ms;
  monotonicMs = (): number => this.ms;
  sleep = async (ms: number): Promise<void> => {
    this.ms += ms;
  };
}

interface World {
  readonly clock: SimulatedTime;
  readonly requestedAt: number[];
  readonly reader: Kv2Reader;
  fault: Fault;
}

function buildWorld(makesLogins: boolean): World {
  const clock = new SimulatedTime();
  const budget = buildRequestBudget({ clock, pollPerMinute: PER_MINUTE, onDemandPerMinute: 0 });
  let liveLogin = 'login-0';
  let logins = 0;
  const caller: VaultCaller = {
    clockOffsetMs: () => 0,
    async call<T>(
      operation: string,
      request: { readonly vaultToken: string | null },
      options: { readonly budget: 'poll' | 'on_demand'; readonly signal: AbortSignal },
      interpret: (answer: VaultAnswer) => Interpreted<T>,
    ): Promise<Interpreted<T>> {
      await budget.take(options.budget, options.signal);
      world.requestedAt.push(clock.ms);
      if (world.fault === 'hang') clock.ms += 10_000;
      if (world.fault === 'revoked') liveLogin = 'none';
      if (world.fault === 'reset' || world.fault === 'hang') {
        return { ok: false, failure: failureOfError(new Error('x')) };
      }
      return interpret(answerOf(operation, request.vaultToken));
    },
  };
  const answerOf = (operation: string, vaultToken: string | null): VaultAnswer => {
    const headers = { date: null, retryAfter: null, location: null };
    if (typeof world.fault === 'number')
      return { status: world.fault, headers, bodyText: '{"errors":[]}' };
    if (world.fault === 'garbage') return { status: 200, headers, bodyText: '{"data":' };
    if (operation === 'login') return { status: 200, headers, bodyText: '{}' };
    if (makesLogins && vaultToken !== liveLogin) {
      return { status: 403, headers, bodyText: '{"errors":["permission denied"]}' };
    }
    const body = operation === 'lookup' ? { data: { ttl: 60 } } : good;
    return { status: 200, headers, bodyText: JSON.stringify(body) };
  };
  const method: AuthMethod = {
    name: makesLogins ? 'approle' : 'token',
    makesLogins,
    hasNewCredential: async () => false,
    async login(context: LoginContext): Promise<LoginResult> {
      const request = { method: 'POST', path: 'x', vaultToken: null, namespace: null } as const;
      const result = await caller.call('login', request, context, (answer) =>
        answer.status === 200
          ? { ok: true, value: null }
          : { ok: false, failure: failureOfLogin(answer, 0) },
      );
      if (!result.ok) return result;
      logins += 1;
      const vaultToken = `login-${logins}`;
      liveLogin = vaultToken;
      return {
        ok: true,
        login: { vaultToken, ttlMs: 60_000, renewable: true, type: 'service', isAlive: true },
      };
    },
  };
  const session = new LoginSession({
    clock,
    random: () => 0.9,
    caller,
    method,
    namespace: null,
    backoffMaxMs: 60_000,
    closed: signal,
  });
  const world: World = {
    clock,
    requestedAt: [],
    fault: null,
    reader: buildKv2Reader({
      location,
      namespace: null,
      clock,
      caller,
      session,
      clockOffsetMs: () => 0,
    }),
  };
  return world;
}

const steps = fc.array(fc.tuple(fault, fc.constantFrom(0, 1, 50, 1_000, 10_000, 61_000, 400_000)), {
  minLength: 5,
  maxLength: 25,
});

t.test('no sequence of faults and times exceeds the budget, and each heals (4,000)', async (t) => {
  const seen = new Set<string>();
  const check = fc.assert(
    fc.asyncProperty(fc.boolean(), steps, async (makesLogins, sequence) => {
      const world = buildWorld(makesLogins);
      for (const [nextFault, waitMs] of sequence) {
        world.fault = nextFault;
        world.clock.ms += waitMs;
        const before = world.requestedAt.length;
        const outcome = await world.reader.read({ budget: 'poll', signal });
        // a read, and at most a login before it and a question after it
        if (world.requestedAt.length - before > 3) return false;
        if (!outcome.ok && !failureClasses.includes(outcome.failure.class)) return false;
        seen.add(outcome.ok ? 'ok' : outcome.failure.class);
      }
      const isWithin = world.requestedAt.every((at, index) => {
        const earlier = world.requestedAt[index - PER_MINUTE];
        return earlier === undefined || at - earlier >= 60_000;
      });
      world.fault = null;
      // the first attempt after the largest backoff may still find a dead login, the next one reads
      world.clock.ms += 60_000;
      await world.reader.read({ budget: 'poll', signal });
      world.clock.ms += 1_000;
      const healed = await world.reader.read({ budget: 'poll', signal });
      return isWithin && healed.ok;
    }),
    { numRuns: 4_000 },
  );
  await t.resolves(check);
  t.ok(seen.size >= 10, [...seen].join(', '));
});
