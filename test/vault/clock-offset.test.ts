import t from 'tap';
import { clockOffsetMs, offsetSampleMs, withSample } from '../../src/vault/clock-offset.js';

const at = (iso: string): number => Date.parse(iso);

t.test('an answer of a clock that agrees shows no offset', async (t) => {
  const sample = offsetSampleMs({
    sentAt: at('2026-01-01T00:00:10.400Z'),
    receivedAt: at('2026-01-01T00:00:10.600Z'),
    date: 'Thu, 01 Jan 2026 00:00:10 GMT',
  });
  t.equal(sample, 0);
});

t.test('an answer without a readable Date says nothing', async (t) => {
  t.equal(offsetSampleMs({ sentAt: 0, receivedAt: 0, date: null }), null);
  t.equal(offsetSampleMs({ sentAt: 0, receivedAt: 0, date: 'soon' }), null);
});

t.test('the median of the last five counts, so that one slow answer does not', async (t) => {
  let samples: readonly number[] = [];
  for (const sample of [60_000, 61_000, 60_500, 9_000_000, 60_200]) {
    samples = withSample(samples, sample);
  }
  t.equal(clockOffsetMs(samples), 60_500);
  for (let count = 0; count < 5; count += 1) samples = withSample(samples, -3_600_000);
  t.equal(clockOffsetMs(samples), -3_600_000, 'older ones are forgotten');
});

t.test('below two seconds, and before the first answer, there is none', async (t) => {
  t.equal(clockOffsetMs([]), 0);
  t.equal(clockOffsetMs([1_999]), 0);
  t.equal(clockOffsetMs([-1_999, 1_500]), 0);
  t.equal(clockOffsetMs([2_000]), 2_000);
  t.equal(clockOffsetMs([-4_000, -3_000]), -3_500);
});
