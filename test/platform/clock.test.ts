import t from 'tap';
import { clampDelayMs, systemClock } from '../../src/platform/clock.js';

t.test('a delay is clamped to what setTimeout can keep', async (t) => {
  t.equal(clampDelayMs(-1), 0);
  t.equal(clampDelayMs(Number.NaN), 0);
  t.equal(clampDelayMs(2 ** 40), 2 ** 31 - 1);
  t.equal(clampDelayMs(250), 250);
});

t.test('a sleep ends at once when it is aborted, with the reason', async (t) => {
  const abort = new AbortController();
  const sleep = systemClock.sleep(60_000, abort.signal);
  abort.abort(new Error('stopping'));
  await t.rejects(sleep, { message: 'stopping' });
  await t.rejects(systemClock.sleep(60_000, abort.signal), { message: 'stopping' });
});

t.test('a sleep that is not aborted resolves', async (t) => {
  await t.resolves(systemClock.sleep(1));
});
