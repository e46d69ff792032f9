import t from 'tap';
import { retryAfterMs } from '../../src/vault/retry-after.js';

const nowMs = Date.parse('2026-01-01T00:00:00Z');

const cases: readonly (readonly [string | null, number | null])[] = [
  ['2', 2_000],
  [' 120 ', 120_000],
  ['0', 1_000],
  ['301', 300_000],
  ['9999999999', 300_000],
  ['99999999999999999999', null],
  ['-1', null],
  ['1.5', null],
  ['', null],
  [null, null],
  ['soon', null],
  ['2026-01-01T00:01:00Z', null],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Thursday, 01-Jan-26 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 1_000],
  ['Thu, 01 Jan 2099 00:00:00 GMT', 300_000],
];

for (const [header, expected] of cases) {
  t.test(
    `Retry-After ${header === null ? 'absent' : `"${header}"`} waits ${expected ?? 'as if absent'}`,
    async (t) => {
      t.equal(retryAfterMs(header, null, nowMs), expected);
    },
  );
}

t.test("a date is reckoned by the server's own clock", async (t) => {
  const date = 'Thu, 01 Jan 2026 01:00:00 GMT';
  t.equal(retryAfterMs('Thu, 01 Jan 2026 01:00:30 GMT', date, nowMs), 30_000);
});
