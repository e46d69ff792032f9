// Learning the history from older versions: docs/token.md, "After a start".
import t from 'tap';
import { readingOf } from './kv2-model.js';
import { Story } from './story.js';

t.test('a cold start inside the grace accepts what the others accept', async (t) => {
  const story = new Story().put('a').wait(100).put('b').wait(100).put('c').wait(100);
  t.strictSame(story.poll().reads, [2, 1]);
  t.strictSame(story.verifies(), ['c', 'b', 'a']);
  t.strictSame(story.ends(), [500, 400]);
});

t.test('reading back stops at a different value whose grace is over', async (t) => {
  const story = new Story().put('a').put('b').put('c').wait(10_000).put('d').put('e');
  t.strictSame(story.poll().reads, [4, 3, 2], 'b ended when c came');
  t.strictSame(story.verifies(), ['e', 'd', 'c']);
});

t.test('reading back goes on behind versions of the same value', async (t) => {
  const story = new Story().put('a').wait(10_000).put('b');
  for (let patch = 0; patch < 5; patch += 1) story.wait(10).patch({ patch });
  story.wait(10_000);
  t.strictSame(story.poll().reads, [6, 5, 4, 3, 2, 1]);
  t.equal(story.seconds(story.snapshot.current?.createdAt), 10_000);
});

t.test(
  'reading back goes on behind a cancelled pending token, so that a restart keeps the age',
  async (t) => {
    const story = new Story().put('a').wait(100).put('b', { notBefore: 600 }).wait(100).put('a');
    story.wait(10_000).poll();
    t.equal(story.seconds(story.snapshot.current?.createdAt), 0);
  },
);

t.test('reading back never asks for more than 32 versions, nor for version 0', async (t) => {
  const story = new Story();
  for (let version = 1; version <= 50; version += 1) story.put(`a${version}`);
  const { reads } = story.poll();
  t.equal(reads.length, 32);
  t.equal(reads.at(0), 49);
  t.equal(reads.at(-1), 18);
  t.equal(story.verifies().length, 5);
  t.strictSame(new Story().put('a').poll().reads, []);
});

t.test('a jump of several versions reads those in between', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b').wait(10).put('c').wait(10).put('d');
  t.strictSame(story.poll().reads, [3, 2, 1], 'in between, then the superseded one held already');
  t.strictSame(story.verifies(), ['d', 'c', 'b', 'a']);
  t.strictSame(story.ends(), [330, 320, 310]);
});

t.test('a bare 404 on the way means pruned: unknown, and nothing older is asked for', async (t) => {
  const story = new Story().put('a').put('b').put('c');
  story.vault.setMaxVersions(1);
  t.strictSame(story.poll().reads, [2]);
  t.strictSame(story.verifies(), ['c']);
  t.strictSame(story.poll().reads, []);
});

t.test('a read-back that was interrupted goes on at the next refresh', async (t) => {
  const story = new Story().put('a').put('b').put('c');
  const { store } = story.agent;
  store.observeNewest(readingOf(story.vault.state), story.now);
  t.equal(store.nextRead(story.now, new Set()), 2);
  t.equal(
    store.nextRead(story.now, new Set([2])),
    null,
    'a failed read is not asked for again at once',
  );
  t.strictSame(story.wait(60).poll().reads, [2, 1]);
  t.strictSame(story.verifies(), ['c', 'b', 'a']);
});

t.test('a version above one that is still being read back is learnt too', async (t) => {
  const story = new Story().put('a').put('b').put('c');
  story.agent.store.observeNewest(readingOf(story.vault.state), story.now);
  story.put('d').put('e');
  t.strictSame(story.poll().reads, [4, 3, 2, 1]);
  t.strictSame(story.verifies(), ['e', 'd', 'c', 'b', 'a']);
});

t.test('a malformed newest is skipped, by who is running and by who starts', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).putMalformed();
  const poll = story.poll();
  t.match(poll.newest?.observation, {
    kind: 'malformed',
    problem: 'the secret has no field "token"',
  });
  t.strictSame(poll.reads, [1]);
  t.ok(poll.isConfirmed);
  t.equal(story.signs(), 'a');
  story.restart().poll();
  t.equal(story.signs(), 'a');
  t.equal(story.put('b').pollChange(), 'rotated');
});

t.test('behind a malformed newest, the newest well-formed version is found', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b').putMalformed().putMalformed();
  story.poll();
  t.strictSame(story.verifies(), ['b', 'a']);
  story.restart().poll();
  t.strictSame(story.verifies(), ['b', 'a']);
});

t.test('a version whose expires_at is not later than it becomes active is skipped', async (t) => {
  const story = new Story().put('a', { expires: 100 });
  story.poll();
  story.wait(200).vault.patch({ token: 'b'.repeat(32) }, story.now);
  t.match(story.poll().newest?.observation, {
    kind: 'malformed',
    problem: /^field "expires_at" is not later than the token becomes active/,
  });
  t.equal(
    story.put('c', { notBefore: 60, expires: 60 }).poll().newest?.observation.kind,
    'malformed',
  );
  t.equal(
    story.put('c', { notBefore: 60, expires: 61 }).poll().newest?.observation.kind,
    'accepted',
  );
});

t.test('while nothing well-formed is found nothing is made up', async (t) => {
  const story = new Story().putMalformed().putMalformed();
  story.poll();
  t.match(story.snapshot, { current: null, missing: 'absent' });
  story.put('a').poll();
  t.equal(story.signs(), 'a');
});

t.test(
  'a current that is not the newest is read by number each poll, and live confirms it',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.put('b', { notBefore: 3600 }).poll();
    for (let poll = 0; poll < 10; poll += 1) {
      const { reads, isConfirmed } = story.wait(60).poll();
      t.strictSame(reads, [1]);
      t.ok(isConfirmed);
    }
  },
);

t.test('a jump over a rotation and back learns the value in between', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b').wait(10).put('a').wait(10);
  t.strictSame(story.poll().reads, [2]);
  t.strictSame(story.verifies(), ['a', 'b']);
  t.equal(story.seconds(story.snapshot.current?.createdAt), 20, 'a was rotated away and back');
});

t.test('a jump over a cancelled pending version keeps the age', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b', { notBefore: 600 }).wait(10).put('a').wait(10);
  t.equal(story.pollChange(), 'patched');
  t.strictSame(story.verifies(), ['a', 'b']);
  t.equal(story.seconds(story.snapshot.current?.createdAt), 0);
});
