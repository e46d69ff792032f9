// The cell: one frozen snapshot, told to all listeners after the assignment; what it keeps is bounded.
import { format, inspect } from 'node:util';
import t from 'tap';
import { emptyHistory, type TokenHistory } from '../../src/token/history.js';
import { observeNewest } from '../../src/token/observe-newest.js';
import { settleHistory } from '../../src/token/settle.js';
import type { Decision } from '../../src/token/store.js';
import { settings, tokenText } from './agent-model.js';
import { brokenInvariant } from './invariants.js';
import { Kv2Model, readingOf } from './kv2-model.js';
import { Story, T0 } from './story.js';

t.test('before the first answer there is no token, and the snapshot says so', async (t) => {
  const { snapshot } = new Story();
  t.match(snapshot, { revision: 0, current: null, missing: 'absent', nextChangeAt: Infinity });
  t.equal(brokenInvariant(snapshot, T0), null);
});

t.test('listeners are told of every decision after the swap, until they unsubscribe', async (t) => {
  const story = new Story().put('a');
  const told: Decision[] = [];
  const unsubscribe = story.agent.store.subscribe((decision) => {
    t.equal(decision.after, story.agent.store.at(story.now), 'the swap has happened');
    told.push(decision);
  });
  story.poll();
  story.poll();
  t.strictSame(
    told.map(({ change }) => change),
    ['loaded', 'unchanged'],
  );
  t.equal(told[1]?.before, told[1]?.after, 'the very same snapshot when nothing changed');
  unsubscribe();
  story.put('b').poll();
  t.equal(told.length, 2);
});

t.test('each thing that time brings has a decision of its own, at its own instant', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 100 }).put('c', { notBefore: 200 });
  story.poll();
  const before = story.agent.decisions.length;
  story.wait(86_400).signs();
  const later = story.agent.decisions.slice(before);
  t.strictSame(later.map(({ change }) => change).slice(0, 2), ['rotated', 'rotated']);
  t.strictSame(later.map(({ after }) => after.current?.version).slice(0, 2), [2, 3]);
  t.strictSame(story.verifies(), ['c']);
});

t.test('new limits from a reload are obeyed at once', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  const { store } = story.agent;
  store.reconfigure({ ...settings, limits: { ...settings.limits, graceMs: 600_000 } }, story.now);
  t.strictSame(story.ends(), [600]);
  story.vault.delete();
  story.poll();
  t.equal(story.signs(), 'b');
  store.reconfigure(
    { ...settings, limits: { ...settings.limits, onDeleted: 'revoke' } },
    story.now,
  );
  t.equal(story.snapshot.missing, 'revoked');
});

t.test('a weak token is taken with a warning', async (t) => {
  const story = new Story();
  story.vault.put({ token: 'k'.repeat(16) }, story.now);
  t.match(story.poll().newest?.observation, { warnings: [/^the token is weak: 16 bytes, 32 are/] });
});

t.test('nothing printed of a decision holds the value', async (t) => {
  const story = new Story().put('canary').put('canary2', { notBefore: 60 });
  story.poll();
  const printed = [story.agent.decisions, story.snapshot, story.snapshot.current?.value].flatMap(
    (one) => [
      JSON.stringify(one),
      inspect(one, { depth: 10, showHidden: true }),
      format('%s %j', one, one),
    ],
  );
  t.notOk(printed.some((text) => text.includes('canary')));
  t.equal(String(story.snapshot.current?.value), '[agent token]');
});

t.test('after 10,000 rotations, patches and destroys the history has not grown', async (t) => {
  const vault = new Kv2Model();
  vault.setMaxVersions(10);
  let history: TokenHistory = emptyHistory;
  let largest = 0;
  for (let write = 0; write < 10_000; write += 1) {
    const now = T0 + write * 1000;
    vault.put({ token: tokenText(`r${write - (write % 3)}`) }, now);
    if (write % 7 === 0) vault.destroy(vault.state.newest);
    const observed = observeNewest(history, readingOf(vault.state), { ...settings, now });
    history = settleHistory({ ...observed.history, readBack: null }, now, settings.limits);
    const { generations, left, destroyed, revoked } = history;
    largest = Math.max(largest, generations.length, left.length, destroyed.length, revoked.length);
  }
  t.ok(largest <= 64, `at most ${largest} of anything`);
});

t.test('many pending versions never push the current one out', async (t) => {
  const story = new Story().put('a');
  story.poll();
  for (let index = 0; index < 200; index += 1) {
    story.wait(1).put(`p${index}`, { notBefore: 86_400 }).poll();
  }
  t.equal(story.signs(), 'a');
});
