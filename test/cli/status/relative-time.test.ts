import t from 'tap';
import { ageOf, relative } from '../../../src/cli/status/relative-time.js';

t.test('a length of time has at most two units', async (t) => {
  const cases = [
    [-1, '0s'],
    [0, '0s'],
    [0.9, '0s'],
    [59.9, '59s'],
    [60, '1m'],
    [61, '1m 1s'],
    [3600, '1h'],
    [3661, '1h 1m'],
    [90_000, '1d 1h'],
  ] as const;
  for (const [seconds, text] of cases) t.equal(ageOf(seconds), text);
});

t.test('an instant is told from now', async (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  t.equal(relative('2026-01-01T00:00:00.4Z', now), 'now');
  t.equal(relative('2026-01-01T00:01:00Z', now), 'in 1m');
  t.equal(relative('2025-12-31T23:59:00Z', now), '1m ago');
  t.equal(relative('soon', now), 'soon');
});
