// The same promises, with everything that waits: the agent's own loop, its way over three addresses, its AppRole logins
// with their life of ten minutes, callers who trigger refreshes, and a Vault that rotates, destroys, and is rotated under.
// What is true of the token is reckoned here from what Vault answered, and compared with what the agent says.
import { parentPort, workerData } from 'node:worker_threads';
import { isTokenUsable } from '../../src/health/derive.js';
import { RefreshLoop } from '../../src/refresh/loop.js';
import { Outage } from '../../src/refresh/outage.js';
import { TokenStore } from '../../src/token/store.js';
import { buildAddresses } from '../../src/vault/addresses.js';
import { buildConfiguredAuth } from '../../src/vault/auth/configured-auth.js';
import { buildKv2Reader } from '../../src/vault/kv2-reader.js';
import { LoginSession } from '../../src/vault/login-session.js';
import type { VaultRequest } from '../../src/vault/node-vault-requests.js';
import { buildRequestBudget } from '../../src/vault/request-budget.js';
import type { VaultAnswer } from '../../src/vault/vault-answer.js';
import { buildVaultCaller } from '../../src/vault/vault-caller.js';
import type { VaultNode } from '../../src/vault/vault-node.js';
import { setting, testAuth } from './build-test-client.js';
import { generator, overBudget, SimulatedClock, type Range, type Tried } from './simulated-time.js';

const FAULTS_EACH = 200;
const INTERVAL_MS = 60_000;
const JITTER_MS = 10_000;
const TIMEOUT_MS = 10_000;
const MAX_STALE_MS = 600_000;
const LOGIN_TTL_S = 600;
/** The token, and for every other seed a second secret of the same Vault. */
const SECRETS_MAX = 2;
const RETRY_AFTER_S = 120;
const perMinute = { pollPerMinute: 30, onDemandPerMinute: 6 };
/** A third of each share, and on demand the reads of one sequence. */
const allowed = { perMinute: 36, burst: 10 + 5 };
/** The attempt that was under way when the last fault ended: the first answer that is missing ends it. */
const UNDER_WAY_MS = TIMEOUT_MS;
/** A read, a look at the login, another login, the read again, for each: what they may wait for their permits. */
const PERMITS_MS = (SECRETS_MAX * 4 * 60_000) / perMinute.pollPerMinute;
/** What the schedule can draw at most: an interval or the largest backoff, with the jitter of who was told to wait. */
const LARGEST_WAIT_MS = INTERVAL_MS + JITTER_MS;
/** Where Vault itself asked for more. */
const TOLD_WAIT_MS = RETRY_AFTER_S * 1_000 + JITTER_MS;
const addresses = ['https://one', 'https://two', 'https://three'];
const settings = {
  intervalMs: INTERVAL_MS,
  jitterMs: JITTER_MS,
  startSplayMs: INTERVAL_MS,
  timeoutMs: TIMEOUT_MS,
};

type Fault = number | 'reset' | 'hang' | 'slow' | 'garbage' | 'lagging' | 'deleted' | null;
const faults: readonly Fault[] = [
  ...([null, null, null, 'reset', 'hang', 'slow', 'garbage', 'lagging', 'deleted'] as const),
  ...[204, 307, 400, 403, 404, 429, 500, 502, 503],
];
/** Beside the time until the next attempt. */
const times = [1, 50, 1_000, 5_000, 61_000, 400_000, 900_000];

const none = { date: null, retryAfter: null, location: null };
function answer(status: number, body: unknown, headers = none): VaultAnswer {
  return { status, headers, bodyText: JSON.stringify(body) };
}
const denied = answer(403, { errors: ['permission denied'] });
const bare = answer(404, { errors: [] });

interface Version {
  readonly createdAt: number;
  isDestroyed: boolean;
}

/** What Vault is, and what it has said. */
class Vault {
  readonly requestedAt: number[] = [];
  readonly faults: Fault[] = addresses.map(() => null);
  readonly #clock: SimulatedClock;
  readonly #versions: Version[] = [];
  readonly #logins = new Map<string, { endsMs: number; readonly lastMs: number }>();
  /** The newest, when it was met for the first time and gone. */
  #startedOn: number | null = null;
  #made = 0;
  active = 2;
  /** The highest version that the newest was said to be. */
  told = 0;
  /** The highest that was seen alive: as the newest, or behind a newest that is gone, looked back at. */
  live = 0;
  isDestroyed = false;
  isConfirmed = false;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
    this.rotate();
  }

  rotate(): void {
    this.#versions.push({ createdAt: this.#clock.now(), isDestroyed: false });
  }

  destroyNewest(): void {
    const newest = this.#versions.at(-1);
    if (newest !== undefined) newest.isDestroyed = true;
  }

  revokeLogins(): void {
    this.#logins.clear();
  }

  node(index: number): VaultNode {
    const address = addresses[index] ?? '';
    const stop = (): void => undefined;
    const request: VaultNode['request'] = async (asked, _, signal) => {
      this.requestedAt.push(this.#clock.ms);
      const fault = this.faults[index] ?? null;
      if (fault === 'reset') throw new Error('reset');
      if (fault === 'hang') await this.#clock.sleep(3_600_000, signal);
      if (fault === 'slow') await this.#clock.sleep(3_000, signal);
      return this.#answer(index, asked, fault);
    };
    return { address, request, clockOffsetMs: () => 0, retire: stop, close: async () => undefined };
  }

  #answer(index: number, { path, vaultToken }: VaultRequest, fault: Fault): VaultAnswer {
    if (typeof fault === 'number') {
      const location = `${addresses[this.active] ?? ''}/v1/${path}`;
      const headers = { ...none, location: fault === 307 ? location : null };
      const isTimed = fault === 429 && path !== 'sys/health';
      return answer(fault, { errors: [] }, {
        ...headers,
        retryAfter: isTimed ? String(RETRY_AFTER_S) : null,
      } as typeof none);
    }
    if (fault === 'garbage') return { status: 200, headers: none, bodyText: '{"data":' };
    if (path === 'sys/health') return answer(index === this.active ? 200 : 429, {});
    if (path.endsWith('/login')) return this.#login();
    const login = this.#logins.get(vaultToken ?? '');
    if (login === undefined || login.endsMs <= this.#clock.ms) return denied;
    if (path.endsWith('/lookup-self')) return answer(200, { data: { ttl: LOGIN_TTL_S } });
    if (path.endsWith('/renew-self')) return this.#renew(login);
    if (path.endsWith('/revoke-self')) {
      this.#logins.delete(vaultToken ?? '');
      return answer(204, '');
    }
    if (!path.includes('/data/')) return denied;
    const asked = Number(/version=(\d+)/.exec(path)?.[1] ?? 0);
    return this.#secret(index, asked, fault, path.includes('/token'));
  }

  #login(): VaultAnswer {
    this.#made += 1;
    const { ms } = this.#clock;
    const lastMs = ms + 6 * LOGIN_TTL_S * 1_000;
    this.#logins.set(`login-${this.#made}`, { endsMs: ms + LOGIN_TTL_S * 1_000, lastMs });
    const lease_duration = LOGIN_TTL_S;
    const auth = { client_token: `login-${this.#made}`, lease_duration, renewable: true };
    return answer(200, { auth: { ...auth, token_type: 'service', num_uses: 0 } });
  }

  /** Near its last moment ever less is granted. */
  #renew(login: { endsMs: number; readonly lastMs: number }): VaultAnswer {
    const { ms } = this.#clock;
    login.endsMs = Math.min(login.lastMs, ms + LOGIN_TTL_S * 1_000);
    const lease_duration = Math.floor((login.endsMs - ms) / 1_000);
    return answer(200, { auth: { client_token: 'x', lease_duration, renewable: true } });
  }

  #secret(index: number, asked: number, fault: Fault, isReckoned: boolean): VaultAnswer {
    const isLagging = fault === 'lagging' && index !== this.active;
    const newest = Math.max(1, this.#versions.length - (isLagging ? 1 : 0));
    const version = asked === 0 ? newest : asked;
    const held = version <= newest ? this.#versions[version - 1] : undefined;
    if (held === undefined) return bare;
    const isDeleted = fault === 'deleted' && version === newest;
    const isGone = isDeleted || held.isDestroyed;
    if (isReckoned) this.#reckon(asked, version, isGone, held.isDestroyed);
    const created_time = new Date(held.createdAt).toISOString();
    const metadata = {
      version,
      created_time,
      destroyed: held.isDestroyed,
      deletion_time: isDeleted ? created_time : '',
      custom_metadata: null,
    };
    const token = `token-${version}`.padEnd(32, '.');
    return answer(isGone ? 404 : 200, { data: { data: isGone ? null : { token }, metadata } });
  }

  #reckon(asked: number, version: number, isGone: boolean, isDestroyed: boolean): void {
    if (asked === 0) this.#tell(version, isGone);
    else if (!isGone && this.#isWanted(version)) this.#see(version);
    if (version === this.live && isDestroyed) this.isDestroyed = true;
  }

  #tell(version: number, isGone: boolean): void {
    const isTaken = version >= this.told || this.#isWanted(version);
    this.told = Math.max(this.told, version);
    if (isGone) this.#startedOn ??= version;
    else if (isTaken) this.#see(version);
  }

  /** The one seen last or a newer one, also behind a newest that is gone; at first, from the one that was gone on. */
  #isWanted(version: number): boolean {
    return version >= (this.live > 0 ? this.live : (this.#startedOn ?? Infinity));
  }

  #see(version: number): void {
    if (version > this.live) this.isDestroyed = false;
    this.live = version;
    this.isConfirmed = true;
  }
}

/** Nothing here does IO: after this, whoever could go on without time has. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function storeAt(clock: SimulatedClock): TokenStore {
  return new TokenStore({
    field: 'token',
    limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
    shortGraceMs: 180_000,
    now: clock.now(),
  });
}

class Agent {
  readonly clock = new SimulatedClock(settle);
  readonly vault = new Vault(this.clock);
  readonly outcomes: string[] = [];
  toldToWaitMs = -Infinity;
  readonly loop: RefreshLoop;
  readonly loops: readonly RefreshLoop[];
  readonly store: TokenStore;
  readonly #closing = new AbortController();
  #confirmedMs: number | null = null;
  #version = 0;
  #crash: string | null = null;

  constructor(random: () => number, secrets: number) {
    const { clock, vault } = this;
    const closed = this.#closing.signal;
    const budget = buildRequestBudget({ clock, ...perMinute });
    const caller = buildVaultCaller({
      clock,
      budget,
      closed,
      route: {
        addresses: buildAddresses(addresses),
        nodes: new Map(addresses.map((address, index) => [address, vault.node(index)])),
        tlsFiles: { read: async () => ({ ca: null, cert: null, key: null, serverName: null }) },
        timeoutMs: TIMEOUT_MS,
        retire: () => undefined,
        close: async () => undefined,
      },
    });
    const auth = {
      ...testAuth,
      method: 'approle',
      mount: 'approle',
      roleId: setting('role'),
      secretId: setting('secret'),
    } as const;
    const nothing = (): void => undefined;
    const session = new LoginSession({
      clock,
      random,
      caller,
      closed,
      method: buildConfiguredAuth(auth, { readFile: async () => '', onWarning: nothing }),
      namespace: null,
      backoffMaxMs: () => INTERVAL_MS,
      timeoutMs: () => TIMEOUT_MS,
    });
    const clockOffsetMs = (): number => 0;
    const outage = new Outage(clock);
    const loopOf = (path: string, store: TokenStore, onAttempt: () => void): RefreshLoop => {
      const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'x', path };
      const reading = { location, namespace: null, clock, caller, session, clockOffsetMs };
      return new RefreshLoop({
        name: path,
        store,
        reader: buildKv2Reader(reading),
        settings,
        clock,
        random,
        outage,
        onAttempt: ({ failure }) => {
          this.outcomes.push(failure?.class ?? 'ok');
          if (failure?.class === 'vault_rate_limited') this.toldToWaitMs = clock.ms;
          onAttempt();
        },
      });
    };
    this.store = storeAt(clock);
    this.loop = loopOf('token', this.store, () => {
      if (vault.isConfirmed) this.#confirmedMs = clock.ms;
      vault.isConfirmed = false;
    });
    const other = loopOf('other', storeAt(clock), () => undefined);
    this.loops = [this.loop, other].slice(0, secrets);
  }

  /** The loops run from now on; what they reject with is told by `untruth`. */
  start(): void {
    for (const loop of this.loops) {
      loop.start().catch((error: unknown) => {
        this.#crash = error instanceof Error ? error.message : 'for no reason';
      });
    }
  }

  /** Every secret was read well since `at`. */
  isHealed(at: number): boolean {
    return this.loops.every(
      ({ record }) => record.lastRefreshOk === true && (record.lastSuccessAt ?? 0) >= at,
    );
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('closed'));
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }

  /** null, or what is not as it should be. */
  untruth(): string | null {
    if (this.#crash !== null) return `the loop ended: ${this.#crash}`;
    for (const loop of this.loops) {
      const late = loop.lateness();
      if (late !== null) return late;
    }
    const { clock, vault, loop, store } = this;
    const snapshot = store.at(clock.now());
    const version = snapshot.current?.version ?? this.#version;
    if (version < this.#version) return `version ${version} after ${this.#version}`;
    this.#version = version;
    const now = { wallMs: clock.now(), monotonicMs: clock.ms, clockOffsetMs: 0 };
    const limits = { maxStaleMs: MAX_STALE_MS };
    const isUsable = isTokenUsable({ snapshot, attempts: loop.record }, limits, now);
    const staleMs = this.#confirmedMs === null ? Infinity : clock.ms - this.#confirmedMs;
    const should = vault.live > 0 && !vault.isDestroyed && staleMs <= MAX_STALE_MS;
    if (isUsable === should) return null;
    return `usable: ${String(isUsable)}, but ${JSON.stringify({ should, staleMs, live: vault.live, told: vault.told, isDestroyed: vault.isDestroyed, version: snapshot.current?.version ?? null, missing: snapshot.missing })}`;
  }
}

/** null, or what was not as promised. */
async function breaks(seed: number, seen: Set<string>, healed: (ms: number) => void) {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const agent = new Agent(random, 1 + (seed % SECRETS_MAX));
  const { clock, vault, outcomes } = agent;
  agent.start();
  try {
    const untilAttempt = async (): Promise<string | null> => {
      const before = outcomes.length;
      while (outcomes.length === before) {
        const nextMs = clock.nextMs();
        if (nextMs === Infinity) return 'it waits for nothing';
        await clock.advance(Math.max(0, nextMs - clock.ms));
        const untruth = agent.untruth();
        if (untruth !== null) return untruth;
      }
      return null;
    };
    for (let step = 0; step < FAULTS_EACH; step += 1) {
      const fault = pick(faults);
      if (random() < 0.7) vault.faults.fill(fault);
      else vault.faults[Math.floor(random() * 3)] = fault;
      if (random() < 0.02) vault.rotate();
      if (random() < 0.03) vault.revokeLogins();
      if (random() < 0.005) vault.destroyNewest();
      if (random() < 0.02) vault.active = Math.floor(random() * 3);
      if (random() < 0.05) agent.loop.refresh('on_demand').catch(() => undefined);
      await settle();
      // the process was stopped for up to half an hour
      if (random() < 0.01) clock.ms += random() * 1_800_000;
      let broken: string | null = null;
      if (random() < 0.9) broken = await untilAttempt();
      else await clock.advance(pick(times));
      broken ??= agent.untruth();
      if (broken !== null) return `step ${step}: ${broken}`;
    }
    for (const outcome of outcomes) seen.add(outcome);
    vault.faults.fill(null);
    vault.rotate();
    const endedMs = clock.ms;
    const endedAt = clock.now();
    const before = outcomes.length;
    do {
      const untruth = await untilAttempt();
      if (untruth !== null) return `healing: ${untruth}`;
    } while (!agent.isHealed(endedAt) && clock.ms - endedMs <= MAX_STALE_MS);
    const ms = clock.ms - endedMs;
    healed(ms);
    const isTold = agent.toldToWaitMs > endedMs - TOLD_WAIT_MS;
    const waitMs = isTold ? TOLD_WAIT_MS : LARGEST_WAIT_MS;
    if (ms > UNDER_WAY_MS + waitMs + PERMITS_MS) {
      return `healed after ${ms} ms: ${outcomes.slice(before - 1).join()}`;
    }
    return overBudget(vault.requestedAt, allowed);
  } finally {
    await agent.close();
  }
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
