// Publish before use: docs/token.md, "Pending".
import t from 'tap';
import { Story } from './story.js';

t.test(
  'a version with not_before in the future is pending: it verifies, but does not sign',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    t.equal(story.wait(10).put('b', { notBefore: 600 }).pollChange(), 'pending');
    t.equal(story.signs(), 'a');
    t.strictSame(story.verifies(), ['a', 'b']);
    t.match(story.snapshot.pending, [
      { version: 2, firstVersion: 2, notBeforeAt: story.now + 600_000 },
    ]);
  },
);

t.test('a pending token becomes current by time alone, also during an outage', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 600 }).poll();
  t.equal(story.seconds(story.snapshot.nextChangeAt), 600);
  t.equal(story.wait(600).signs(), 'b');
  t.equal(story.agent.decisions.at(-1)?.change, 'rotated');
  t.strictSame(story.verifies(), ['b', 'a']);
  t.strictSame(story.ends(), [900], 'the grace counts from the activation');
  t.equal(story.pollChange(), 'unchanged');
});

t.test('who looks late sees the same as who looked all the time', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 600 }).poll();
  story.wait(86_400);
  t.strictSame(story.verifies(), ['b'], 'the hold-over counts from the activation too');
});

t.test('a pending token with nothing before it is current at once', async (t) => {
  const first = new Story().put('a', { notBefore: 600 });
  t.equal(first.pollChange(), 'loaded');
  t.equal(first.signs(), 'a');
  t.strictSame(first.snapshot.pending, []);
  t.equal(first.wait(10).put('b').pollChange(), 'rotated');
  t.strictSame(first.verifies(), ['b', 'a']);
});

t.test('a pending token with only pruned versions before it is current at once', async (t) => {
  const story = new Story().put('a').put('b', { notBefore: 600 });
  story.vault.setMaxVersions(1);
  story.poll();
  t.equal(story.signs(), 'b');
});

t.test(
  'a cold start does not promote a pending token before the older versions are read',
  async (t) => {
    const story = new Story().put('a').put('b', { notBefore: 600 });
    story.poll();
    t.equal(story.signs(), 'a');
    t.notOk(story.agent.decisions.some(({ change }) => change === 'rotated'));
  },
);

t.test('of two pending tokens with nothing before them, the older one signs', async (t) => {
  const story = new Story().put('a', { notBefore: 900 });
  story.poll();
  story.wait(10).put('b', { notBefore: 600 }).poll();
  t.equal(story.signs(), 'a', 'a pending newer one does not take its place early');
  t.equal(story.restart().poll().newest?.change, 'pending');
  t.equal(story.signs(), 'a', 'and who starts later agrees');
  t.equal(story.wait(600).signs(), 'b');
});

t.test('a jump to a pending version never leaves a running agent without a token', async (t) => {
  const story = new Story().put('a', { notBefore: 900 });
  story.poll();
  story.put('b', { notBefore: 1000 }).put('c', { notBefore: 1100 });
  story.poll();
  t.notOk(story.agent.decisions.some(({ before, after }) => before.current && !after.current));
  t.strictSame(story.verifies(), ['a', 'b', 'c']);
});

t.test('writing the current value again takes a pending token back: no rotation', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b', { notBefore: 600 }).poll();
  story.wait(10).vault.rollback(1, story.now);
  t.equal(story.pollChange(), 'cancelled');
  t.match(story.snapshot, { current: { version: 3, firstVersion: 1 }, pending: [] });
  t.strictSame(story.verifies(), ['a', 'b'], 'what was published still verifies for a grace');
  t.strictSame(story.ends(), [320]);
  t.equal(story.wait(3600).signs(), 'a', 'it never becomes current');
  t.notOk(story.agent.decisions.some(({ change }) => change === 'rotated'));
  story.restart().poll();
  t.match(story.snapshot.current, { version: 3, firstVersion: 1 }, 'a later start sees the same');
});

t.test('a cancelled pending token ends nobody', async (t) => {
  const story = new Story().put('z').put('a');
  story.poll();
  story.wait(10).put('b', { notBefore: 20, grace_seconds: 0 }).poll();
  story.wait(10).put('a').poll();
  story.wait(60).poll();
  t.strictSame(story.verifies(), ['a', 'b', 'z'], 'z keeps its grace');
});

t.test('taking back with grace_seconds=0 ends the pending token at once', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b', { notBefore: 600 }).poll();
  story.wait(10).put('a', { grace_seconds: 0 }).poll();
  t.strictSame(story.verifies(), ['a']);
});

t.test(
  'a pending token taken back during an outage that outlasted its not_before gives way',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.wait(10).put('b', { notBefore: 60 }).poll();
    story.wait(10).put('a').wait(600);
    t.equal(story.signs(), 'b', 'it became current here by time alone');
    t.equal(story.pollChange(), 'rotated');
    t.strictSame(
      story.verifies(),
      ['a', 'b'],
      'and keeps the hold-over, since this process signed with it',
    );
    t.strictSame(story.ends(), [650]);
  },
);

for (const kind of ['delete', 'destroy'] as const) {
  t.test(`a ${kind} of a pending token cancels it`, async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.wait(10).put('b', { notBefore: 600 }).poll();
    if (kind === 'delete') story.vault.delete();
    else story.vault.destroy(2);
    t.equal(story.pollChange(), 'cancelled');
    t.strictSame(story.verifies(), ['a']);
    t.equal(story.wait(600).signs(), 'a');
    t.ok(story.poll().isConfirmed, 'the current one is read by number and confirmed');
  });
}

t.test(
  'a pending token that is not the newest is looked at too: destroyed, it never signs',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.wait(10).put('b', { notBefore: 600 }).poll();
    story.wait(10).put('c', { notBefore: 900 }).poll();
    story.vault.destroy(2);
    t.strictSame(story.wait(10).poll().reads, [1, 2]);
    t.strictSame(story.verifies(), ['a', 'c']);
    t.equal(story.wait(600).signs(), 'a');
    t.equal(story.wait(300).signs(), 'c');
  },
);

t.test('an undelete brings a cancelled pending token back', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b', { notBefore: 600 }).poll();
  story.vault.delete();
  story.poll();
  story.vault.undelete();
  t.equal(story.pollChange(), 'pending');
  t.strictSame(story.verifies(), ['a', 'b']);
  t.equal(story.wait(600).signs(), 'b');
});

t.test('a pending token that is overtaken never signs, and keeps a grace', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b', { notBefore: 600 }).poll();
  story.wait(10).put('c').poll();
  t.strictSame(story.verifies(), ['c', 'b', 'a']);
  t.strictSame(story.ends(), [320, 320]);
  t.equal(story.wait(900).signs(), 'c');
});

t.test('of two pending tokens the one with the earlier not_before comes first', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 900 }).put('c', { notBefore: 600 });
  story.poll();
  t.strictSame(
    story.snapshot.pending.map((one) => one.version),
    [3, 2],
  );
  t.equal(story.wait(600).signs(), 'c');
  t.equal(story.wait(600).signs(), 'c', 'the older one is overtaken');
});

t.test('a pending token can be moved while it is pending', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 600 }).poll();
  story.wait(10).patch({ notBefore: 900 }).poll();
  t.equal(story.wait(600).signs(), 'a');
  t.equal(story.wait(300).signs(), 'b');
});

t.test('a token that was active never becomes pending again', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  story.wait(10).patch({ notBefore: 600 }).poll();
  t.equal(story.signs(), 'b');
  story.restart().poll();
  t.equal(story.signs(), 'b', 'for who starts later as well');
});

t.test(
  'a token that became active during an outage is not put back by a late not_before',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.put('b', { notBefore: 60 }).poll();
    story.wait(30).patch({ notBefore: 3600 });
    story.wait(60);
    t.equal(story.signs(), 'b');
    story.poll();
    t.equal(story.signs(), 'b');
  },
);

t.test('a not_before in the past changes nothing', async (t) => {
  const story = new Story().put('a').put('b', { notBefore: -3600 });
  story.poll();
  t.strictSame(story.verifies(), ['b', 'a']);
  t.strictSame(story.ends(), [300]);
});

t.test('a clock that is set back does not make a current token pending again', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 600 }).poll();
  story.wait(600);
  t.equal(story.signs(), 'b');
  story.wait(-500);
  t.equal(story.signs(), 'b');
  t.strictSame(story.verifies(), ['b', 'a']);
});

t.test('a clock that was wrong for a while takes no grace away', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  t.strictSame(story.wait(3600).verifies(), ['b']);
  t.strictSame(story.wait(-3500).verifies(), ['b', 'a']);
});

t.test('writing a pending value again takes no other pending token back', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.put('b', { notBefore: 600 }).put('c', { notBefore: 700 }).put('b', { notBefore: 800 });
  for (const start of ['running', 'restarted']) {
    if (start === 'restarted') story.restart();
    story.poll();
    t.strictSame(
      story.snapshot.pending.map((one) => one.version),
      [2, 3, 4],
      start,
    );
  }
});
