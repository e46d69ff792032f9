// One backoff for all secrets of one Vault: when it refuses them all, one asks for all; what only one of them is told
// keeps nobody else waiting.
import t from 'tap';
import { RefreshLoop } from '../../src/refresh/loop.js';
import { isOfAll, Outage } from '../../src/refresh/outage.js';
import type { ReadResult } from '../../src/refresh/reader.js';
import { TokenStore } from '../../src/token/store.js';
import { FakeClock, settle } from '../fixtures/fake-clock.js';
import { answered, failed, FakeReader } from '../fixtures/fake-reader.js';
import { live } from '../fixtures/readings.js';

type Answer = () => ReadResult | Promise<ReadResult>;
const good: Answer = () => answered(live(1, 'a', 0));
const gone: Answer = () => failed('vault_unreachable');

interface Secret {
  readonly loop: RefreshLoop;
  readonly reader: FakeReader;
  readonly ends: Promise<void>;
  answer: Answer;
}

/** Secrets of one Vault, polled every minute, the draws of which are all `draw`. */
function secretsOf(count: number, draw: number) {
  const clock = new FakeClock();
  const outage = new Outage(clock);
  const secrets = Array.from({ length: count }, (_, index): Secret => {
    const reader = new FakeReader(() => secret.answer());
    const store = new TokenStore({
      field: 'token',
      limits: { graceMs: 300_000, supersededMax: 4, onDeleted: 'keep' },
      shortGraceMs: 180_000,
      now: clock.now(),
    });
    const loop = new RefreshLoop({
      name: `secret-${index}`,
      store,
      reader,
      settings: { intervalMs: 60_000, jitterMs: 10_000, startSplayMs: 0, timeoutMs: 10_000 },
      clock,
      random: () => draw,
      outage,
      onAttempt: () => undefined,
    });
    const secret: Secret = { loop, reader, ends: Promise.resolve(), answer: good };
    return secret;
  });
  const start = async (): Promise<void> => {
    for (const { loop } of secrets) void loop.start();
    await settle();
  };
  const stop = async (): Promise<void> => {
    await Promise.all(secrets.map(({ loop }) => loop.stop()));
  };
  const reads = (): number => secrets.reduce((sum, { reader }) => sum + reader.reads.length, 0);
  const answerAll = (answer: Answer): void => {
    for (const secret of secrets) secret.answer = answer;
  };
  return { clock, secrets, start, stop, reads, answerAll };
}

t.test('three secrets of a dead Vault ask as often as one does', async (t) => {
  const counts: number[] = [];
  for (const count of [1, 3]) {
    const { clock, secrets, start, stop, reads, answerAll } = secretsOf(count, 0.999);
    answerAll(gone);
    await start();
    t.equal(reads(), count, 'the polls that were due are made');
    await clock.advance(600_000);
    counts.push(reads() - count);
    for (const { loop } of secrets) {
      t.match(loop.record, { lastRefreshOk: false, error: { class: 'vault_unreachable' } });
      t.equal(loop.record.consecutiveFailures, (counts[0] ?? 0) + 1, 'each is told of each try');
      t.equal(loop.lateness(), null);
    }
    await stop();
  }
  t.equal(counts[0], 6 + Math.floor((600 - 63) / 60), '1, 2, 4, 8, 16, 32 s, then minutes');
  t.equal(counts[1], counts[0]);
});

t.test('a poll that is due during an outage is made, and joins its backoff', async (t) => {
  const { clock, secrets, start, stop, reads } = secretsOf(2, 0.5);
  const [first, second] = secrets as [Secret, Secret];
  first.answer = gone;
  await start();
  t.equal(reads(), 2);
  second.answer = gone;
  await clock.advance(30_000);
  t.equal(second.reader.reads.length, 2, 'its own poll');
  const before = reads();
  await clock.advance(60_000);
  t.equal(reads() - before, 2, 'at 31.5 s as the first one planned, and 30 s later');
  t.equal(first.loop.record.nextAttemptAt, second.loop.record.nextAttemptAt);
  await stop();
});

t.test('when Vault answers the one that asks, the others ask at once', async (t) => {
  const { clock, secrets, start, stop, answerAll } = secretsOf(3, 0.999);
  answerAll(gone);
  await start();
  await clock.advance(40_000);
  answerAll(good);
  await clock.advance(40_000);
  for (const { loop } of secrets) {
    t.match(loop.record, { lastRefreshOk: true, consecutiveFailures: 0, error: null });
  }
  await stop();
});

t.test('they take turns: what one alone is told does not hide that Vault is back', async (t) => {
  const { clock, secrets, start, stop, answerAll } = secretsOf(2, 0.999);
  answerAll(gone);
  await start();
  await clock.advance(200_000);
  const [first, second] = secrets as [Secret, Secret];
  second.answer = good;
  await clock.advance(120_000);
  t.equal(second.loop.record.lastRefreshOk, true);
  t.equal(first.loop.record.lastRefreshOk, false);
  const before = first.reader.reads.length;
  await clock.advance(600_000);
  t.ok(first.reader.reads.length - before >= 9, 'and the other one goes on by itself');
  await stop();
});

t.test('what may be the fault of one secret alone is asked for each', async (t) => {
  for (const of of [
    'vault_error',
    'vault_timeout',
    'vault_rate_limited',
    'vault_forbidden',
  ] as const) {
    t.equal(isOfAll({ class: of, message: '' }), false, of);
    const { clock, secrets, start, stop, answerAll } = secretsOf(2, 0.999);
    answerAll(() => failed(of));
    await start();
    await clock.advance(60_000);
    for (const { reader } of secrets) t.equal(reader.reads.length, 6, of);
    await stop();
  }
  t.equal(isOfAll({ class: 'vault_forbidden', message: '', isLoginDead: true }), true);
});

t.test(
  'while one asks the others wait for it; when it is stopped they ask themselves',
  async (t) => {
    const { clock, secrets, start, stop, answerAll } = secretsOf(2, 0.999);
    answerAll(gone);
    await start();
    let release: (result: ReadResult) => void = () => undefined;
    answerAll(() => new Promise((resolve) => (release = resolve)));
    await clock.advance(1_000);
    const [first, second] = secrets as [Secret, Secret];
    t.same([first.reader.reads.length, second.reader.reads.length], [2, 1]);
    t.equal(second.loop.lateness(), null);
    second.answer = good;
    const stopped = first.loop.stop();
    release(failed('vault_unreachable'));
    await stopped;
    await settle();
    t.equal(second.reader.reads.length, 1, 'it was told what the other one was told');
    await clock.advance(60_000);
    t.equal(second.loop.record.lastRefreshOk, true, 'and does not wait for one that is gone');
    await stop();
  },
);
