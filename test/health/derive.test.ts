import t from 'tap';
import fc from 'fast-check';
import {
  type AttemptFacts,
  deriveHealth,
  type HealthFacts,
  isUsable,
  type SnapshotFacts,
} from '../../src/health/derive.js';
import { failureClasses } from '../../src/health/failure.js';

const NOW = Date.parse('2026-01-01T01:00:00.000Z');
const now = { wallMs: NOW, monotonicMs: 3_600_000, clockOffsetMs: 0 };
const limits = { maxStaleMs: 72 * 3_600_000 };

const good: AttemptFacts = {
  attempts: 3,
  lastAttemptAt: NOW - 1000,
  lastSuccessAt: NOW - 1000,
  lastChangeAt: NOW - 50_000,
  nextAttemptAt: NOW + 59_000,
  lastRefreshOk: true,
  consecutiveFailures: 0,
  error: null,
  confirmedMonotonicMs: now.monotonicMs - 1000,
};
const failing: AttemptFacts = {
  ...good,
  lastRefreshOk: false,
  consecutiveFailures: 2,
  error: { class: 'vault_sealed', since: NOW - 5000, message: 'unseal it' },
};
const none: AttemptFacts = {
  attempts: 0,
  lastAttemptAt: null,
  lastSuccessAt: null,
  lastChangeAt: null,
  nextAttemptAt: null,
  lastRefreshOk: null,
  consecutiveFailures: 0,
  error: null,
  confirmedMonotonicMs: null,
};
const current: SnapshotFacts = {
  current: {
    source: 'vault',
    version: 7,
    createdAt: NOW - 90_500,
    expiresAt: null,
    deletionAt: null,
  },
  missing: null,
  last: null,
  superseded: [{ version: 6, usableUntil: NOW + 1000 }],
  pending: [{ version: 8, notBeforeAt: NOW + 2000 }],
};
const absent: SnapshotFacts = {
  current: null,
  missing: 'absent',
  last: null,
  superseded: [],
  pending: [],
};

function factsOf(
  snapshot: SnapshotFacts,
  attempts: AttemptFacts,
  more: Partial<HealthFacts> = {},
): HealthFacts {
  return {
    mode: 'vault',
    agentId: 'app-0',
    version: '0.1.0',
    startedMonotonicMs: now.monotonicMs - 40_900,
    tokens: [{ name: 'default', required: true, snapshot, attempts }],
    vault: {
      address: 'http://127.0.0.1:8200',
      authenticated: true,
      login_expires_at: null,
      clock_offset_seconds: 0,
    },
    ...more,
  };
}

t.test('a fresh token: the whole body', async (t) => {
  t.strictSame(deriveHealth(factsOf(current, good), limits, now), {
    status: 'ok',
    token_age_seconds: 90,
    last_refresh_ok: true,
    mode: 'vault',
    agent_id: 'app-0',
    version: '0.1.0',
    uptime_seconds: 40,
    tokens: {
      default: {
        state: 'fresh',
        usable: true,
        version: 7,
        source: 'vault',
        created_at: '2026-01-01T00:58:29.500Z',
        age_seconds: 90,
        last_attempt_at: '2026-01-01T00:59:59.000Z',
        last_success_at: '2026-01-01T00:59:59.000Z',
        last_change_at: '2026-01-01T00:59:10.000Z',
        next_attempt_at: '2026-01-01T01:00:59.000Z',
        last_refresh_ok: true,
        consecutive_failures: 0,
        error: null,
        superseded: [{ version: 6, usable_until: '2026-01-01T01:00:01.000Z' }],
        pending: { version: 8, not_before: '2026-01-01T01:00:02.000Z' },
        stale_at: '2026-01-04T00:59:59.000Z',
        expires_at: null,
      },
    },
    vault: {
      address: 'http://127.0.0.1:8200',
      authenticated: true,
      login_expires_at: null,
      clock_offset_seconds: 0,
    },
  });
});

t.test('a failed refresh degrades, keeps the token usable and names the class', async (t) => {
  const health = deriveHealth(factsOf(current, failing), limits, now);
  t.match(health, {
    status: 'degraded',
    last_refresh_ok: false,
    tokens: {
      default: {
        state: 'stale',
        usable: true,
        error: { class: 'vault_sealed', since: '2026-01-01T00:59:55.000Z', message: 'unseal it' },
      },
    },
  });
});

t.test('before the first attempt it is starting, after a failed one unavailable', async (t) => {
  t.equal(deriveHealth(factsOf(absent, none), limits, now).status, 'starting');
  const tried = { ...failing, lastSuccessAt: null };
  const health = deriveHealth(factsOf(absent, tried), limits, now);
  t.equal(health.status, 'unavailable');
  t.equal(health.token_age_seconds, null);
  t.equal(health.tokens['default']?.source, null);
});

t.test('half of max_stale without a confirmation degrades, all of it expires', async (t) => {
  const confirmedFor = (ms: number) => ({ ...good, confirmedMonotonicMs: now.monotonicMs - ms });
  const statusAfter = (ms: number) =>
    deriveHealth(factsOf(current, confirmedFor(ms)), { maxStaleMs: 1_000_000 }, now);
  t.equal(statusAfter(499_999).status, 'ok');
  t.equal(statusAfter(500_000).status, 'degraded');
  t.equal(statusAfter(1_000_000).status, 'degraded');
  t.match(statusAfter(1_000_001), {
    status: 'unavailable',
    tokens: { default: { state: 'expired', usable: false } },
  });
});

t.test(
  'past its expires_at, on Vault’s clock, a token is expired however fresh the last read',
  async (t) => {
    const ending = { ...absent, missing: null, current: { ...current.current!, expiresAt: NOW } };
    const stateAt = (clockOffsetMs: number) => {
      const at = { ...now, clockOffsetMs };
      const facts = factsOf(ending, good);
      const { status, tokens } = deriveHealth(facts, limits, at);
      return [status, tokens['default']?.state, isUsable(facts, limits, at)];
    };
    t.same(stateAt(-1), ['ok', 'fresh', true]);
    t.same(stateAt(0), ['unavailable', 'expired', false]);
    t.same(stateAt(3_600_000), ['unavailable', 'expired', false]);
  },
);

t.test('max_stale 0 is no limit', async (t) => {
  const old = { ...failing, confirmedMonotonicMs: -1e12 };
  const health = deriveHealth(factsOf(current, old), { maxStaleMs: Infinity }, now);
  t.match(health, { status: 'degraded', tokens: { default: { state: 'stale', stale_at: null } } });
});

t.test('age is counted on Vault’s clock and never negative', async (t) => {
  const ageAt = (clockOffsetMs: number) =>
    deriveHealth(factsOf(current, good), limits, { ...now, clockOffsetMs }).token_age_seconds;
  t.equal(ageAt(10_000), 100);
  t.equal(ageAt(-3_600_000), 0);
});

t.test('an initial token is usable and is not confirmed by Vault', async (t) => {
  const initial: SnapshotFacts = {
    ...absent,
    missing: null,
    current: {
      source: 'initial',
      version: null,
      createdAt: NOW - 10_000,
      expiresAt: NOW + 1000,
      deletionAt: null,
    },
  };
  t.match(deriveHealth(factsOf(initial, none), limits, now), {
    status: 'ok',
    token_age_seconds: 10,
    last_refresh_ok: null,
    tokens: { default: { state: 'initial', version: null, created_at: null } },
  });
});

t.test('static mode: no refresh, no Vault, and it says so', async (t) => {
  const token: SnapshotFacts = {
    ...absent,
    missing: null,
    current: {
      source: 'static',
      version: null,
      createdAt: NOW - 5000,
      expiresAt: null,
      deletionAt: null,
    },
  };
  const health = deriveHealth(factsOf(token, none, { mode: 'static', vault: null }), limits, now);
  t.match(health, {
    status: 'ok',
    last_refresh_ok: null,
    vault: null,
    tokens: { default: { state: 'static', source: 'static', last_attempt_at: null } },
  });
});

t.test('the top level tells the oldest usable age and the worst outcome', async (t) => {
  const older = { ...current, current: { ...current.current!, createdAt: NOW - 500_000 } };
  const tokens = [
    { name: 'a', required: true, snapshot: current, attempts: good },
    { name: 'b', required: false, snapshot: older, attempts: failing },
    { name: 'c', required: false, snapshot: absent, attempts: none },
  ];
  const health = deriveHealth(factsOf(current, good, { tokens }), limits, now);
  t.equal(health.token_age_seconds, 500);
  t.equal(health.last_refresh_ok, false);
  t.equal(health.status, 'degraded', 'not required: 200 all the same');
});

t.test('a revoked token tells which one it was', async (t) => {
  const revoked: SnapshotFacts = { ...absent, missing: 'revoked', last: current.current };
  t.match(deriveHealth(factsOf(revoked, failing), limits, now), {
    status: 'unavailable',
    token_age_seconds: null,
    tokens: { default: { state: 'revoked', usable: false, version: 7 } },
  });
});

const instant = fc.integer({ min: NOW - 1e9, max: NOW + 1e9 });
const anyCurrent = fc.record({
  source: fc.constantFrom('vault', 'initial', 'static'),
  version: fc.option(fc.nat()),
  createdAt: instant,
  expiresAt: fc.option(instant),
  deletionAt: fc.option(instant),
});
const anyToken = fc.record({
  name: fc.constantFrom('default', 'other'),
  required: fc.boolean(),
  snapshot: fc.record({
    current: fc.option(anyCurrent),
    missing: fc.constantFrom('absent', 'revoked', 'expired'),
    last: fc.option(anyCurrent),
    superseded: fc.array(fc.record({ version: fc.option(fc.nat()), usableUntil: instant })),
    pending: fc.array(fc.record({ version: fc.nat(), notBeforeAt: instant })),
  }),
  attempts: fc.record({
    attempts: fc.nat(3),
    lastAttemptAt: fc.option(instant),
    lastSuccessAt: fc.option(instant),
    lastChangeAt: fc.option(instant),
    nextAttemptAt: fc.option(fc.double({ noNaN: true })),
    lastRefreshOk: fc.option(fc.boolean()),
    consecutiveFailures: fc.nat(),
    error: fc.option(
      fc.record({
        class: fc.constantFrom(...failureClasses),
        since: instant,
        message: fc.string(),
      }),
    ),
    confirmedMonotonicMs: fc.option(fc.integer({ min: -1e9, max: 1e9 })),
  }),
}) as fc.Arbitrary<HealthFacts['tokens'][number]>;

t.test('in no state is a required token unusable and the agent ready', async () => {
  fc.assert(
    fc.property(
      fc.array(anyToken, { maxLength: 3 }),
      fc.constantFrom(1000, 3_600_000, Infinity),
      fc.record({ wallMs: instant, monotonicMs: fc.nat(2e9), clockOffsetMs: fc.integer() }),
      (generated, maxStaleMs, at) => {
        const tokens = generated.map((token, index) => ({ ...token, name: String(index) }));
        const facts = factsOf(absent, none, { tokens });
        const health = deriveHealth(facts, { maxStaleMs }, at);
        const isReady = isUsable(facts, { maxStaleMs }, at);
        const unusable = tokens.some(
          (token) => token.required && health.tokens[token.name]?.usable !== true,
        );
        // read a second time, in the words of the documentation
        const isGone = tokens.some(
          ({ required, snapshot: { current }, attempts: { confirmedMonotonicMs } }) =>
            required &&
            (current === null ||
              (current.expiresAt !== null && current.expiresAt <= at.wallMs + at.clockOffsetMs) ||
              (current.source === 'vault' &&
                at.monotonicMs - (confirmedMonotonicMs ?? -Infinity) > maxStaleMs)),
        );
        const isServing = health.status === 'ok' || health.status === 'degraded';
        const usableHaveState = Object.values(health.tokens).every(
          ({ usable, state }) => usable === !['expired', 'revoked', 'absent'].includes(state),
        );
        return (
          isReady === !isGone && isReady === !unusable && isReady === isServing && usableHaveState
        );
      },
    ),
    { numRuns: 20_000 },
  );
});
