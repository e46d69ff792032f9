// Generations and rotations: docs/token.md, "What a rotation is".
import t from 'tap';
import { Story } from './story.js';

t.test('a new value is a rotation, and the old one verifies for its grace', async (t) => {
  const story = new Story().put('a');
  t.equal(story.pollChange(), 'loaded');
  t.equal(story.wait(10).pollChange(), 'unchanged');
  t.equal(story.wait(50).put('b').wait(10).pollChange(), 'rotated');
  t.equal(story.signs(), 'b');
  t.strictSame(story.verifies(), ['b', 'a']);
  t.strictSame(story.ends(), [360], 'counted from when b was written, not from when we saw it');
  story.now += 289_999;
  t.strictSame(story.verifies(), ['b', 'a'], 'a is accepted to the last millisecond');
  story.now += 1;
  t.strictSame(story.verifies(), ['b'], 'and then no more');
});

t.test('several rotations inside one grace all verify, newest first', async (t) => {
  const story = new Story().put('a');
  story.poll();
  for (const name of ['b', 'c', 'd']) {
    story.wait(20).put(name);
    story.poll();
  }
  t.strictSame(story.verifies(), ['d', 'c', 'b', 'a']);
  t.strictSame(story.ends(), [360, 340, 320], 'each ends a grace after its own successor');
});

t.test('at most superseded_max verify, the newest ones', async (t) => {
  const story = new Story().put('a');
  story.poll();
  for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
    story.wait(1).put(name);
    story.poll();
  }
  t.strictSame(story.verifies(), ['g', 'f', 'e', 'd', 'c']);
});

t.test('kv patch makes a new version, not a new token', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(100).patch({ note: 'by the night shift' });
  t.equal(story.pollChange(), 'patched');
  t.match(story.snapshot, {
    current: { version: 2, firstVersion: 1, createdAt: story.now - 100_000 },
    superseded: [],
  });
});

t.test('the same value written again is the same token, with its age', async (t) => {
  const story = new Story().put('a');
  story.poll();
  t.equal(story.wait(100).put('a').pollChange(), 'patched');
  t.equal(story.seconds(story.snapshot.current?.createdAt), 0);
  t.equal(story.snapshot.superseded.length, 0);
  t.equal(
    story.restart().pollChange(),
    'loaded',
    'a restart learns the same age from the older version',
  );
  t.equal(story.seconds(story.snapshot.current?.createdAt), 0);
});

t.test('the fields of the newest version of a generation count', async (t) => {
  const story = new Story().put('a', { grace_seconds: 1000 }).put('b', { grace_seconds: 400 });
  story.poll();
  t.strictSame(story.ends(), [400]);
  story.wait(10).patch({ grace_seconds: '600' });
  t.equal(story.pollChange(), 'patched');
  t.strictSame(story.ends(), [600]);
});

for (const [what, spoil] of [
  ['malformed', (story: Story) => story.putMalformed()],
  ['deleted', (story: Story) => (story.put('x').vault.delete(), story)],
  ['destroyed', (story: Story) => (story.put('x').vault.destroy(2), story)],
] as const) {
  t.test(`a ${what} version between equal values is ignored`, async (t) => {
    const story = new Story().put('a');
    story.poll();
    spoil(story.wait(10));
    story.wait(10).put('a');
    t.equal(story.pollChange(), 'patched', 'for who was there before');
    t.match(story.snapshot.current, { version: 3, firstVersion: 1 });
    story.restart().poll();
    t.match(story.snapshot.current, { version: 3, firstVersion: 1 }, 'and for who comes later');
    t.equal(story.seconds(story.snapshot.current?.createdAt), 0);
  });
}

t.test('a retired value written again is a new generation', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  story.wait(10).put('a');
  t.equal(story.pollChange(), 'rotated');
  t.match(story.snapshot.current, { version: 3, firstVersion: 3 });
  t.equal(story.seconds(story.snapshot.current?.createdAt), 10, 'its age begins anew');
  t.strictSame(story.verifies(), ['a', 'b']);
});

t.test(
  'grace_seconds comes from the document, else from the secret, else from the settings',
  async (t) => {
    const story = new Story().put('a').put('b');
    story.poll();
    t.strictSame(story.ends(), [300]);
    story.vault.setCustomMetadata({ grace_seconds: '500' });
    t.equal(story.pollChange(), 'patched');
    t.strictSame(story.ends(), [500]);
    story.patch({ grace_seconds: 700 }).poll();
    t.strictSame(story.ends(), [700]);
  },
);

t.test('custom metadata that is no number of seconds is ignored with a warning', async (t) => {
  const story = new Story().put('a').put('b');
  story.vault.setCustomMetadata({ grace_seconds: 'soon' });
  t.match(story.poll().newest?.observation, {
    warnings: ['custom_metadata.grace_seconds is not a number from 0 to 2592000: ignored'],
  });
  t.strictSame(story.ends(), [300]);
});

t.test('one grace_seconds=0 ends all older ones', async (t) => {
  const story = new Story().put('a').put('b').put('c');
  story.poll();
  t.strictSame(story.verifies(), ['c', 'b', 'a']);
  story.wait(5).put('d', { grace_seconds: 0 });
  t.equal(story.pollChange(), 'rotated');
  t.strictSame(story.verifies(), ['d'], 'with no hold-over');
  story.wait(5).put('e');
  story.poll();
  t.strictSame(story.verifies(), ['e', 'd'], 'and they stay ended behind a later rotation');
});

t.test('a short grace is obeyed with a warning', async (t) => {
  const story = new Story().put('a').put('b', { grace_seconds: 60 });
  t.match(story.poll().newest?.observation, { warnings: [/^grace_seconds 60 is shorter than/] });
  t.strictSame(story.ends(), [60]);
});

t.test('a token ends at its own expires_at, also within its grace', async (t) => {
  const story = new Story().put('a', { expires: 100 });
  story.poll();
  story.wait(20).put('b');
  story.poll();
  t.strictSame(story.ends(), [100]);
});

t.test('a current token past its expires_at is expired, and a new version heals it', async (t) => {
  const story = new Story().put('z').put('a', { expires: 100 });
  story.poll();
  t.equal(story.seconds(story.snapshot.nextChangeAt), 100);
  story.wait(100);
  t.match(story.snapshot, { current: null, missing: 'expired', last: { version: 2 } });
  t.equal(story.agent.decisions.at(-1)?.change, 'expired');
  t.strictSame(story.verifies(), ['z'], 'superseded ones verify to their end');
  t.equal(story.put('b').pollChange(), 'rotated');
  t.strictSame(story.verifies(), ['b', 'z'], 'the expired one does not come back');
});

t.test('kv patch expires_at shortens the life of what signs', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.patch({ expires: 10 }).poll();
  t.equal(story.signs(), 'a');
  t.equal(story.wait(10).signs(), null);
});

t.test('a deletion_time in the future is an expiry to report, harmless until then', async (t) => {
  const story = new Story();
  const deletionAt = story.now + 3_600_000;
  story.vault.put({ token: 'a'.repeat(32) }, story.now, new Date(deletionAt).toISOString());
  story.poll();
  t.match(story.snapshot.current, { deletionAt, expiresAt: null });
  story.wait(7200);
  t.not(story.signs(), null);
});

t.test('who swapped itself keeps the old token for a hold-over of 30 s', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b').wait(3600);
  t.equal(story.pollChange(), 'rotated', 'after an outage longer than the grace');
  t.strictSame(story.ends(), [3640]);
  t.strictSame(story.wait(29).verifies(), ['b', 'a']);
  t.strictSame(story.wait(1).verifies(), ['b']);
  t.strictSame(story.restart().poll().reads, [1]);
  t.strictSame(story.verifies(), ['b'], 'a cold start has no hold-over');
});

t.test('the hold-over is never longer than a grace on the way', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b', { grace_seconds: 10 }).wait(3600);
  story.poll();
  t.strictSame(story.ends(), [3620]);
});

t.test(
  'the hold-over does not outlive its own expires_at, and begins anew with each swap',
  async (t) => {
    const story = new Story().put('a', { expires: 3615 });
    story.poll();
    story.wait(10).put('b').wait(3600);
    story.poll();
    t.strictSame(story.ends(), [3615]);
    const again = new Story().put('a');
    again.poll();
    again.wait(10).put('b').poll();
    again.wait(10).put('a').poll();
    again.wait(10).put('b').wait(3600);
    again.poll();
    t.strictSame(again.ends(), [3660]);
  },
);
