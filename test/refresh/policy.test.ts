import t from 'tap';
import fc from 'fast-check';
import { failureClasses } from '../../src/health/failure.js';
import { delayAfter } from '../../src/refresh/policy.js';

const schedule = { intervalMs: 60_000, jitterMs: 10_000 };
const always = (value: number) => () => value;

t.test('the wait after the first good read is spread over the whole interval', async (t) => {
  const attempt = { failure: null, consecutiveFailures: 0, isFirstGood: true };
  t.equal(delayAfter(attempt, schedule, always(0.5)), 30_000);
  t.equal(delayAfter(attempt, schedule, always(0)), 100, 'and never nothing');
});

t.test('later waits are the interval and a jitter drawn once', async (t) => {
  const attempt = { failure: null, consecutiveFailures: 0, isFirstGood: false };
  let draws = 0;
  const random = () => {
    draws += 1;
    return 0.25;
  };
  t.equal(delayAfter(attempt, schedule, random), 62_500);
  t.equal(draws, 1);
});

t.test('backoff doubles from 1 s to the interval, with full jitter', async (t) => {
  const capOf = (consecutiveFailures: number) =>
    delayAfter(
      {
        failure: { class: 'vault_unreachable', message: '' },
        consecutiveFailures,
        isFirstGood: false,
      },
      schedule,
      always(1),
    );
  t.strictSame(
    [1, 2, 3, 6, 7, 8, 5000].map(capOf),
    [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000],
  );
});

t.test('Retry-After is waited out whole, also when it is longer than the interval', async (t) => {
  const failure = { class: 'vault_rate_limited', message: '', retryAfterMs: 120_000 } as const;
  const attempt = { failure, consecutiveFailures: 1, isFirstGood: false };
  t.equal(delayAfter(attempt, schedule, always(0)), 120_000);
  t.equal(
    delayAfter(attempt, schedule, always(1)),
    130_000,
    'and a fleet does not come back at once',
  );
});

t.test('what only an operator can mend is asked again at the interval', async (t) => {
  const patient = failureClasses.filter((failureClass) => {
    const failure = { class: failureClass, message: '' };
    const attempt = { failure, consecutiveFailures: 1, isFirstGood: false };
    return delayAfter(attempt, schedule, always(0)) === schedule.intervalMs;
  });
  t.strictSame(patient, [
    'vault_refused',
    'secret_deleted',
    'secret_destroyed',
    'secret_absent',
    'secret_malformed',
    'version_regressed',
  ]);
});

t.test('every wait is a finite number within its bounds, whatever came before', async () => {
  fc.assert(
    fc.property(
      fc.option(
        fc.record({
          class: fc.constantFrom(...failureClasses),
          retryAfterMs: fc.option(fc.integer({ min: 1000, max: 300_000 })),
        }),
      ),
      fc.nat(),
      fc.boolean(),
      fc.integer({ min: 1000, max: 86_400_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (fault, failures, isFirstGood, intervalMs, jitterShare, drawn) => {
        const jitterMs = jitterShare * intervalMs;
        const failure =
          fault === null
            ? null
            : {
                class: fault.class,
                message: '',
                ...(fault.retryAfterMs === null ? {} : { retryAfterMs: fault.retryAfterMs }),
              };
        const attempt = { failure, consecutiveFailures: failures + 1, isFirstGood };
        const delayMs = delayAfter(attempt, { intervalMs, jitterMs }, () => drawn);
        const longest = Math.max(intervalMs, failure?.retryAfterMs ?? 0) + jitterMs;
        return delayMs >= 100 && delayMs <= longest;
      },
    ),
    { numRuns: 10_000 },
  );
});
