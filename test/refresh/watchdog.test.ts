import t from 'tap';
import { lateness } from '../../src/refresh/watchdog.js';

const NOW = 10_000_000;
const due = (agoMs: number) => ({ deadlineMs: null, nextAttemptMs: NOW - agoMs });
const running = (overMs: number) => ({ deadlineMs: NOW - overMs, nextAttemptMs: NOW - 3_600_000 });

t.test('with nothing in flight it is late a minute after the next attempt was due', async (t) => {
  t.equal(lateness(due(-3_600_000), NOW, 10_000), null, 'a wait, however long, is no lateness');
  t.equal(lateness(due(60_000), NOW, 10_000), null);
  t.equal(lateness(due(60_001), NOW, 10_000), 'the next refresh is 60 s late');
});

t.test('where Vault may take long, after three times as long', async (t) => {
  t.equal(lateness(due(180_000), NOW, 60_000), null);
  t.equal(lateness(due(180_001), NOW, 60_000), 'the next refresh is 180 s late');
  t.equal(lateness(due(60_000), NOW, 20_000), null);
  t.ok(lateness(due(60_001), NOW, 20_000));
});

t.test('in flight it is late 30 s beyond the deadline of the attempt alone', async (t) => {
  t.equal(lateness(running(-1), NOW, 10_000), null);
  t.equal(lateness(running(30_000), NOW, 60_000), null);
  t.equal(lateness(running(30_001), NOW, 60_000), 'a refresh is 30 s beyond its deadline');
});

t.test('a loop that did not begin, or ended, is not late', async (t) => {
  t.equal(lateness({ deadlineMs: null, nextAttemptMs: null }, NOW, 10_000), null);
});
