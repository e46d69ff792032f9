import t from 'tap';
import { buildReports } from '../../src/daemon/reports.js';
import type { TokenService } from '../../src/daemon/token-service.js';
import { RefreshLoop } from '../../src/refresh/loop.js';
import type { ReadResult } from '../../src/refresh/reader.js';
import { TokenStore } from '../../src/token/store.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { answered, FakeReader } from '../fixtures/fake-reader.js';
import { live } from '../fixtures/readings.js';

function setUp(answer: () => ReadResult | Promise<ReadResult>) {
  const clock = new FakeClock();
  const store = new TokenStore({
    field: 'token',
    limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
    shortGraceMs: 180_000,
    now: clock.now(),
  });
  const loop = new RefreshLoop({
    name: 'default',
    store,
    reader: new FakeReader(answer),
    settings: { intervalMs: 60_000, jitterMs: 10_000, startSplayMs: 0, timeoutMs: 10_000 },
    clock,
    random: () => 0.5,
    onAttempt: () => undefined,
  });
  const service: TokenService = {
    config: { name: 'default', path: 'token', field: 'token', graceMs: 300_000, required: true },
    source: store,
    loop,
    start: () => loop.start(),
    stop: () => loop.stop(),
    reconfigure: () => undefined,
  };
  const reports = buildReports({
    agentId: 'app-0',
    version: '0.1.0',
    clock,
    services: [service],
    vault: {
      address: () => 'http://127.0.0.1:8200',
      authenticated: () => true,
      loginExpiresAt: () => null,
      renewalFailed: () => false,
      clockOffsetMs: () => 0,
    },
    sinks: { health: () => undefined, facts: () => [] },
    limits: () => ({ maxStaleMs: 259_200_000, intervalMs: 60_000 }),
  });
  return { clock, loop, reports };
}

t.test('stopped for an hour, it is live for who asks before the loop could run', async (t) => {
  const { clock, loop, reports } = setUp(() => answered(live(1, 'a', 0)));
  void loop.start();
  await clock.untilSleeping();
  clock.suspend(3_600_000);
  t.not(loop.lateness(), null, 'it looks late');
  const asked = reports.livez();
  await settle();
  await clock.advance(1_000);
  t.strictSame(await asked, { ok: true });
  await loop.stop();
});

t.test('a loop that is stuck stays late however often it is looked at', async (t) => {
  const { clock, loop, reports } = setUp(() => new Promise<never>(() => undefined));
  void loop.start();
  await settle();
  await clock.advance(40_001);
  const asked = reports.livez();
  await settle();
  await clock.advance(1_000);
  t.match(await asked, { ok: false, reason: /beyond its deadline/ });
});

t.test('once started, always started; ready follows the token', async (t) => {
  const { clock, loop, reports } = setUp(() => answered(live(1, 'a', 0)));
  t.equal(reports.startupz().ok, false);
  t.match(reports.readyz(), { ok: false, reason: /default is absent/ });
  void loop.start();
  await clock.untilSleeping();
  t.equal(reports.startupz().ok, true);
  t.equal(reports.readyz().ok, true);
  await loop.stop();
  await clock.advance(259_200_001);
  t.equal(reports.startupz().ok, true);
  t.match(reports.readyz(), { ok: false, reason: /default is expired/ });
});
