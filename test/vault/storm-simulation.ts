// Promises: never a storm, never backwards, a good token is never lost to a bad answer. Whatever Vault does, in whatever
// order, the parts that decide (budget, login, its upkeep, reads, store, schedule) stay within the budget, keep what they
// have, and heal within the largest backoff. By a simulated clock, in plain loops: 2,000,000 faults have to be cheap.
import { parentPort, workerData } from 'node:worker_threads';
import type { Clock } from '../../src/platform/clock.js';
import { attemptRefresh } from '../../src/refresh/attempt.js';
import { delayAfter } from '../../src/refresh/policy.js';
import { TokenStore } from '../../src/token/store.js';
import type { AuthMethod } from '../../src/vault/auth/auth-method.js';
import { requestLogin } from '../../src/vault/auth/login-request.js';
import { failureOfError } from '../../src/vault/failure-of-error.js';
import { buildKv2Reader } from '../../src/vault/kv2-reader.js';
import { LoginSession } from '../../src/vault/login-session.js';
import { buildRequestBudget } from '../../src/vault/request-budget.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';
import type { VaultCaller } from '../../src/vault/vault-caller.js';
import { generator, overBudget, SimulatedClock, type Range, type Tried } from './simulated-time.js';

const FAULTS_EACH = 200;
const PER_MINUTE = 30;
const INTERVAL_MS = 60_000;
const JITTER_MS = 10_000;
/** What the schedule can draw at most: an interval or the largest backoff, with the jitter of who was told to wait. */
const LARGEST_WAIT_MS = INTERVAL_MS + JITTER_MS;
/** A read, a look at the login, another login, the read again: what they may wait for their permits. */
const PERMITS_MS = (4 * 60_000) / PER_MINUTE;
const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'default', path: 'token' };
const schedule = { intervalMs: INTERVAL_MS, jitterMs: JITTER_MS };

type Fault = number | 'reset' | 'hang' | 'revoked' | 'garbage' | 'older' | 'deleted' | null;
const faults: readonly Fault[] = [
  ...([null, null, null, 'reset', 'hang', 'revoked', 'garbage', 'older', 'deleted'] as const),
  ...[204, 307, 400, 403, 404, 429, 500, 502, 503],
];
const waits = [
  ...Array<number>(24).fill(0),
  1,
  50,
  1_000,
  1_000,
  61_000,
  61_000,
  400_000,
  3_600_000,
];
const headers = { date: null, retryAfter: null, location: null };
const bodies = {
  denied: '{"errors":["permission denied"]}',
  bare: '{"errors":[]}',
};

async function turns(): Promise<void> {
  for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
}

class World {
  readonly clock = new SimulatedClock(turns);
  readonly requestedAt: number[] = [];
  readonly store: TokenStore;
  readonly attempt: () => ReturnType<typeof attemptRefresh>;
  fault: Fault = null;
  readonly #createdAt: number[] = [];
  readonly #closing = new AbortController();
  #liveLogin = 'given';
  #logins = 0;

  constructor(makesLogins: boolean, random: () => number) {
    const { clock } = this;
    // a read that waits for its permit is all that happens: time goes on until it has it
    const hurried: Clock = {
      now: clock.now,
      monotonicMs: clock.monotonicMs,
      sleep: async (ms) => {
        clock.ms += ms;
      },
    };
    const budget = buildRequestBudget({
      clock: hurried,
      pollPerMinute: PER_MINUTE,
      onDemandPerMinute: 0,
    });
    const caller: VaultCaller = {
      clockOffsetMs: () => 0,
      call: async (operation, request, options, interpret) => {
        if (options.budget === 'background') {
          while (!budget.tryTake('background')) await clock.sleep(1_000, options.signal);
        } else {
          await budget.take(options.budget, options.signal);
        }
        this.requestedAt.push(clock.ms);
        if (this.fault === 'hang') clock.ms += 10_000;
        if (this.fault === 'revoked') this.#liveLogin = 'none';
        if (this.fault === 'reset' || this.fault === 'hang') {
          return { ok: false, failure: failureOfError(new Error('x')) };
        }
        return interpret(this.#answer(operation, request.path, request.vaultToken));
      },
    };
    const method: AuthMethod = {
      name: makesLogins ? 'approle' : 'token',
      makesLogins,
      hasNewCredential: async () => false,
      async login(context) {
        if (makesLogins) return requestLogin(context, 'approle', {});
        const login = {
          vaultToken: 'given',
          ttlMs: null,
          renewable: false,
          isAlive: null,
        } as const;
        return { ok: true, login: { ...login, type: 'service' } };
      },
    };
    const session = new LoginSession({
      clock,
      random,
      caller,
      method,
      namespace: null,
      backoffMaxMs: () => INTERVAL_MS,
      timeoutMs: () => 10_000,
      closed: this.#closing.signal,
    });
    const clockOffsetMs = (): number => 0;
    const reader = buildKv2Reader({
      location,
      namespace: null,
      clock,
      caller,
      session,
      clockOffsetMs,
    });
    this.store = new TokenStore({
      field: 'token',
      limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
      shortGraceMs: 180_000,
      now: clock.now(),
    });
    const parts = { store: this.store, reader, clock };
    const { signal } = this.#closing;
    this.attempt = () => attemptRefresh(parts, { budget: 'poll', signal });
    this.rotate();
  }

  close(): void {
    this.#closing.abort();
  }

  rotate(): void {
    this.#createdAt.push(this.clock.now());
  }

  #answer(operation: string, path: string, vaultToken: string | null): VaultAnswer {
    const { fault } = this;
    if (typeof fault === 'number') return { status: fault, headers, bodyText: bodies.bare };
    if (fault === 'garbage') return { status: 200, headers, bodyText: '{"data":' };
    if (operation === 'login') {
      this.#logins += 1;
      this.#liveLogin = `login-${this.#logins}`;
    } else if (vaultToken !== this.#liveLogin) {
      // a given token that was revoked is given back at the end of the fault
      if (vaultToken !== 'given' || fault === 'revoked') {
        return { status: 403, headers, bodyText: bodies.denied };
      }
    }
    if (operation === 'login' || operation === 'renew') {
      const auth = { client_token: this.#liveLogin, lease_duration: 600, renewable: true };
      return { status: 200, headers, bodyText: JSON.stringify({ auth }) };
    }
    if (operation === 'lookup') return { status: 200, headers, bodyText: '{"data":{"ttl":600}}' };
    if (operation === 'revoke') return { status: 204, headers, bodyText: '' };
    return this.#secret(Number(/version=(\d+)/.exec(path)?.[1] ?? 0));
  }

  #secret(asked: number): VaultAnswer {
    const newest = this.#createdAt.length;
    const lagging = this.fault === 'older' ? Math.max(1, newest - 1) : newest;
    const version = asked === 0 ? lagging : asked;
    const createdAt = this.#createdAt[version - 1];
    if (createdAt === undefined) return { status: 404, headers, bodyText: bodies.bare };
    const isDeleted = this.fault === 'deleted' && version === newest;
    const created_time = new Date(createdAt).toISOString();
    const metadata = {
      version,
      created_time,
      destroyed: false,
      deletion_time: isDeleted ? created_time : '',
      custom_metadata: null,
    };
    const token = `token-${version}`.padEnd(32, '.');
    const body = { data: { data: isDeleted ? null : { token }, metadata } };
    return { status: isDeleted ? 404 : 200, headers, bodyText: JSON.stringify(body) };
  }
}

/** null, or what was not as promised. */
async function breaks(
  seed: number,
  seen: Set<string>,
  healed: (ms: number) => void,
): Promise<string | null> {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const world = new World(seed % 2 === 0, random);
  const { clock, store } = world;
  let consecutiveFailures = 0;
  let version = 0;
  let delayMs = 0;
  const attempt = async (): Promise<string> => {
    const isFirstGood = consecutiveFailures > 0;
    const { failure } = await world.attempt();
    consecutiveFailures = failure === null ? 0 : consecutiveFailures + 1;
    const { current } = store.at(clock.now());
    const now = current?.version ?? 0;
    if (now < version) return `version ${now} after ${version}`;
    version = now;
    delayMs = delayAfter({ failure, consecutiveFailures, isFirstGood }, schedule, random);
    return failure?.class ?? 'ok';
  };
  for (let step = 0; step < FAULTS_EACH; step += 1) {
    await clock.advance(delayMs + pick(waits));
    world.fault = pick(faults);
    if (random() < 0.02) world.rotate();
    const outcome = await attempt();
    if (outcome.startsWith('version ')) return outcome;
    seen.add(outcome);
  }
  const over = overBudget(world.requestedAt, { perMinute: PER_MINUTE, burst: PER_MINUTE / 3 });
  if (over !== null) return over;
  world.fault = null;
  const endedMs = clock.ms;
  const told: string[] = [];
  while (told.at(-1) !== 'ok' && clock.ms - endedMs <= LARGEST_WAIT_MS) {
    await clock.advance(delayMs);
    told.push(await attempt());
  }
  world.close();
  const ms = clock.ms - endedMs;
  if (told.at(-1) !== 'ok') return `not healed after ${ms} ms: ${told.join()}`;
  healed(ms);
  return ms > LARGEST_WAIT_MS + PERMITS_MS ? `healed after ${ms} ms: ${told.join()}` : null;
}

async function tryAll({ from, to }: Range): Promise<Tried> {
  const seen = new Set<string>();
  let healedMs = 0;
  for (let seed = from; seed <= to; seed += 1) {
    const broken = await breaks(seed, seen, (ms) => (healedMs = Math.max(healedMs, ms)));
    if (broken !== null) return { broken: `seed ${seed}: ${broken}`, seen: [...seen], healedMs };
  }
  return { broken: null, seen: [...seen], healedMs };
}

parentPort?.postMessage(await tryAll(workerData as Range));
