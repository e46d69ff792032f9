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

const FAULTS_EACH = 200;
const PER_MINUTE = 30;
const INTERVAL_MS = 60_000;
const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'default', path: 'token' };
const schedule = { intervalMs: INTERVAL_MS, jitterMs: 10_000 };
const EPOCH = Date.parse('2026-01-01T00:00:00Z');

/** Small, seeded, good enough to choose faults by (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Time that the simulation moves. What sleeps behind the back of reads wakes when it is due. */
class SimulatedClock implements Clock {
  ms = 0;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  now = (): number => EPOCH + this.ms;
  monotonicMs = (): number => this.ms;

  sleep(ms: number, aborted?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(new Error('aborted'));
      };
      const wake = (): void => {
        aborted?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { atMs: this.ms + ms, wake };
      this.#sleepers.push(sleeper);
      aborted?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.ms + ms;
    for (;;) {
      let next = this.#sleepers[0];
      for (const sleeper of this.#sleepers) if (next && sleeper.atMs < next.atMs) next = sleeper;
      if (next === undefined || next.atMs > endMs) break;
      this.ms = Math.max(this.ms, next.atMs);
      const woken = next;
      this.#sleepers = this.#sleepers.filter((other) => other !== woken);
      woken.wake();
      for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
    }
    this.ms = Math.max(this.ms, endMs);
  }
}

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

class World {
  readonly clock = new SimulatedClock();
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
async function breaks(seed: number, seen: Set<string>): Promise<string | null> {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const world = new World(seed % 2 === 0, random);
  const { clock, store } = world;
  let consecutiveFailures = 0;
  let version = 0;
  const attempt = async (): Promise<string> => {
    const isFirstGood = consecutiveFailures > 0;
    const { failure } = await world.attempt();
    consecutiveFailures = failure === null ? 0 : consecutiveFailures + 1;
    const { current } = store.at(clock.now());
    const now = current?.version ?? 0;
    if (now < version) return `version ${now} after ${version}`;
    version = now;
    await clock.advance(
      delayAfter({ failure, consecutiveFailures, isFirstGood }, schedule, random),
    );
    return failure?.class ?? 'ok';
  };
  for (let step = 0; step < FAULTS_EACH; step += 1) {
    world.fault = pick(faults);
    if (random() < 0.02) world.rotate();
    const outcome = await attempt();
    if (outcome.startsWith('version ')) return outcome;
    seen.add(outcome);
    const wait = pick(waits);
    if (wait > 0) await clock.advance(wait);
  }
  for (const [index, at] of world.requestedAt.entries()) {
    const earlier = world.requestedAt[index - PER_MINUTE];
    if (earlier !== undefined && at - earlier < 60_000) return `over the budget at ${at}`;
  }
  world.fault = null;
  const endedMs = clock.ms;
  let attempts = 0;
  for (let outcome = ''; outcome !== 'ok'; attempts += 1) {
    if (attempts === 8) return `not healed by the eighth attempt: ${outcome}`;
    outcome = await attempt();
  }
  world.close();
  // one attempt may find the login dead, the next one is at most the largest backoff (and its jitter) later
  const within = 2 * (schedule.intervalMs + schedule.jitterMs);
  return clock.ms - endedMs > within + INTERVAL_MS ? `healed after ${clock.ms - endedMs} ms` : null;
}

/** A range of seeds to try, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What came of it. */
export interface Tried {
  /** null, or the first seed that broke a promise and which. */
  readonly broken: string | null;
  /** The outcomes that occurred. */
  readonly seen: readonly string[];
}

async function tryAll({ from, to }: Range): Promise<Tried> {
  const seen = new Set<string>();
  for (let seed = from; seed <= to; seed += 1) {
    const broken = await breaks(seed, seen);
    if (broken !== null) return { broken: `seed ${seed}: ${broken}`, seen: [...seen] };
  }
  return { broken: null, seen: [...seen] };
}

parentPort?.postMessage(await tryAll(workerData as Range));
