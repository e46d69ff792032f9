// docs/errors.md against the code, both ways.
import t from 'tap';
import { exitCode } from '../../src/cli/exit-code.js';
import { failureClasses, type FailureClass } from '../../src/health/failure.js';
import { delayAfter } from '../../src/refresh/policy.js';
import { outcomeOfRead } from '../../src/vault/failure-of-answer.js';
import { codeSpansOf, page, tableUnder } from './markdown.js';

const text = page('docs/errors.md');
const rows = tableUnder(text, 'Failure classes');
const schedule = { intervalMs: 60_000, jitterMs: 10_000 };
const nearlyOne = (): number => 1 - Number.EPSILON;

t.test('the table has each failure class once, in order', async (t) => {
  t.strictSame(
    rows.map(([name]) => name?.replaceAll('`', '')),
    failureClasses,
  );
  t.ok(
    rows.every((row) => row.length === 5 && row.every((cell) => cell !== '')),
    'and no empty cell',
  );
});

t.test('the next attempt is as the table says', async (t) => {
  for (const [cell = '', , , next] of rows) {
    const name = cell.replaceAll('`', '') as FailureClass;
    t.equal(next, waitOf(name), name);
  }
});

function waitOf(name: FailureClass): string {
  const attempt = {
    failure: { class: name, message: '' },
    consecutiveFailures: 1,
    isFirstGood: false,
  };
  const longest = delayAfter(attempt, schedule, nearlyOne);
  const backoff = name === 'vault_rate_limited' ? '`Retry-After`, else backoff' : 'backoff';
  return longest > schedule.intervalMs ? 'interval' : backoff;
}

t.test('the numbers of the waits are those of the schedule', async (t) => {
  const after = (failures: number, random: () => number): number =>
    delayAfter(
      {
        failure: { class: 'vault_error', message: '' },
        consecutiveFailures: failures,
        isFirstGood: false,
      },
      schedule,
      random,
    );
  t.equal(Math.round(after(1, nearlyOne)), 1000, 'a ceiling that starts at 1 s');
  t.equal(Math.round(after(2, nearlyOne)), 2000, 'and doubles');
  t.equal(Math.round(after(40, nearlyOne)), schedule.intervalMs, 'up to the interval');
  t.equal(
    after(1, () => 0),
    100,
    'never closer than 100 ms',
  );
  const firstGood = { failure: null, consecutiveFailures: 0, isFirstGood: true };
  t.equal(
    delayAfter(firstGood, schedule, () => 0.5),
    schedule.intervalMs / 2,
    'a random part of the interval after the first good read',
  );
});

t.test('what Vault answers has the class that its row describes', async (t) => {
  const answers: readonly (readonly [number, string, FailureClass])[] = [
    [503, '{"errors":["Vault is sealed"]}', 'vault_sealed'],
    [500, '{}', 'vault_error'],
    [412, '{}', 'vault_error'],
    [400, '{"errors":[]}', 'vault_refused'],
    [405, '{"errors":[]}', 'vault_refused'],
    [418, '{}', 'vault_refused'],
    [307, '', 'vault_standby'],
    [429, '{"errors":[]}', 'vault_rate_limited'],
    [403, '{"errors":["permission denied"]}', 'vault_forbidden'],
    [404, '{"errors":[]}', 'secret_absent'],
    [200, '<html>', 'secret_malformed'],
  ];
  for (const [status, bodyText, expected] of answers) {
    const answer = { status, bodyText, headers: { date: null, retryAfter: null, location: null } };
    const location = { mount: 'secret', pathPrefix: 'keytender', deployment: 'd', path: 'token' };
    const outcome = outcomeOfRead(answer, { location, nowMs: 0 });
    t.equal(outcome.ok ? 'ok' : outcome.failure.class, expected, `${status} ${bodyText}`);
  }
});

t.test('the exit codes are those of the program', async (t) => {
  const listed = tableUnder(text, 'Exit codes').map(([code]) => Number(code));
  t.strictSame(listed, Object.values(exitCode));
});

t.test('whatever looks like a class anywhere in the page is one', async (t) => {
  const named = codeSpansOf(text).filter((code) => /^(?:vault|secret|version)_[a-z_]+$/.test(code));
  t.strictSame(
    named.filter((name) => !(failureClasses as readonly string[]).includes(name)),
    [],
  );
});
