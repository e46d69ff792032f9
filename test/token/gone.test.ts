// Deleted and destroyed versions: docs/token.md, "Deleted and destroyed".
import t from 'tap';
import { Story } from './story.js';

const revoke = { limits: { onDeleted: 'revoke' } } as const;

t.test(
  'destroying the newest version revokes the token at once, and nothing takes its place',
  async (t) => {
    const story = new Story().put('a').put('b');
    story.poll();
    story.wait(10).vault.destroy(2);
    t.equal(story.pollChange(), 'revoked');
    t.match(story.snapshot, { current: null, missing: 'revoked', last: { version: 2 } });
    t.strictSame(story.verifies(), ['a'], 'superseded ones verify to their end');
    t.strictSame(story.ends(), [300]);
    t.strictSame(story.wait(300).verifies(), []);
  },
);

t.test('a newer version heals a revoked token', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.vault.destroy(1);
  story.poll();
  t.equal(story.wait(10).put('b').pollChange(), 'rotated');
  t.strictSame(story.verifies(), ['b'], 'the destroyed one has neither grace nor hold-over');
});

t.test('a destroyed value is dead in whatever older versions hold it', async (t) => {
  const story = new Story().put('a').put('b').put('a');
  story.poll();
  t.strictSame(story.verifies(), ['a', 'b']);
  story.vault.destroy(3);
  story.poll();
  t.strictSame(story.verifies(), ['b']);
  story.wait(10).put('c').poll();
  t.strictSame(story.verifies(), ['c', 'b']);
});

t.test(
  'a destroyed value is dead too where an older version that holds it is read only later',
  async (t) => {
    const story = new Story().put('a').put('b').put('a');
    story.agent.store.observeNewest(
      {
        kind: 'live',
        version: 3,
        createdTime: createdTimeOf(story, 3),
        fields: { token: text('a') },
        customMetadata: null,
        deletionTime: null,
      },
      story.now,
    );
    story.vault.destroy(3);
    story.poll();
    t.strictSame(story.verifies(), ['b'], 'version 1 was read after the destroy of version 3');
  },
);

t.test('a value that was destroyed may be written again: a new token', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.vault.destroy(1);
  story.poll();
  t.equal(story.wait(10).put('a').pollChange(), 'restored');
  t.match(story.snapshot.current, { version: 2, firstVersion: 2, createdAt: story.now });
});

t.test('a lagging node that still shows a destroyed version is ignored', async (t) => {
  const story = new Story().put('a');
  const lagging = story.vault.state;
  story.poll();
  story.vault.destroy(1);
  story.poll();
  t.equal(story.poll(lagging).newest?.observation.kind, 'regressed');
  t.equal(story.signs(), null);
});

t.test('a node that shows a destroyed version as deleted does not bring it back', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.vault.delete();
  const lagging = story.vault.state;
  t.equal(story.poll().newest?.observation.kind, 'deleted');
  story.vault.destroy(1);
  story.poll();
  t.equal(story.signs(), null);
  t.equal(story.poll(lagging).newest?.observation.kind, 'destroyed');
  t.equal(story.signs(), null);
});

t.test('destroying an older version revokes its generation within one poll', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  story.wait(10).vault.destroy(1);
  t.strictSame(story.wait(60).poll().reads, [1]);
  t.strictSame(story.verifies(), ['b']);
  t.equal(story.signs(), 'b');
});

t.test('destroying the newest version of a patched older token revokes it', async (t) => {
  const story = new Story().put('a').patch({ note: 'x' }).put('b');
  story.poll();
  t.strictSame(story.verifies(), ['b', 'a']);
  story.vault.destroy(2);
  story.wait(60).poll();
  t.strictSame(story.verifies(), ['b']);
});

t.test('destroying an older version of a value that still signs revokes nothing', async (t) => {
  const story = new Story().put('a').put('b').put('a');
  story.poll();
  story.vault.destroy(1);
  story.wait(60).poll();
  t.strictSame(story.verifies(), ['a', 'b']);
});

t.test(
  'destroying one of two generations with a value leaves it to the other, to its end',
  async (t) => {
    const story = new Story().put('a').wait(100).put('b').wait(100).put('a').wait(100).put('c');
    story.poll();
    t.strictSame(story.verifies(), ['c', 'a', 'b', 'a']);
    story.vault.destroy(3);
    story.wait(60).poll();
    t.strictSame(story.verifies(), ['c', 'b', 'a']);
    t.strictSame(story.ends(), [500, 400]);
  },
);

t.test(
  'a soft delete of the newest version is harmless where on_deleted is keep, and visible',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.vault.delete();
    t.equal(story.poll().newest?.observation.kind, 'deleted');
    t.equal(story.signs(), 'a');
    story.vault.undelete();
    t.equal(story.pollChange(), 'unchanged');
  },
);

t.test(
  'a soft delete revokes where on_deleted is revoke, and an undelete restores it with its age',
  async (t) => {
    const story = new Story(revoke).put('a');
    story.poll();
    story.vault.delete();
    t.equal(story.wait(60).pollChange(), 'revoked');
    t.equal(story.snapshot.missing, 'revoked');
    story.vault.undelete();
    t.equal(story.wait(60).pollChange(), 'restored');
    t.equal(story.seconds(story.snapshot.current?.createdAt), 0);
  },
);

t.test('a superseded version follows on_deleted as well', async (t) => {
  const kept = new Story().put('a').put('b');
  const revoked = new Story(revoke).put('a').put('b');
  for (const story of [kept, revoked]) {
    story.poll();
    story.vault.delete(1);
    story.wait(60).poll();
  }
  t.strictSame(kept.verifies(), ['b', 'a']);
  t.strictSame(revoked.verifies(), ['b']);
  revoked.vault.undelete(1);
  revoked.wait(60).poll();
  t.strictSame(revoked.verifies(), ['b', 'a'], 'an undelete is seen');
});

t.test('a current that is revoked gives way to a pending token at once', async (t) => {
  const story = new Story().put('z').put('a');
  story.poll();
  story.put('b', { notBefore: 3600 }).poll();
  story.vault.destroy(2);
  t.equal(story.signs(), 'a');
  story.wait(60).poll();
  t.equal(story.signs(), 'b');
  t.strictSame(story.verifies(), ['b', 'z']);
});

t.test(
  'a start with the current destroyed behind a pending token signs with the pending one',
  async (t) => {
    const story = new Story().put('z').put('a').put('b', { notBefore: 3600 });
    story.vault.destroy(2);
    story.poll();
    t.equal(story.signs(), 'b', 'and never with the one that the destroyed one had retired');
    t.strictSame(story.verifies(), ['b', 'z']);
  },
);

t.test(
  'a current that was deleted behind a pending token comes back with an undelete',
  async (t) => {
    const story = new Story(revoke).put('a');
    story.poll();
    story.put('b', { notBefore: 3600 }).poll();
    story.vault.delete(1);
    story.wait(60).poll();
    t.strictSame(story.verifies(), ['b']);
    story.vault.undelete(1);
    story.wait(60).poll();
    t.strictSame(story.verifies(), ['a', 'b']);
  },
);

t.test('a promoted token that is destroyed is revoked, not absent', async (t) => {
  const story = new Story().put('a', { notBefore: 3600 });
  story.poll();
  story.vault.destroy(1);
  t.equal(story.pollChange(), 'revoked');
  t.match(story.snapshot, { missing: 'revoked', last: { version: 1 } });
});

for (const kind of ['deleted', 'destroyed'] as const) {
  t.test(`a ${kind} newest version that we never held revokes nothing we hold`, async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.put('b');
    if (kind === 'deleted') story.vault.delete();
    else story.vault.destroy(2);
    const poll = story.wait(60).poll();
    t.equal(poll.newest?.observation.kind, kind);
    t.strictSame(poll.reads, [1], 'what we hold is read by number');
    t.ok(poll.isConfirmed);
    t.equal(story.signs(), 'a');
  });
}

t.test('versions between what we hold and a destroyed newest one are learnt', async (t) => {
  const story = new Story().put('a');
  story.poll();
  story.wait(10).put('b').put('c').vault.destroy(3);
  story.poll();
  t.strictSame(story.verifies(), ['b', 'a']);
});

t.test('a start on a destroyed newest version is revoked, until a new version', async (t) => {
  const story = new Story().put('a').put('b');
  story.vault.destroy(2);
  t.equal(story.pollChange(), 'revoked');
  t.match(story.snapshot, { current: null, missing: 'revoked', superseded: [] });
  t.strictSame(story.poll().reads, [], 'behind it nothing is trusted');
  story.wait(10).put('c').poll();
  t.strictSame(story.verifies(), ['c']);
});

t.test('a start on a deleted newest version is absent, until an undelete', async (t) => {
  const story = new Story().put('a').put('b');
  story.vault.delete();
  t.equal(story.pollChange(), 'unchanged');
  t.equal(story.snapshot.missing, 'absent');
  story.vault.undelete();
  t.equal(story.pollChange(), 'loaded');
  t.strictSame(story.verifies(), ['b', 'a']);
});

t.test('a start on a deleted newest version is absent, until a new version', async (t) => {
  const story = new Story().put('a').put('b');
  story.vault.delete();
  story.poll();
  story.wait(10).put('c').poll();
  t.strictSame(story.verifies(), ['c', 'a']);
});

t.test('a start on a deleted version that is destroyed later is revoked', async (t) => {
  const story = new Story().put('a');
  story.vault.delete();
  story.poll();
  const lagging = story.vault.state;
  story.vault.destroy(1);
  t.equal(story.pollChange(), 'revoked');
  story.poll(lagging);
  t.equal(story.snapshot.missing, 'revoked');
});

for (const [kind, missing] of [
  ['deleted', 'absent'],
  ['destroyed', 'revoked'],
] as const) {
  t.test(`a start on a malformed version above a ${kind} one is ${missing}`, async (t) => {
    const story = new Story().put('a').put('b');
    if (kind === 'deleted') story.vault.delete();
    else story.vault.destroy(2);
    story.putMalformed().poll();
    t.match(story.snapshot, { current: null, missing });
    if (kind === 'deleted') {
      story.vault.undelete(2);
      story.wait(60).poll();
      t.equal(story.signs(), 'b', 'an undelete is seen');
    }
    story.wait(60).put('c').poll();
    t.equal(story.signs(), 'c');
  });
}

t.test(
  'superseded versions are looked at each poll for 5 minutes, then every 5 minutes',
  async (t) => {
    const story = new Story().put('a').put('b', { grace_seconds: 3600 });
    story.poll();
    const lookedAt: number[] = [];
    for (let second = 60; second <= 1800; second += 60) {
      story.wait(60);
      if (story.poll().reads.includes(1)) lookedAt.push(second);
    }
    t.strictSame(lookedAt, [60, 120, 180, 240, 540, 840, 1140, 1440, 1740]);
  },
);

t.test('a pruned version that we hold is unknown, never revoked', async (t) => {
  const story = new Story().put('a').put('b');
  story.poll();
  story.vault.setMaxVersions(1);
  t.strictSame(story.wait(60).poll().reads, [1]);
  t.strictSame(story.verifies(), ['b', 'a']);
});

function text(name: string): string {
  return name.padEnd(32, '.');
}

function createdTimeOf(story: Story, version: number): string {
  return story.vault.state.versions.find((one) => one.version === version)?.createdTime ?? '';
}

t.test(
  'destroying a pending version cancels an older pending one with its value too',
  async (t) => {
    const story = new Story().put('a');
    story.poll();
    story.put('b', { notBefore: 600 }).put('c', { notBefore: 700 }).put('b', { notBefore: 800 });
    story.poll();
    story.vault.destroy(4);
    story.poll();
    t.strictSame(story.verifies(), ['a', 'c']);
    t.equal(story.wait(650).signs(), 'a');
    t.equal(story.wait(100).signs(), 'c');
  },
);
