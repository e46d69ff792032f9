// Settings that bound each other: what yields, how far, and what is refused.
import fc from 'fast-check';
import t from 'tap';
import { steadyNeedPerMinute } from '../../src/config/steady-need.js';
import { resolveTiming } from '../../src/config/timing.js';
import type { Given, WrittenTiming } from '../../src/config/timing.js';
import { problemsOf, settingsOf, warningsOf, withVault } from './loading.js';

const hour = 3_600_000;

async function timing(flags: readonly string[]): Promise<Record<string, number | undefined>> {
  const { refresh, token, signature, vault } = await settingsOf({ env: withVault, flags });
  return {
    interval: refresh.intervalMs,
    jitter: refresh.jitterMs,
    grace: token.graceMs,
    stale: refresh.maxStaleMs,
    demand: refresh.onDemandPerMinute,
    budget: vault?.requestsPerMinute,
    skew: signature.maxSkewMs,
    replay: signature.replayTtlMs,
  };
}

t.test('defaults follow from what is written, and yield to it', async (t) => {
  const cases: [flags: string[], expected: Record<string, number>][] = [
    [
      [],
      {
        interval: 60_000,
        jitter: 10_000,
        grace: 300_000,
        stale: 72 * hour,
        demand: 6,
        budget: 60,
        skew: 300_000,
        replay: 600_000,
      },
    ],
    [['refresh.interval=12s'], { jitter: 2_000, grace: 300_000 }],
    [['refresh.interval=10m'], { jitter: 10_000, grace: 3 * 610_000 }],
    [['refresh.interval=1s'], { jitter: 166, budget: 751 }],
    [['refresh.jitter=30s'], { interval: 60_000, grace: 300_000 }],
    [['refresh.jitter=2m'], { interval: 120_000, jitter: 120_000, grace: 720_000 }],
    [['refresh.start_splay=5m'], { interval: 300_000, jitter: 10_000 }],
    [['refresh.max_stale=30s'], { interval: 30_000, jitter: 5_000 }],
    [['refresh.max_stale=0'], { stale: Infinity, interval: 60_000 }],
    [['token.grace=60s'], { interval: 17_142, jitter: 2_857 }],
    [['token.grace=3s'], { interval: 1_000, jitter: 0 }],
    [['token.grace=60s', 'refresh.interval=18s'], { interval: 18_000, jitter: 2_000 }],
    [['token.grace=60s', 'refresh.jitter=5s'], { interval: 15_000, jitter: 5_000 }],
    [['token.grace=0'], { interval: 60_000, grace: 0 }],
    [['token.grace=10m'], { interval: 60_000, jitter: 10_000 }],
    [['tokens.default.grace=60s'], { interval: 17_142, grace: 300_000 }],
    [['signature.replay_ttl=60s'], { skew: 30_000 }],
    [['signature.replay_ttl=1h'], { skew: 300_000 }],
    [['signature.max_skew=10s'], { replay: 20_000 }],
    [['vault.requests_per_minute=30'], { demand: 4, interval: 60_000 }],
    [['vault.requests_per_minute=10'], { demand: 1, interval: 75_000 }],
    [['vault.requests_per_minute=1'], { demand: 0, interval: 450_000 }],
    [['refresh.on_demand_per_minute=100'], { budget: 530 }],
    [['refresh.on_demand_per_minute=0'], { budget: 30 }],
    [['token.superseded_max=16'], { budget: 37 + 30 }],
  ];
  for (const [flags, expected] of cases) t.match(await timing(flags), expected, flags.join(' '));
});

t.test('two written values that exclude each other are an error that names both', async (t) => {
  const cases: [flags: string[], key: string, other: string][] = [
    [['refresh.jitter=61s', 'refresh.interval=60s'], 'refresh.jitter', 'refresh.interval'],
    [
      ['refresh.start_splay=61s', 'refresh.interval=60s'],
      'refresh.start_splay',
      'refresh.interval',
    ],
    [['refresh.max_stale=59s', 'refresh.interval=60s'], 'refresh.max_stale', 'refresh.interval'],
    [['token.grace=179s', 'refresh.interval=60s'], 'token.grace', 'refresh.interval'],
    [['token.grace=60s', 'refresh.jitter=15s'], 'refresh.jitter', 'token.grace'],
    [['refresh.jitter=60s', 'refresh.max_stale=30s'], 'refresh.jitter', 'refresh.max_stale'],
    [
      ['tokens.default.grace=60s', 'refresh.interval=60s'],
      'tokens.default.grace',
      'refresh.interval',
    ],
    [
      ['signature.replay_ttl=60s', 'signature.max_skew=31s'],
      'signature.replay_ttl',
      'signature.max_skew',
    ],
    [
      ['vault.requests_per_minute=300', 'refresh.interval=1s'],
      'vault.requests_per_minute',
      'refresh.interval',
    ],
    [
      ['vault.requests_per_minute=6', 'refresh.interval=60s'],
      'vault.requests_per_minute',
      'refresh.interval',
    ],
    [
      ['vault.requests_per_minute=30', 'refresh.on_demand_per_minute=6'],
      'vault.requests_per_minute',
      'refresh.on_demand_per_minute',
    ],
    [
      ['vault.requests_per_minute=5', 'refresh.max_stale=60s'],
      'vault.requests_per_minute',
      'refresh.max_stale',
    ],
  ];
  for (const [flags, key, other] of cases) {
    const problems = await problemsOf({ env: withVault, flags });
    t.equal(problems.length, 1, flags.join(' '));
    t.ok(problems[0]?.startsWith(`${key}: `) && problems[0].includes(other), flags.join(' '));
  }
});

t.test('names are told as they were written', async (t) => {
  const env = { ...withVault, SIGNATURE_MAX_SKEW_SECS: '400', REPLAY_TTL_SECS: '700' };
  const [problem] = await problemsOf({ env });
  t.match(problem, /^REPLAY_TTL_SECS: is shorter than 2 × SIGNATURE_MAX_SKEW_SECS/);
});

t.test('a budget that leaves nothing for refreshes on demand is told', async (t) => {
  t.match(await warningsOf({ env: withVault, flags: ['vault.requests_per_minute=1'] }), [
    /refreshes on demand/,
  ]);
  t.match(await warningsOf({ env: withVault, flags: ['refresh.on_demand_per_minute=0'] }), []);
});

t.test(
  'steady need: each token and what it superseded, the clients, a renewal in five minutes',
  async (t) => {
    t.equal(steadyNeedPerMinute({ tokens: 1, supersededMax: 4, intervalMs: 60_000 }), 6.2);
    t.equal(steadyNeedPerMinute({ tokens: 3, supersededMax: 1, intervalMs: 30_000 }), 14.2);
  },
);

t.test(
  'whatever is written, the outcome keeps every limit or a problem names what does not',
  async (t) => {
    const given = (name: string, min: number, max: number): fc.Arbitrary<Given | undefined> =>
      fc.option(
        fc.integer({ min, max }).map((value) => ({ name, value })),
        { nil: undefined },
      );
    const written: fc.Arbitrary<WrittenTiming> = fc.record({
      interval: given('interval', 1_000, 24 * hour),
      jitter: given('jitter', 0, 24 * hour),
      startSplay: given('start_splay', 0, 24 * hour),
      maxStale: given('max_stale', 1_000, 100 * hour),
      graces: fc.array(
        fc.integer({ min: 3_000, max: 720 * hour }).map((value) => ({ name: 'grace', value })),
        { maxLength: 2 },
      ),
      skew: given('skew', 1_000, hour),
      replayTtl: given('replay_ttl', 2_000, 10 * hour),
      onDemand: given('on_demand', 0, 6_000),
      requestsPerMinute: given('requests', 1, 60_000),
      supersededMax: fc.integer({ min: 1, max: 16 }),
      tokens: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(written, (w) => {
        const r = resolveTiming(w);
        if (r.problems.length > 0)
          return r.problems.every(({ key, fix }) => key !== '' && fix !== '');
        const need = w.tokens === 0 ? 0 : steadyNeedPerMinute({ ...w, intervalMs: r.intervalMs });
        return (
          r.intervalMs >= 1_000 &&
          r.intervalMs <= 24 * hour &&
          r.jitterMs >= 0 &&
          r.jitterMs <= r.intervalMs &&
          (w.startSplay?.value ?? 0) <= r.intervalMs &&
          (w.maxStale?.value ?? Infinity) >= r.intervalMs &&
          w.graces.every(({ value }) => value >= 3 * (r.intervalMs + r.jitterMs)) &&
          r.graceMs <= 720 * hour &&
          r.replayTtlMs >= 2 * r.maxSkewMs &&
          r.requestsPerMinute + 1e-6 >= need + (w.tokens === 0 ? 0 : 5 * r.onDemandPerMinute) &&
          r.requestsPerMinute <= 60_000 &&
          (w.interval === undefined || r.intervalMs === w.interval.value) &&
          (w.jitter === undefined || r.jitterMs === w.jitter.value) &&
          (w.onDemand === undefined || r.onDemandPerMinute === w.onDemand.value)
        );
      }),
      { numRuns: 20_000 },
    );
    t.pass();
  },
);
